/// Times in buckets that grow by an eighth: quantiles to within 12.5 %, in constant memory.
public struct LatencyHistogram: Sendable, Equatable {
    /// Buckets a doubling.
    private static let steps = 8
    private var buckets = [Int](repeating: 0, count: 64 * steps)
    public private(set) var count = 0
    public private(set) var maximum: Int64 = 0

    public init() {}

    /// Adds a time in microseconds; a negative one (a clock that was set back) counts as 0.
    public mutating func add(_ microseconds: Int64) {
        let value = max(0, microseconds)
        buckets[LatencyHistogram.bucket(of: value)] += 1
        count += 1
        maximum = max(maximum, value)
    }

    /// Upper edge of the bucket that holds the q-quantile, microseconds, at most the maximum; nil without times.
    public func quantile(_ q: Double) -> Int64? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((q * Double(count)).rounded(.up)))
        var seen = 0
        for (index, inside) in buckets.enumerated() {
            seen += inside
            if seen >= rank { return min(maximum, LatencyHistogram.upperEdge(of: index)) }
        }
        return maximum
    }

    /// Values below `steps` have a bucket each; above, the three bits after the leading one choose it.
    private static func bucket(of value: Int64) -> Int {
        guard value >= Int64(steps) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 2) * steps + Int(value >> (exponent - 3)) - steps
    }

    private static func upperEdge(of bucket: Int) -> Int64 {
        guard bucket >= steps else { return Int64(bucket) }
        let exponent = bucket / steps + 2
        let width = Int64(1) << (exponent - 3)
        return Int64(bucket % steps + steps) * width + (width - 1)
    }
}
