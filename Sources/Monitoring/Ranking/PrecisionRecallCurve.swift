/// Precision against recall: one point for each distinct score, ties together, as scikit-learn's
/// `precision_recall_curve` without the point (1, 0) it adds at the end.
public struct PrecisionRecallCurve: Sendable, Equatable {
    public struct Point: Sendable, Equatable {
        /// A patch is called tumour from this score on.
        public var threshold: Double
        public var precision: Double
        public var recall: Double
    }

    /// By falling threshold, so recall rises to 1.
    public let points: [Point]

    /// Nil without a tumour patch: recall is then not defined.
    public init?(_ patches: [LabelledScore]) {
        let steps = scoreSteps(patches)
        guard let last = steps.last, last.tumour > 0 else { return nil }
        points = steps.map {
            Point(
                threshold: $0.score, precision: $0.tumour / ($0.tumour + $0.normal), recall: $0.tumour / last.tumour)
        }
    }

    /// Sum of precision times the step in recall, not interpolated.
    public var averagePrecision: Double {
        var recall = 0.0
        var sum = 0.0
        for point in points {
            sum += (point.recall - recall) * point.precision
            recall = point.recall
        }
        return sum
    }
}
