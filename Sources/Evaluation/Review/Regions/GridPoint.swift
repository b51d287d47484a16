/// A place on a slide in thirty-thousandths of a full-resolution pixel, so that four decimals and thirds of a pixel are
/// whole numbers and every comparison is exact.
struct GridPoint: Hashable {
    static let unitsAPixel: Int64 = 30_000
    /// Farther out nothing of a slide lies, pixels.
    static let farthest = 100_000_000.0

    let x: Int64
    let y: Int64

    init(x: Int64, y: Int64) {
        self.x = x
        self.y = y
    }

    /// From full-resolution pixels, rounded to the fourth decimal; nil where nothing of a slide can lie.
    init?(pixelsX: Double, pixelsY: Double) {
        guard abs(pixelsX) <= GridPoint.farthest, abs(pixelsY) <= GridPoint.farthest else { return nil }
        x = Int64((pixelsX * 10_000).rounded()) * 3
        y = Int64((pixelsY * 10_000).rounded()) * 3
    }

    /// Twice the signed area of the triangle of three points: positive where `c` lies on the one side of the line from
    /// `a` to `b`, negative on the other.
    static func turn(_ a: GridPoint, _ b: GridPoint, _ c: GridPoint) -> Int128 {
        Int128(b.x - a.x) * Int128(c.y - a.y) - Int128(b.y - a.y) * Int128(c.x - a.x)
    }
}

/// A rectangle along the axes.
struct GridRectangle {
    var minX: Int64
    var minY: Int64
    var maxX: Int64
    var maxY: Int64

    /// The central 32x32 pixels of a patch whose footprint on the slide has this side, in full-resolution pixels.
    init(centerOfPatchAtX x: Int64, y: Int64, side: Int64) {
        let third = side * GridPoint.unitsAPixel / 3
        minX = x * GridPoint.unitsAPixel + third
        minY = y * GridPoint.unitsAPixel + third
        maxX = minX + third
        maxY = minY + third
    }

    /// Around all points, of which there is at least one.
    init(around points: [GridPoint]) {
        minX = points.map(\.x).min() ?? 0
        minY = points.map(\.y).min() ?? 0
        maxX = points.map(\.x).max() ?? 0
        maxY = points.map(\.y).max() ?? 0
    }

    var middle: GridPoint { GridPoint(x: minX + (maxX - minX) / 2, y: minY + (maxY - minY) / 2) }
    var corners: [GridPoint] {
        [
            GridPoint(x: minX, y: minY), GridPoint(x: maxX, y: minY), GridPoint(x: maxX, y: maxY),
            GridPoint(x: minX, y: maxY),
        ]
    }

    /// Whether the two share more than their edges.
    func overlaps(_ other: GridRectangle) -> Bool {
        minX < other.maxX && other.minX < maxX && minY < other.maxY && other.minY < maxY
    }
}

/// A straight piece of a region's outline.
struct GridEdge: Hashable {
    let a: GridPoint
    let b: GridPoint

    /// Whether some of it lies inside the rectangle, not only on its edges.
    func enters(_ rectangle: GridRectangle) -> Bool {
        // By separating axes: those of the rectangle, and the one across the edge.
        guard max(a.x, b.x) > rectangle.minX, min(a.x, b.x) < rectangle.maxX, max(a.y, b.y) > rectangle.minY,
            min(a.y, b.y) < rectangle.maxY
        else { return false }
        let turns = rectangle.corners.map { GridPoint.turn(a, b, $0) }
        return turns.contains { $0 > 0 } && turns.contains { $0 < 0 }
    }

    /// Whether a ray from the point towards larger x crosses it; an end that it meets counts for one of two edges.
    func isCrossed(byRayFrom point: GridPoint) -> Bool {
        guard (a.y > point.y) != (b.y > point.y) else { return false }
        let turn = GridPoint.turn(a, b, point)
        return b.y > a.y ? turn > 0 : turn < 0
    }
}
