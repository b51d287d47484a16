/// Receiver operating characteristic: one point for each distinct score, ties together, as scikit-learn's `roc_curve`
/// with every point kept.
public struct ROCCurve: Sendable, Equatable {
    public struct Point: Sendable, Equatable {
        /// A patch is called tumour from this score on; infinity at the first point.
        public var threshold: Double
        public var falsePositiveRate: Double
        public var truePositiveRate: Double
    }

    /// From (0, 0) to (1, 1).
    public let points: [Point]

    /// Nil unless both classes are there.
    public init?(_ patches: [LabelledScore]) {
        let steps = scoreSteps(patches)
        guard let last = steps.last, last.tumour > 0, last.normal > 0 else { return nil }
        let start = Point(threshold: .infinity, falsePositiveRate: 0, truePositiveRate: 0)
        points =
            [start]
            + steps.map {
                Point(
                    threshold: $0.score, falsePositiveRate: $0.normal / last.normal,
                    truePositiveRate: $0.tumour / last.tumour)
            }
    }

    /// Area under the curve by trapezia: the probability that a tumour patch scores above a normal one, ties half.
    public var area: Double {
        zip(points, points.dropFirst()).reduce(0) { sum, pair in
            let (a, b) = pair
            return sum + (b.falsePositiveRate - a.falsePositiveRate) * (a.truePositiveRate + b.truePositiveRate) / 2
        }
    }
}
