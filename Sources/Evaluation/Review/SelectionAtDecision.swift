import Database
import PatchClassifier

/// Selects a batch's predictions in the transaction that stores them.
struct SelectionAtDecision {
    let policies: PolicyShelf

    /// Gives every prediction its selection under the policy in force; without a policy none has one.
    func select(_ predictions: inout [Prediction], _ entry: LedgerEntry) throws {
        guard !predictions.isEmpty, let selector = try policies.selector(entry.control, entry.connection) else {
            return
        }
        var candidates = predictions.map(Candidate.init)
        try rank(&candidates, of: predictions, selector, entry.connection)
        for index in predictions.indices {
            predictions[index].selection = try selector.selection(of: candidates[index])
        }
    }

    private func rank(
        _ candidates: inout [Candidate], of predictions: [Prediction], _ selector: Selector,
        _ connection: DatabaseConnection
    ) throws {
        var positives: [(index: Int, ranked: RankedPositive)] = []
        for (index, candidate) in candidates.enumerated() {
            guard let slide = predictions[index].job.metadata.slideID,
                let rule = selector.positiveRule(for: candidate), rule.topPerSlide > 0
            else { continue }
            let ranked = RankedPositive(
                slide: slide, pTumor: candidate.pTumor, top: rule.topPerSlide,
                isBlind: try selector.isReadBlind(candidate))
            positives.append((index, ranked))
        }
        let ranked = positives.map(\.ranked)
        let answers = try SlideRanking(of: ranked, in: connection).areAmongHighest(ranked)
        for (positive, answer) in zip(positives, answers) { candidates[positive.index].isAmongHighest = answer }
    }
}

extension Candidate {
    init(_ prediction: Prediction) {
        self.init(
            job: prediction.job.id, decision: prediction.decision, pTumor: prediction.probabilities.pTumor,
            site: prediction.job.metadata.site)
    }
}
