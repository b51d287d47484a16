/// Edges of a histogram, known at compile time: histograms of other edges cannot be merged or compared by mistake.
public protocol BinEdges: Sendable {
    /// Strictly rising, at least two.
    static var edges: [Double] { get }
}

/// Twenty bins of a probability, 0.05 wide.
public enum ProbabilityBins: BinEdges {
    public static let edges = (0...20).map { Double($0) / 20 }
}

/// Counts in fixed bins: bin k holds edges[k] <= value < edges[k + 1], the last one its upper edge too.
public struct FixedHistogram<Bins: BinEdges>: Sendable, Equatable {
    public private(set) var counts = [Int](repeating: 0, count: Bins.edges.count - 1)
    /// Values below the first edge.
    public private(set) var underflow = 0
    /// Values above the last edge.
    public private(set) var overflow = 0
    /// Values that are not numbers: kept apart, in no bin and not in `total`.
    public private(set) var notANumber = 0

    public init() {}

    public init(_ values: some Sequence<Double>) {
        for value in values { add(value) }
    }

    public var total: Int { underflow + overflow + counts.reduce(0, +) }

    /// Underflow, bins, overflow.
    public var allCounts: [Int] { [underflow] + counts + [overflow] }

    public mutating func add(_ value: Double) {
        let edges = Bins.edges
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

    public static func += (a: inout FixedHistogram, b: FixedHistogram) {
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

extension FixedHistogram: Codable {
    private enum CodingKeys: String, CodingKey {
        case edges, counts, underflow, overflow, notANumber
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Bins.edges, forKey: .edges)
        try container.encode(counts, forKey: .counts)
        try container.encode(underflow, forKey: .underflow)
        try container.encode(overflow, forKey: .overflow)
        try container.encode(notANumber, forKey: .notANumber)
    }

    /// Refuses a histogram of other edges or with negative counts.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard try container.decode([Double].self, forKey: .edges) == Bins.edges else {
            throw DecodingError.dataCorruptedError(
                forKey: .edges, in: container, debugDescription: "the histogram has other edges")
        }
        counts = try container.decode([Int].self, forKey: .counts)
        underflow = try container.decode(Int.self, forKey: .underflow)
        overflow = try container.decode(Int.self, forKey: .overflow)
        notANumber = try container.decode(Int.self, forKey: .notANumber)
        let all = counts + [underflow, overflow, notANumber]
        guard counts.count == Bins.edges.count - 1, all.allSatisfy({ $0 >= 0 }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: container, debugDescription: "the counts do not fit the edges")
        }
    }
}
