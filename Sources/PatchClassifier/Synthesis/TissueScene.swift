/// Composes a patch of lymph node: ground, holes and cells.
struct TissueScene {
    private(set) var tissue: Tissue
    /// The direction that fibres run in.
    private let grain: SIMD2<Double>
    private var cells: [Cell] = []

    init(side: Int, _ random: inout RandomStream) {
        tissue = Tissue(side: side)
        grain = random.direction()
    }

    private var middle: SIMD2<Double> { SIMD2(repeating: Double(tissue.side - 1) / 2) }

    /// Tissue without tumour: mostly lymphocytes, sometimes connective tissue, fat or a sinus.
    mutating func growNormal(_ random: inout RandomStream) {
        switch random.unit() {
        case ..<0.58: growLymphoid(&random)
        case ..<0.76: growStroma(&random)
        case ..<0.88: growFat(&random)
        default: growSinus(&random)
        }
    }

    /// A sheet of tumour cells all over, or a nest of them in the middle among lymphocytes or connective tissue.
    mutating func growTumor(_ random: inout RandomStream) {
        let isSheet = random.unit() < 0.45
        let atypia = random.uniform(0.1...1)
        let among = random.unit() < 0.6
        ground(eosin: 0.55...0.85, blue: 0.06...0.14, fibrousness: 0.25...0.5, looseness: 0...0.35, &random)
        let nest = Outline(roundness: 0.6...1, irregularity: 0.25, &random)
        let radius = isSheet ? Double(tissue.side) : random.uniform(20...38)
        let offset = random.direction() * random.uniform(0...8)
        let center = middle + offset
        // One cell for certain where the label says that there is tumour.
        add(.tumor(at: middle + random.direction() * random.uniform(0...10), atypia: atypia, &random), gap: 0)
        let spacing = random.uniform(-0.5...1.8)
        scatter(900, &random) { place, random in
            guard nest.distance(place - center, radius: radius) < 0 else { return nil }
            return (.tumor(at: place, atypia: atypia, &random), spacing)
        }
        scatter(900, &random) { [grain] place, random in
            guard nest.distance(place - center, radius: radius) > 3 || random.unit() < 0.02 else { return nil }
            let isLymphocyte = among ? random.unit() < 0.9 : random.unit() < 0.1
            if !isLymphocyte && random.unit() > 0.12 { return nil }
            return (isLymphocyte ? .lymphocyte(at: place, &random) : .spindle(at: place, along: grain, &random), 0.6)
        }
        paintCells(&random)
    }

    private mutating func growLymphoid(_ random: inout RandomStream) {
        ground(eosin: 0.35...0.75, blue: 0.06...0.2, fibrousness: 0...0.3, looseness: 0.05...0.6, &random)
        let pale = random.uniform(0.02...0.2)
        let spacing = random.uniform(-0.7...1.4)
        scatter(random.whole(500...1600), &random) { place, random in
            random.unit() < pale
                ? (.histiocyte(at: place, &random), spacing) : (.lymphocyte(at: place, &random), spacing)
        }
        paintCells(&random)
        if random.unit() < 0.15 { clearHoles(1...1, radius: 5...14, &random) }
    }

    private mutating func growStroma(_ random: inout RandomStream) {
        ground(eosin: 0.45...0.9, blue: 0.02...0.08, fibrousness: 0.75...1, looseness: 0...0.4, &random)
        let share = random.uniform(0.02...0.1)
        scatter(random.whole(150...500), &random) { [grain] place, random in
            let dice = random.unit()
            if dice < share { return (.lymphocyte(at: place, &random), 1) }
            return dice < 0.2 ? (.spindle(at: place, along: grain, &random), 3) : nil
        }
        paintCells(&random)
    }

    private mutating func growFat(_ random: inout RandomStream) {
        ground(eosin: 0.4...0.8, blue: 0.03...0.1, fibrousness: 0.4...0.8, looseness: 0...0.3, &random)
        scatter(120, &random) { [grain] place, random in
            (random.unit() < 0.5 ? .lymphocyte(at: place, &random) : .spindle(at: place, along: grain, &random), 2)
        }
        paintCells(&random)
        clearHoles(15...30, radius: 10...28, &random)
    }

    private mutating func growSinus(_ random: inout RandomStream) {
        ground(eosin: 0.15...0.4, blue: 0.02...0.06, fibrousness: 0.1...0.5, looseness: 0.2...0.7, &random)
        scatter(random.whole(100...350), &random) { place, random in
            random.unit() < 0.45 ? (.histiocyte(at: place, &random), 2) : (.lymphocyte(at: place, &random), 2.5)
        }
        paintCells(&random)
        clearHoles(1...4, radius: 5...10, &random)
    }

    private mutating func ground(
        eosin: ClosedRange<Double>, blue: ClosedRange<Double>, fibrousness: ClosedRange<Double>,
        looseness: ClosedRange<Double>, _ random: inout RandomStream
    ) {
        let (pink, violet) = (random.uniform(eosin), random.uniform(blue))
        let (streaks, clefts) = (random.uniform(fibrousness), random.uniform(looseness))
        tissue.paintGround(
            eosin: pink, haematoxylin: violet, fibrousness: streaks, looseness: clefts, along: grain, &random)
    }

    /// Places a cell when it keeps `gap` pixels from every other one.
    private mutating func add(_ cell: Cell, gap: Double) {
        let isFree = cells.allSatisfy { other in
            let between = other.center - cell.center
            let least = other.radius + cell.radius + gap
            return (between * between).sum() >= least * least
        }
        if isFree { cells.append(cell) }
    }

    /// Tries to place as many cells as `count`, at random places that may lie a little outside.
    private mutating func scatter(
        _ count: Int, _ random: inout RandomStream,
        _ make: (SIMD2<Double>, inout RandomStream) -> (cell: Cell, gap: Double)?
    ) {
        let range = -6...(Double(tissue.side) + 6)
        for _ in 0..<count {
            let place = SIMD2(random.uniform(range), random.uniform(range))
            if let (cell, gap) = make(place, &random) { add(cell, gap: gap) }
        }
    }

    /// Paints all cytoplasm below all nuclei.
    private mutating func paintCells(_ random: inout RandomStream) {
        for cell in cells { tissue.paintCytoplasm(cell) }
        for cell in cells { tissue.paintNucleus(cell, &random) }
    }

    /// Clears up to `count` holes that leave walls between them.
    private mutating func clearHoles(
        _ count: ClosedRange<Int>, radius: ClosedRange<Double>, _ random: inout RandomStream
    ) {
        let range = -10...(Double(tissue.side) + 10)
        var holes: [(center: SIMD2<Double>, radius: Double)] = []
        for _ in 0..<random.whole(count) {
            let hole = (center: SIMD2(random.uniform(range), random.uniform(range)), radius: random.uniform(radius))
            let isApart = holes.allSatisfy { other in
                let between = other.center - hole.center
                return (between * between).sum().squareRoot() > 0.95 * (other.radius + hole.radius)
            }
            guard isApart else { continue }
            holes.append(hole)
            tissue.clearHole(at: hole.center, radius: hole.radius, &random)
        }
    }
}
