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
        var placed: [(index: Int, slide: String, top: Int)] = []
        for (index, candidate) in candidates.enumerated() {
            guard let slide = predictions[index].job.metadata.slideID,
                let rule = selector.positiveRule(for: candidate), rule.topPerSlide > 0
            else { continue }
            placed.append((index, slide, rule.topPerSlide))
        }
        guard !placed.isEmpty else { return }
        var blind = try picturesThatWaitBlind(placed.map { predictions[$0.index].job.imageSHA256 }, connection)
        for (candidate, prediction) in zip(candidates, predictions) where try selector.isReadBlind(candidate) {
            blind.insert(prediction.job.imageSHA256)
        }
        let positives = placed.map { index, slide, top in
            RankedPositive(
                slide: slide, pTumor: candidates[index].pTumor, top: top,
                isBlind: blind.contains(predictions[index].job.imageSHA256))
        }
        let answers = try SlideRanking(of: positives, in: connection).areAmongHighest(positives)
        for (place, answer) in zip(placed, answers) { candidates[place.index].isAmongHighest = answer }
    }

    /// Those of the pictures that wait to be read blind under jobs stored before.
    private func picturesThatWaitBlind(_ pictures: [[UInt8]], _ connection: DatabaseConnection) throws -> Set<[UInt8]> {
        let rows = try connection.query(
            "select image from unnest($1::bytea[]) as picture (image) where review.waits_blind(image)",
            [.bytesArray(pictures)])
        return Set(try rows.map { try $0.bytes("image") })
    }
}

extension Candidate {
    init(_ prediction: Prediction) {
        self.init(
            job: prediction.job.id, decision: prediction.decision, pTumor: prediction.pTumor,
            site: prediction.job.metadata.site, isOutOfScope: prediction.isOutOfScope)
    }
}
