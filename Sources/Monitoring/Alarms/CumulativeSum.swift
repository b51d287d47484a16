import Foundation

/// Two-sided cumulative sum (Page 1954) of a standardised stream: in control its values are independent with mean 0
/// and variance 1. Values of windows that share slides are not independent and alarm more often than computed.
public struct CumulativeSum: Sendable, Equatable {
    /// k, half the shift to be found soonest, in standard deviations.
    public let referenceValue: Double
    public private(set) var upper = 0.0
    public private(set) var lower = 0.0

    public init(referenceValue: Double) {
        self.referenceValue = referenceValue
    }

    /// Takes the stream's next value; one that is not finite is left out.
    public mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        upper = max(0, upper + value - referenceValue)
        lower = max(0, lower - value - referenceValue)
    }

    /// The larger sum, negative where it is that of a fall.
    public var value: Double { upper >= lower ? upper : -lower }
}

extension CumulativeSum {
    /// Average number of values until a sum is beyond h, when the stream is normal with this mean and variance 1.
    ///
    /// Siegmund's approximation (1985) of one side, (exp(-2 D b) + 2 D b - 1) / (2 D^2) with D = shift - k and
    /// b = h + 1.166; the sides combine as 1 / L = 1 / rise + 1 / fall (Kemp 1961). For k of 0.5 it is within 1 % of the
    /// exact length in control, and within 4 % under shifts of up to two standard deviations.
    public static func averageRunLength(referenceValue: Double, limit: Double, shift: Double = 0) -> Double {
        1
            / (1 / oneSidedRunLength(drift: shift - referenceValue, limit: limit)
                + 1 / oneSidedRunLength(drift: -shift - referenceValue, limit: limit))
    }

    /// The limit h at which false alarms come so many values apart on average; nil unless k > 0 and they are more than
    /// 2 apart.
    ///
    /// - Parameter meanError: standard error of the mean that values were standardised with, in standard deviations of
    ///   one value. It shifts the whole stream, so the rate of false alarms is averaged over the means there could be.
    public static func limit(referenceValue: Double, averageRunLength: Double, meanError: Double = 0) -> Double? {
        guard referenceValue > 0, averageRunLength > 2, meanError.isFinite else { return nil }
        let shifts = (0..<meanNodes).compactMap { node in
            NormalDistribution.quantile((Double(node) + 0.5) / Double(meanNodes)).map { $0 * meanError }
        }
        func rate(_ limit: Double) -> Double {
            shifts.reduce(0) {
                $0 + 1 / self.averageRunLength(referenceValue: referenceValue, limit: limit, shift: $1)
            } / Double(meanNodes)
        }
        var (low, high) = (0.0, 1.0)
        while rate(high) * averageRunLength > 1 { high *= 2 }
        while high - low > 1e-9 * high {
            let middle = (low + high) / 2
            if rate(middle) * averageRunLength > 1 { low = middle } else { high = middle }
        }
        return high
    }

    /// Equally likely means that stand for all.
    private static let meanNodes = 40

    private static func oneSidedRunLength(drift: Double, limit: Double) -> Double {
        let b = limit + 1.166
        guard abs(drift) > 1e-6 else { return b * b }
        return max(1, (exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift * drift))
    }
}
