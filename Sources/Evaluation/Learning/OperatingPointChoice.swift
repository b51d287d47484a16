import Monitoring

/// An operating point that was chosen on labelled patches, and what it does on them.
public struct OperatingPointChoice: Sendable {
    /// What is asked of an operating point.
    public struct Wanted: Sendable {
        /// Recall that its lower bound is to reach, above 0 and below 1.
        public let recall: Double
        /// Confidence of that one-sided bound.
        public let confidence: Double
        /// Share of patches that may be left to people; nil for no uncertain band.
        public let reviewBudget: Double?

        public init(recall: Double, confidence: Double = 0.95, reviewBudget: Double? = nil) {
            (self.recall, self.confidence, self.reviewBudget) = (recall, confidence, reviewBudget)
        }
    }

    public let operatingPoint: OperatingPoint
    public let recall: Double
    /// One-sided, at the confidence that was asked for.
    public let recallLowerBound: Double

    /// The highest threshold whose lower bound of recall reaches what is wanted: Wilson's bound, or over slides where
    /// patches are of slides or stand for others. Around it, where there is a budget, the patches whose decision is likeliest to be wrong by
    /// their own scores: p below the threshold, 1 - p from it on.
    ///
    /// - Throws: `OperationError` where no threshold's does.
    init(_ wanted: Wanted, _ scored: [ModelEvaluation.Scored], isClustered: Bool) throws {
        let scores = Set(scored.filter(\.isTumor).map(\.pTumor)).filter { $0 > 0 }.sorted(by: >)
        let level = 2 * wanted.confidence - 1
        /// Recall and its lower bound; nil where too few slides tell of it.
        func recall(at threshold: Float) -> (value: Double, lower: Double)? {
            let tumors = scored.filter(\.isTumor)
            let totals = SlideTotals(
                tumors.map {
                    AuditedPatch(
                        slide: $0.slide, isTumour: true, isCalledTumour: $0.pTumor >= threshold, weight: $0.weight)
                })
            guard let value = totals.matrix.value(of: .recall) else { return nil }
            let isIndependent = !isClustered && !tumors.isWeighted
            let interval =
                isIndependent
                ? wilsonInterval(
                    successes: Double(tumors.count { $0.pTumor >= threshold }), trials: Double(tumors.count),
                    level: level)
                : totals.estimate(of: .recall, level: level)?.value?.interval
            return interval.map { (value, $0.lower) }
        }
        // Recall rises as the threshold falls: the first that reaches it is found by halves.
        var (start, end) = (0, scores.count)
        while start < end {
            let middle = (start + end) / 2
            if (recall(at: scores[middle])?.lower ?? 0) >= wanted.recall { end = middle } else { start = middle + 1 }
        }
        guard start < scores.count, let found = recall(at: scores[start]) else {
            let best = scores.last.flatMap { recall(at: $0) }?.lower
            let most = best.map { ": called tumour all, the lower bound is \($0.short)" } ?? ""
            throw OperationError(
                "not enough data: \(scored.count(where: \.isTumor)) tumour patches cannot show a recall of "
                    + "\(wanted.recall) with confidence \(wanted.confidence)\(most)")
        }
        let threshold = min(scores[start], Float(1).nextDown)
        (self.recall, recallLowerBound) = (found.value, found.lower)
        operatingPoint = OperatingPoint(
            threshold: threshold,
            uncertain: wanted.reviewBudget.flatMap { OperatingPointChoice.band(around: threshold, scored, budget: $0) })
    }

    /// nil where not one patch fits into the budget.
    private static func band(
        around threshold: Float, _ scored: [ModelEvaluation.Scored], budget: Double
    ) -> Range<Float>? {
        func doubt(_ pTumor: Float) -> Float { pTumor >= threshold ? 1 - pTumor : pTumor }
        let scores = scored.map(\.pTumor).sorted { doubt($0) > doubt($1) }
        let most = min(scores.count, Int(budget * Double(scores.count)))
        // Equal doubts go in together or not at all.
        var count = most
        while count > 0, count < scores.count, doubt(scores[count - 1]) == doubt(scores[count]) { count -= 1 }
        let inside = scores.prefix(count)
        guard let low = inside.min(), let high = inside.max() else { return nil }
        return min(low, threshold)..<min(1, max(high.nextUp, threshold))
    }
}
