/// A figure, or how much of the data it needs is there: a figure is never NaN and never a silent zero.
///
/// What `have` and `need` count (patches, slides, tumour patches) is said by the function that gives it.
public enum Estimate<Value: Sendable & Equatable>: Sendable, Equatable {
    case value(Value)
    case notEnoughData(have: Int, need: Int)

    public var value: Value? {
        switch self {
        case .value(let value): value
        case .notEnoughData: nil
        }
    }

    func map<Other>(_ transform: (Value) -> Other) -> Estimate<Other> {
        switch self {
        case .value(let value): .value(transform(value))
        case .notEnoughData(let have, let need): .notEnoughData(have: have, need: need)
        }
    }
}

/// Two-sided interval with its nominal confidence level, for example 0.95.
public struct ConfidenceInterval: Sendable, Equatable, Codable {
    public var lower: Double
    public var upper: Double
    public var level: Double

    public init(lower: Double, upper: Double, level: Double) {
        self.lower = lower
        self.upper = upper
        self.level = level
    }

    public func contains(_ value: Double) -> Bool { lower <= value && value <= upper }
}

extension ConfidenceInterval {
    /// Interval of a share from its standard error, symmetric on the logit scale, so that it stays between 0 and 1:
    /// logit(share) ± multiplier * error / (share (1 - share)). Nil at 0 and 1 and without spread.
    static func onLogitScale(
        share: Double, standardError: Double, multiplier: Double, level: Double
    ) -> ConfidenceInterval? {
        guard share > 0, share < 1, standardError > 0 else { return nil }
        let half = multiplier * standardError / (share * (1 - share))
        let centre = logit(share)
        return ConfidenceInterval(lower: logistic(centre - half), upper: logistic(centre + half), level: level)
    }
}
