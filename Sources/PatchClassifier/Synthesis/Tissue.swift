/// A square of artificial tissue: how much of each stain every pixel has bound. 1 is a dense nucleus or dense fibre.
struct Tissue {
    let side: Int
    /// Row by row from the top left.
    private(set) var haematoxylin: [Double]
    private(set) var eosin: [Double]

    init(side: Int) {
        self.side = side
        haematoxylin = [Double](repeating: 0, count: side * side)
        eosin = haematoxylin
    }

    /// Paints the ground between the cells: cloudy, streaky along `direction` by `fibrousness` and torn by pale clefts
    /// by `looseness` (both 0...1).
    mutating func paintGround(
        eosin density: Double, haematoxylin blue: Double, fibrousness: Double, looseness: Double,
        along direction: SIMD2<Double>, _ random: inout RandomStream
    ) {
        let (cloud, fibre) = (ValueNoise(&random), ValueNoise(&random))
        let (grain, cleft) = (ValueNoise(&random), ValueNoise(&random))
        paint(SIMD2(0, 0), reach: Double(2 * side)) { point, _, haematoxylin, eosin in
            let bend = 6 * cloud(point / 23)
            let along = (point * direction).sum()
            let across = point.x * -direction.y + point.y * direction.x + bend
            let streak = fibre(SIMD2(along / 22, across / 2.6))
            let cloudy = 0.55 * cloud(point / 11) + 0.45 * grain(point / 2.2)
            let strength = cloudy + (streak - cloudy) * fibrousness
            let torn = cleft(SIMD2(along / (4 + 6 * fibrousness), across / 3.4))
            let kept = 1 - 0.9 * ramp((torn - 1 + looseness) * 4)
            eosin = density * (0.25 + 1.5 * strength) * kept
            haematoxylin = blue * (0.3 + 1.4 * cloudy) * kept
        }
    }

    /// Clears a round hole (a fat cell, a vessel's lumen) and leaves its thin wall.
    mutating func clearHole(at center: SIMD2<Double>, radius: Double, _ random: inout RandomStream) {
        let outline = Outline(roundness: 0.9...1, irregularity: 0.06, &random)
        paint(center, reach: radius * 1.3) { _, offset, haematoxylin, eosin in
            let distance = outline.distance(offset, radius: radius)
            let kept = 1 - 0.97 * ramp(0.8 - distance)
            haematoxylin *= kept
            eosin *= kept
        }
    }

    /// Paints the cytoplasm around a nucleus, fading at its border.
    mutating func paintCytoplasm(_ cell: Cell) {
        paint(cell.center, reach: cell.radius * 2.4) { _, offset, haematoxylin, eosin in
            let inside = ramp((cell.cytoplasm - cell.outline.distance(offset, radius: cell.radius)) / 1.5)
            eosin += (cell.cytoplasmEosin - eosin) * inside * 0.8
            haematoxylin += (cell.cytoplasmBlue - haematoxylin) * inside * 0.8
        }
    }

    /// Paints a nucleus: a darker rim, clumped chromatin, and nucleoli where it has any.
    mutating func paintNucleus(_ cell: Cell, _ random: inout RandomStream) {
        let chromatin = ValueNoise(&random)
        let nucleoli = (0..<cell.nucleoli).map { _ in random.direction() * random.uniform(0...(0.45 * cell.radius)) }
        paint(cell.center, reach: cell.radius * 1.9) { point, offset, haematoxylin, eosin in
            let distance = cell.outline.distance(offset, radius: cell.radius)
            let inside = ramp(0.5 - distance / 1.3)
            if inside == 0 { return }
            let rim = cell.rim * ramp(1 - abs(distance + 0.9) / 1.4)
            let clumps = 1 + cell.clumping * (2 * chromatin(point / 1.9) - 1)
            var density = cell.density * clumps + rim
            for nucleolus in nucleoli {
                let gap = offset - nucleolus
                density += 0.5 * ramp(1.6 - (gap * gap).sum().squareRoot())
            }
            haematoxylin += (density - haematoxylin) * inside
            eosin *= 1 - 0.45 * inside
        }
    }

    /// Calls `body` for every pixel within `reach` of `center` with the pixel's place, its offset and its two stains.
    private mutating func paint(
        _ center: SIMD2<Double>, reach: Double,
        _ body: (SIMD2<Double>, SIMD2<Double>, inout Double, inout Double) -> Void
    ) {
        func span(_ middle: Double) -> Range<Int> {
            let start = max(0, Int((middle - reach).rounded(.up)))
            return start..<max(start, min(side, Int((middle + reach).rounded(.down)) + 1))
        }
        for y in span(center.y) {
            for x in span(center.x) {
                let point = SIMD2(Double(x), Double(y))
                body(point, point - center, &haematoxylin[y * side + x], &eosin[y * side + x])
            }
        }
    }
}

/// 0 below 0, 1 above 1, smooth between.
func ramp(_ value: Double) -> Double {
    let t = min(max(value, 0), 1)
    return t * t * (3 - 2 * t)
}
