/// Counts in fixed bins: bin k holds edges[k] <= value < edges[k + 1], the last one its upper edge too. Only histograms of
/// the same edges can be merged or compared.
public struct FixedHistogram: Sendable, Equatable {
    /// Strictly rising, at least two.
    public let edges: [Double]
    public private(set) var counts: [Int]
    /// Values below the first edge.
    public private(set) var underflow = 0
    /// Values above the last edge.
    public private(set) var overflow = 0
    /// Values that are not numbers: kept apart, in no bin and not in `total`.
    public private(set) var notANumber = 0

    /// - Precondition: the edges rise strictly, and there are at least two.
    public init(edges: [Double], _ values: some Sequence<Double> = []) {
        precondition(edges.count >= 2 && zip(edges, edges.dropFirst()).allSatisfy(<), "edges rise strictly")
        self.edges = edges
        counts = [Int](repeating: 0, count: edges.count - 1)
        for value in values { add(value) }
    }

    /// From what `allCounts` gave.
    ///
    /// - Precondition: there is a count for each bin, for what is below, and for what is above; none is negative.
    public init(edges: [Double], allCounts: [Int]) {
        self.init(edges: edges)
        precondition(allCounts.count == edges.count + 1 && allCounts.allSatisfy { $0 >= 0 }, "a count for every bin")
        counts = Array(allCounts[1..<edges.count])
        (underflow, overflow) = (allCounts[0], allCounts[edges.count])
    }

    public var total: Int { underflow + overflow + counts.reduce(0, +) }

    /// Underflow, bins, overflow.
    public var allCounts: [Int] { [underflow] + counts + [overflow] }

    public mutating func add(_ value: Double) {
        if value.isNaN {
            notANumber += 1
        } else if value < edges[0] {
            underflow += 1
        } else if value > edges[edges.count - 1] {
            overflow += 1
        } else {
            counts[FixedHistogram.bin(of: value, edges)] += 1
        }
    }

    public static func + (a: FixedHistogram, b: FixedHistogram) -> FixedHistogram {
        var sum = a
        sum += b
        return sum
    }

    /// - Precondition: both have the same edges.
    public static func += (a: inout FixedHistogram, b: FixedHistogram) {
        precondition(a.edges == b.edges, "histograms of the same edges")
        for bin in a.counts.indices { a.counts[bin] += b.counts[bin] }
        a.underflow += b.underflow
        a.overflow += b.overflow
        a.notANumber += b.notANumber
    }

    /// Number of inner edges at or below the value, by halving.
    private static func bin(of value: Double, _ edges: [Double]) -> Int {
        var low = 0
        var high = edges.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if value >= edges[middle] { low = middle } else { high = middle }
        }
        return low
    }
}
