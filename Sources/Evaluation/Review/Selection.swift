import Foundation

/// What decides whether a prediction is selected for review.
struct Candidate {
    let job: UUID
    let decision: Decision
    let pTumor: Float
    let site: String?
    /// Whether it is uncertain because the version was made for other patches.
    var isOutOfScope = false
    /// Whether it is among the highest scores of its slide for which its rule selects for certain.
    var isAmongHighest = false
}

/// Whether and how a prediction is reviewed under a policy, with every probability that led there.
struct Selection: Sendable, Equatable {
    /// A chance that was given, and how it ended.
    struct Chance: Sendable, Equatable {
        let probability: Double
        let isSelected: Bool
    }

    /// How a selected prediction is to be read.
    struct Reading: Sendable, Equatable {
        /// The rule that governs; nil where an uncertain patch has none.
        let rule: Int16?
        let secondReadProbability: Double
        let readsWanted: Int16
        let isBlind: Bool
    }

    let policy: Int64
    let positive: Chance
    let audit: Chance
    /// Of being selected for any reason.
    let probability: Double
    let reason: ReviewReason?
    /// nil where it was not selected.
    let reading: Reading?
    /// How long the patch is kept for people to look at; 0 where it is not.
    let keepImageDays: Int
}

/// Selects predictions under one policy: pure, but for the key in its draws.
struct Selector {
    let policy: ReviewPolicy
    let draw: Draw

    func selection(of candidate: Candidate) throws -> Selection {
        let isUncertain = candidate.decision == .uncertain
        let uncertainRule = isUncertain ? rule(.uncertain, candidate) : nil
        let positiveRule = positiveRule(for: candidate)
        let auditRule = rule(.audit, candidate)
        let highest = candidate.isAmongHighest && positiveRule != nil
        let positive = try chance(candidate, .positive, highest ? 1 : positiveRule?.rate ?? 0)
        let audit = try chance(candidate, .audit, auditRule?.rate ?? 0)

        let uncertainReason: ReviewReason = candidate.isOutOfScope ? .outOfScope : .uncertain
        let reason: ReviewReason? =
            isUncertain ? uncertainReason : positive.isSelected ? .positive : audit.isSelected ? .audit : nil
        let selecting = [uncertainRule, positive.isSelected ? positiveRule : nil, audit.isSelected ? auditRule : nil]
        // How the audit sample is read must not depend on the score, so its rule goes before the clinical ones.
        let governing = audit.isSelected ? auditRule : uncertainRule ?? positiveRule
        return Selection(
            policy: policy.generation, positive: positive, audit: audit,
            probability: isUncertain ? 1 : 1 - (1 - positive.probability) * (1 - audit.probability),
            reason: reason, reading: reason == nil ? nil : try reading(of: candidate, under: governing),
            keepImageDays: selecting.compactMap { $0?.keepImageDays }.max() ?? 0)
    }

    /// The rule under which a prediction can be selected as a positive.
    func positiveRule(for candidate: Candidate) -> ReviewRule? {
        candidate.decision == .tumor ? rule(.positive, candidate) : nil
    }

    /// Whether it is drawn to be read blind, whatever else selects it: only the audit draw can say so.
    func isReadBlind(_ candidate: Candidate) throws -> Bool {
        guard let rule = rule(.audit, candidate), rule.isBlind else { return false }
        return try chance(candidate, .audit, rule.rate).isSelected
    }

    private func rule(_ reason: ReviewReason, _ candidate: Candidate) -> ReviewRule? {
        policy.rule(for: reason, pTumor: candidate.pTumor, site: candidate.site)
    }

    private func chance(_ candidate: Candidate, _ purpose: Draw.Purpose, _ probability: Double) throws
        -> Selection.Chance
    {
        Selection.Chance(
            probability: probability, isSelected: try draw.draws(candidate.job, for: purpose, rate: probability))
    }

    private func reading(of candidate: Candidate, under rule: ReviewRule?) throws -> Selection.Reading {
        let rate = rule?.secondReadRate ?? 0
        let isReadTwice = try draw.draws(candidate.job, for: .secondRead, rate: rate)
        return Selection.Reading(
            rule: rule?.number, secondReadProbability: rate, readsWanted: isReadTwice ? 2 : 1,
            isBlind: rule?.isBlind ?? false)
    }
}
