/// Patches an audited patch stands for: 1 / (selection probability x its stratum's response rate). Nil unless both
/// are above 0 and at most 1.
///
/// With these weights the ratios are Hájek's (Horvitz-Thompson sums above and below). The response rate makes up for
/// missing answers only if those who answered are like the rest of the stratum; `nonResponseBounds` does without that.
public func verificationWeight(selectionProbability: Double, responseRate: Double) -> Double? {
    let share = selectionProbability * responseRate
    guard selectionProbability > 0, selectionProbability <= 1, responseRate > 0, responseRate <= 1 else { return nil }
    return 1 / share
}

/// What came back of the patches selected in one stratum.
public struct StratumResponse: Sendable, Equatable, Codable {
    public var selected: Int
    public var answered: Int

    public init(selected: Int, answered: Int) {
        self.selected = selected
        self.answered = answered
    }

    /// Response from which a stratum's figures count as mature.
    public static let matureRate = 0.9

    /// Share answered; nil where nothing was selected.
    public var rate: Double? { selected > 0 ? Double(answered) / Double(selected) : nil }

    /// Nil where nothing was selected; false under 90 % response: the answers still out could move the figures.
    public var isMature: Bool? { rate.map { $0 >= StratumResponse.matureRate } }
}
