/// Whether several regions cover a rectangle together, as two that were drawn side by side do.
///
/// Between the heights of all corners and crossings no outline bends, meets another or leaves the rectangle by its side,
/// so one line across each such strip tells of all of it.
struct RegionCover {
    /// Slits narrower than this are none, pixels: what rounding can make of a shared border.
    static let slit = 1e-6

    private let rectangle: GridRectangle
    private let outlines: [[GridEdge]]

    init(_ rectangle: GridRectangle, by regions: [Region]) {
        self.rectangle = rectangle
        outlines = regions.map { $0.edges(beside: rectangle) }
    }

    var isComplete: Bool {
        let heights = Set(cornersAndCrossings + [0, pixels(rectangle.maxY - rectangle.minY)]).sorted()
        return zip(heights, heights.dropFirst()).allSatisfy { top, bottom in
            bottom - top < RegionCover.slit || isCovered(at: (top + bottom) / 2)
        }
    }

    /// Heights below the rectangle's upper edge at which the order of lines can change.
    private var cornersAndCrossings: [Double] {
        let height = pixels(rectangle.maxY - rectangle.minY)
        let corners = outlines.joined().flatMap { [pixels($0.a.y - rectangle.minY), pixels($0.b.y - rectangle.minY)] }
        let inside = outlines.joined().filter { $0.enters(rectangle) }
        var heights = corners
        for (index, first) in inside.enumerated() {
            heights += sides.compactMap { crossing(first, $0) }
            for second in inside.dropFirst(index + 1) {
                if let crossing = crossing(first, second) { heights.append(crossing) }
            }
        }
        return heights.filter { (0...height).contains($0) }
    }

    private var sides: [GridEdge] {
        let corners = rectangle.corners
        return [GridEdge(a: corners[0], b: corners[3]), GridEdge(a: corners[1], b: corners[2])]
    }

    private func crossing(_ first: GridEdge, _ second: GridEdge) -> Double? {
        let (a, b) = (line(first), line(second))
        let divisor = a.slope - b.slope
        return divisor == 0 ? nil : (b.atTop - a.atTop) / divisor
    }

    private func isCovered(at height: Double) -> Bool {
        let width = pixels(rectangle.maxX - rectangle.minX) - RegionCover.slit
        let inside = outlines.flatMap { intervals(of: $0, at: height) }.sorted { $0.lowerBound < $1.lowerBound }
        var covered = 0.0
        for interval in inside where covered < width {
            if interval.lowerBound > covered + RegionCover.slit { return false }
            covered = max(covered, interval.upperBound)
        }
        return covered >= width
    }

    /// What of a line across the rectangle lies inside an outline, from its left edge.
    private func intervals(of outline: [GridEdge], at height: Double) -> [ClosedRange<Double>] {
        let crossings = outline.filter { edge in
            (pixels(edge.a.y - rectangle.minY) > height) != (pixels(edge.b.y - rectangle.minY) > height)
        }.map { edge in
            let line = line(edge)
            return line.atTop + line.slope * height
        }.sorted()
        return stride(from: 0, to: crossings.count - 1, by: 2).map { crossings[$0]...crossings[$0 + 1] }
    }

    /// A line that is not level, as x over y, from the upper left corner of the rectangle. Of a level one nothing is asked.
    private func line(_ edge: GridEdge) -> (atTop: Double, slope: Double) {
        let (x, y) = (pixels(edge.a.x - rectangle.minX), pixels(edge.a.y - rectangle.minY))
        let rise = pixels(edge.b.y - edge.a.y)
        let slope = rise == 0 ? 0 : pixels(edge.b.x - edge.a.x) / rise
        return (x - slope * y, slope)
    }

    private func pixels(_ units: Int64) -> Double { Double(units) / Double(GridPoint.unitsAPixel) }
}
