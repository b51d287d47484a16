/// Why a person is to look at a prediction, the weightiest first.
enum ReviewReason: String, Sendable {
    /// The version was made for other patches.
    case outOfScope = "out_of_scope"
    case uncertain, positive, audit
}

/// A rule of a policy: a row of `review.policy_rules`.
struct ReviewRule: Sendable, Equatable {
    let number: Int16
    let reason: ReviewReason
    /// nil for every laboratory, and patches without one.
    let site: String?
    /// Band of p_tumor: from here on ...
    let scoreLow: Double
    /// ... and below this.
    let scoreHigh: Double
    let rate: Double
    /// A positive is selected for certain when it is among this many highest of its slide.
    let topPerSlide: Int
    let secondReadRate: Double
    let isBlind: Bool
    let keepImageDays: Int

    func applies(pTumor: Float, site patchSite: String?) -> Bool {
        (site == nil || site == patchSite) && scoreLow <= Double(pTumor) && Double(pTumor) < scoreHigh
    }
}

/// How predictions are selected for review: a row of `review.policies` with its rules in order.
struct ReviewPolicy: Sendable, Equatable {
    let generation: Int64
    /// Commitment of the key it was set with; nil where nothing is drawn.
    let keyCommitment: [UInt8]?
    let rules: [ReviewRule]

    /// The first rule of the reason that fits.
    func rule(for reason: ReviewReason, pTumor: Float, site: String?) -> ReviewRule? {
        rules.first { $0.reason == reason && $0.applies(pTumor: pTumor, site: site) }
    }
}
