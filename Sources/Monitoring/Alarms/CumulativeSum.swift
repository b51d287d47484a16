/// Two-sided cumulative sum (Page 1954) of a standardised stream: in control its values are independent with mean 0
/// and variance 1. Values of windows that share slides are not independent and alarm more often than computed.
public struct CumulativeSum: Sendable, Equatable, Codable {
    /// k, half the shift to be found soonest, in standard deviations.
    public let referenceValue: Double
    /// h, the sum beyond which there is an alarm, in standard deviations.
    public let decisionInterval: Double
    public private(set) var upper = 0.0
    public private(set) var lower = 0.0

    public enum Alarm: String, Sendable, Codable {
        case rise, fall
    }

    public init(referenceValue: Double, decisionInterval: Double) {
        self.referenceValue = referenceValue
        self.decisionInterval = decisionInterval
    }

    /// Takes the stream's next value; a sum that alarms starts again from 0. A value that is not finite is left out.
    public mutating func add(_ value: Double) -> Alarm? {
        guard value.isFinite else { return nil }
        upper = max(0, upper + value - referenceValue)
        lower = max(0, lower - value - referenceValue)
        if upper > decisionInterval {
            upper = 0
            return .rise
        }
        if lower > decisionInterval {
            lower = 0
            return .fall
        }
        return nil
    }
}

extension CumulativeSum {
    /// Average number of values up to an alarm when the stream is normal with this mean and variance 1; nil unless
    /// k >= 0 and 0 < h <= 50, and for a length of more than 1e12. In control (shift 0) it is the average time between false alarms.
    ///
    /// One side's length solves Page's integral equation (Goel and Wu 1971), here at Gauss-Legendre nodes; the sides
    /// combine as 1 / L = 1 / rise + 1 / fall (Kemp 1961).
    public static func averageRunLength(
        referenceValue: Double, decisionInterval: Double, shift: Double = 0
    ) -> Double? {
        guard referenceValue >= 0, decisionInterval > 0, decisionInterval <= 50, shift.isFinite,
            let rise = oneSidedRunLength(referenceValue - shift, decisionInterval),
            let fall = oneSidedRunLength(referenceValue + shift, decisionInterval)
        else { return nil }
        return 1 / (1 / rise + 1 / fall)
    }

    /// h whose in-control average run length is this many values; nil unless k >= 0 and h lies in 0.01...20.
    public static func decisionInterval(referenceValue: Double, averageRunLength target: Double) -> Double? {
        var (low, high) = (0.01, 20.0)
        func length(_ h: Double) -> Double? { averageRunLength(referenceValue: referenceValue, decisionInterval: h) }
        guard let shortest = length(low), let longest = length(high), shortest <= target, target <= longest else {
            return nil
        }
        while high - low > 1e-10 * high {
            let middle = (low + high) / 2
            guard let here = length(middle) else { return nil }
            if here < target { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// L(0) of L(z) = 1 + L(0) P(k - z) + integral over 0..h of L(x) p(x + k - z) dx, for the sum of normal values
    /// with k taken off. Nil where the length is past what doubles resolve.
    private static func oneSidedRunLength(_ k: Double, _ h: Double) -> Double? {
        let nodes = gaussLegendre(count: 24 + Int(8 * h), from: 0, to: h)
        let size = nodes.count + 1
        let starts = [0] + nodes.map(\.x)
        var matrix = [[Double]](repeating: [], count: size)
        for (row, z) in starts.enumerated() {
            matrix[row] =
                [-NormalDistribution.cdf(k - z)]
                + nodes.map { -$0.weight * NormalDistribution.density($0.x + k - z) } + [1]
            matrix[row][row] += 1
        }
        guard let length = firstUnknown(&matrix), length >= 1, length < 1e12 else { return nil }
        return length
    }
}
