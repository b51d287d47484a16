import Foundation

/// What the regions of a file say of the patches of a slide.
struct LabelledRegions {
    /// What becomes of one patch.
    enum Verdict: Equatable {
        case label(Label)
        /// No region lies in its centre.
        case untouched
        /// Normal regions cover its centre only in part.
        case partly
    }

    /// A patch as it lies on the slide; the side of its footprint is in full-resolution pixels.
    struct Patch {
        let job: UUID
        let x: Int64
        let y: Int64
        let side: Int64
    }

    private var regions: [Label: RegionMap] = [:]
    /// Tiles that were exported speak of one job, whatever else lies under them.
    private var tiles: [UUID: Label] = [:]
    /// What is no area and says nothing of a patch, whatever its class.
    private(set) var marks: [QuPathMark: Int] = [:]

    /// - Throws: `OperationError` naming the feature whose class has no meaning.
    init(_ file: QuPathFile, names: LabelNames) throws(OperationError) {
        for (index, feature) in file.features.enumerated() {
            let areas: [Region]
            switch feature.shape {
            case .area(let regions): areas = regions
            case .mark(let mark):
                marks[mark, default: 0] += 1
                continue
            }
            let name = feature.className ?? ""
            guard let meaning = names.meaning(of: name) else {
                throw OperationError(
                    "feature \(index + 1) " + (name.isEmpty ? "has no class" : "has the class \(name)")
                        + ": say what it means with --class '\(name)=LABEL', LABEL being tumor, normal, unassessable or "
                        + "skip")
            }
            guard case .label(let label) = meaning else { continue }
            if feature.isTile, let job = feature.id {
                tiles[job] = tiles[job].map { min($0, label) } ?? label
            } else {
                for region in areas { regions[label, default: RegionMap()].add(region) }
            }
        }
    }

    /// tumor where a tumour region touches the centre, unassessable where one of these does, normal only where normal
    /// regions cover all of it.
    func verdict(on patch: Patch) -> Verdict {
        let center = GridRectangle(centerOfPatchAtX: patch.x, y: patch.y, side: patch.side)
        let normal = touching(center, .normal)
        let isNormal = normal.contains { $0.covers(center) } || RegionCover(center, by: normal).isComplete
        let drawn: Label? =
            !touching(center, .tumor).isEmpty
            ? .tumor : !touching(center, .unassessable).isEmpty ? .unassessable : isNormal ? .normal : nil
        if let label = [drawn, tiles[patch.job]].compactMap({ $0 }).min() { return .label(label) }
        return normal.isEmpty ? .untouched : .partly
    }

    private func touching(_ center: GridRectangle, _ label: Label) -> [Region] {
        regions[label]?.near(center).filter { $0.touches(center) } ?? []
    }

    /// Tiles of jobs that are not among these.
    func unknownTiles(besides jobs: Set<UUID>) -> [UUID] { tiles.keys.filter { !jobs.contains($0) } }
}

/// Regions by the squares of the slide that they reach into, so that a patch looks at few of many thousands.
private struct RegionMap {
    private struct Square: Hashable {
        let column: Int64
        let row: Int64
    }

    private static let side = 2048 * GridPoint.unitsAPixel
    /// Of regions that reach into more squares nobody keeps account: they are asked every time.
    private static let mostSquares: Int64 = 20_000
    private var regions: [Region] = []
    private var places: [Square: [Int]] = [:]
    private var everywhere: [Int] = []

    mutating func add(_ region: Region) {
        let (columns, rows) = RegionMap.squares(region.bounds)
        if Int64(columns.count) * Int64(rows.count) > RegionMap.mostSquares {
            everywhere.append(regions.count)
        } else {
            for column in columns {
                for row in rows { places[Square(column: column, row: row), default: []].append(regions.count) }
            }
        }
        regions.append(region)
    }

    func near(_ rectangle: GridRectangle) -> [Region] {
        let (columns, rows) = RegionMap.squares(rectangle)
        let inSquares = columns.flatMap { column in rows.flatMap { places[Square(column: column, row: $0)] ?? [] } }
        return Set(inSquares + everywhere).sorted().map { regions[$0] }
    }

    private static func squares(_ bounds: GridRectangle) -> (columns: ClosedRange<Int64>, rows: ClosedRange<Int64>) {
        func square(_ place: Int64) -> Int64 { (place - (place < 0 ? side - 1 : 0)) / side }
        return (square(bounds.minX)...square(bounds.maxX), square(bounds.minY)...square(bounds.maxY))
    }
}
