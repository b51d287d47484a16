/// A polygon with holes. A place is inside where a ray from it crosses the outline an odd number of times.
struct Region {
    let bounds: GridRectangle
    private let rows: EdgeRows

    /// - Throws: `RegionFault` for a ring that encloses nothing.
    init(rings: [[GridPoint]]) throws(RegionFault) {
        guard let outer = rings.first else { throw RegionFault("a polygon has no ring") }
        for ring in rings { try Region.check(ring) }
        bounds = GridRectangle(around: outer)
        for ring in rings.dropFirst() {
            let hole = GridRectangle(around: ring)
            guard hole.minX >= bounds.minX, hole.minY >= bounds.minY, hole.maxX <= bounds.maxX, hole.maxY <= bounds.maxY
            else { throw RegionFault("a hole lies outside its polygon") }
        }
        rows = EdgeRows(
            rings.flatMap { ring in zip(ring, ring.dropFirst()).map { GridEdge(a: $0, b: $1) }.filter { $0.a != $0.b }
            },
            bounds)
    }

    /// RFC 7946, section 3.1.6: a closed line of at least four positions. And some area.
    private static func check(_ ring: [GridPoint]) throws(RegionFault) {
        guard ring.count >= 4 else {
            throw RegionFault("a ring has \(ring.count) positions: four or more are expected")
        }
        guard ring.first == ring.last else { throw RegionFault("a ring is not closed: its ends differ") }
        let origin = ring[0]
        let area = zip(ring, ring.dropFirst()).reduce(Int128(0)) { $0 + GridPoint.turn(origin, $1.0, $1.1) }
        guard area != 0 else { throw RegionFault("a ring encloses nothing") }
    }

    /// Whether any of the rectangle lies inside.
    func touches(_ rectangle: GridRectangle) -> Bool {
        guard bounds.overlaps(rectangle) else { return false }
        return isCut(by: rectangle) || contains(rectangle.middle)
    }

    /// Whether all of the rectangle lies inside.
    func covers(_ rectangle: GridRectangle) -> Bool {
        bounds.overlaps(rectangle) && !isCut(by: rectangle) && contains(rectangle.middle)
    }

    /// Every piece of the outline at the height of the rectangle, once each.
    func edges(beside rectangle: GridRectangle) -> [GridEdge] {
        Array(Set(rows.edges(from: rectangle.minY, through: rectangle.maxY)))
    }

    private func isCut(by rectangle: GridRectangle) -> Bool {
        rows.edges(from: rectangle.minY, through: rectangle.maxY).contains { $0.enters(rectangle) }
    }

    private func contains(_ point: GridPoint) -> Bool {
        rows.edges(from: point.y, through: point.y).filter { $0.isCrossed(byRayFrom: point) }.count % 2 == 1
    }
}

/// Why something is no region.
struct RegionFault: Error {
    let sentence: String

    init(_ sentence: String) {
        self.sentence = sentence
    }
}

/// The pieces of an outline by the horizontal strips that they pass, so that a patch looks at few of many thousands.
private struct EdgeRows {
    private var rows: [[GridEdge]]
    private let top: Int64
    private let height: Int64

    init(_ edges: [GridEdge], _ bounds: GridRectangle) {
        let count = Int64(max(1, min(1024, edges.count / 8)))
        top = bounds.minY
        height = (bounds.maxY - bounds.minY) / count + 1
        rows = Array(repeating: [], count: Int(count))
        for edge in edges {
            for row in self.span(from: min(edge.a.y, edge.b.y), through: max(edge.a.y, edge.b.y)) {
                rows[row].append(edge)
            }
        }
    }

    /// An edge that passes several strips comes several times.
    func edges(from minY: Int64, through maxY: Int64) -> some Sequence<GridEdge> {
        rows[span(from: minY, through: maxY)].lazy.joined()
    }

    private func span(from minY: Int64, through maxY: Int64) -> ClosedRange<Int> {
        func row(_ y: Int64) -> Int { Int(max(0, min(Int64(rows.count) - 1, (y - top) / height))) }
        return row(minY)...row(maxY)
    }
}
