/// A closed curve around a cell's centre: an ellipse with harmonics of the second to fourth order.
struct Outline {
    private let axis: SIMD2<Double>
    /// Ratio of the short axis to the long one.
    private let roundness: Double
    private let harmonics: [SIMD2<Double>]

    init(roundness: ClosedRange<Double>, irregularity: Double, _ random: inout RandomStream) {
        self.init(axis: random.direction(), roundness: roundness, irregularity: irregularity, &random)
    }

    init(
        axis: SIMD2<Double>, roundness: ClosedRange<Double>, irregularity: Double, _ random: inout RandomStream
    ) {
        self.axis = axis
        self.roundness = random.uniform(roundness)
        harmonics = (2...4).map { random.direction() * (irregularity * random.unit() / Double($0 - 1)) }
    }

    /// Distance of a point from the curve in pixels, about; negative inside. `offset` is from the centre.
    func distance(_ offset: SIMD2<Double>, radius: Double) -> Double {
        let stretch = roundness.squareRoot()
        let along = (offset * axis).sum() * stretch
        let across = (offset.y * axis.x - offset.x * axis.y) / stretch
        let length = (along * along + across * across).squareRoot()
        if length < 1e-9 { return -radius }
        let (c, s) = (along / length, across / length)
        // cos and sin of 2, 3 and 4 times the angle, by the addition theorems.
        let second = SIMD2(c * c - s * s, 2 * c * s)
        let third = SIMD2(second.x * c - second.y * s, second.x * s + second.y * c)
        let fourth = SIMD2(third.x * c - third.y * s, third.x * s + third.y * c)
        let swell =
            (harmonics[0] * second).sum() + (harmonics[1] * third).sum() + (harmonics[2] * fourth).sum()
        return length - radius * (1 + swell)
    }
}

/// One cell: where it lies and how its nucleus and cytoplasm look. Lengths in pixels of about 1 um, stains as in Tissue.
struct Cell {
    let center: SIMD2<Double>
    let radius: Double
    let outline: Outline
    let density: Double
    let clumping: Double
    let rim: Double
    let nucleoli: Int
    /// How far the cytoplasm reaches beyond the nucleus.
    let cytoplasm: Double
    let cytoplasmEosin: Double
    let cytoplasmBlue: Double
}

extension Cell {
    /// A small, round, dark nucleus almost without cytoplasm.
    static func lymphocyte(at center: SIMD2<Double>, _ random: inout RandomStream) -> Cell {
        Cell(
            center: center, radius: random.uniform(2.8...3.9),
            outline: Outline(roundness: 0.75...1, irregularity: 0.08, &random),
            density: random.uniform(0.75...1.15), clumping: 0.45, rim: 0.2, nucleoli: 0, cytoplasm: 0.8,
            cytoplasmEosin: 0.5, cytoplasmBlue: 0.1)
    }

    /// A large, pale, irregular nucleus with a marked rim and nucleoli in wide cytoplasm.
    static func tumor(at center: SIMD2<Double>, atypia: Double, _ random: inout RandomStream) -> Cell {
        let radius = 5 + 1.2 * atypia + (0.7 + atypia) * random.normal()
        return Cell(
            center: center, radius: min(max(radius, 4.2), 9.5),
            outline: Outline(roundness: 0.62...1, irregularity: 0.08 + 0.16 * atypia, &random),
            density: random.uniform(0.3...0.62), clumping: 0.55, rim: random.uniform(0.1...0.3),
            nucleoli: random.whole(0...2), cytoplasm: random.uniform(2.5...5),
            cytoplasmEosin: random.uniform(0.4...0.8), cytoplasmBlue: random.uniform(0.05...0.16))
    }

    /// The thin, long nucleus of a fibroblast along its fibre.
    static func spindle(at center: SIMD2<Double>, along axis: SIMD2<Double>, _ random: inout RandomStream) -> Cell {
        let turned = axis + random.direction() * 0.3
        let length = (turned * turned).sum().squareRoot()
        return Cell(
            center: center, radius: random.uniform(2.2...3.2),
            outline: Outline(axis: turned / length, roundness: 0.2...0.42, irregularity: 0.05, &random),
            density: random.uniform(0.55...0.95), clumping: 0.2, rim: 0.1, nucleoli: 0, cytoplasm: 0.3,
            cytoplasmEosin: 0.6, cytoplasmBlue: 0.05)
    }

    /// The pale, round to oval nucleus of a histiocyte or endothelial cell.
    static func histiocyte(at center: SIMD2<Double>, _ random: inout RandomStream) -> Cell {
        Cell(
            center: center, radius: random.uniform(3.4...4.6),
            outline: Outline(roundness: 0.55...0.9, irregularity: 0.07, &random),
            density: random.uniform(0.3...0.5), clumping: 0.5, rim: 0.25, nucleoli: 0, cytoplasm: 2,
            cytoplasmEosin: 0.45, cytoplasmBlue: 0.06)
    }
}
