import Monitoring
import PatchClassifier
import Training

/// A figure with its 95 % interval, or why there is none.
public struct EvaluatedFigure: Sendable, Encodable {
    public let name: String
    public let value: Double?
    public let lower: Double?
    public let upper: Double?
    /// Such as `not enough data (3 of 10 slides)`; nil where there is a value with its interval.
    public let note: String?
}

/// How good the answers about labelled patches are, at one operating point and over all.
public struct ModelEvaluation: Sendable, Encodable {
    public let patches: Int
    public let tumors: Int
    /// Slides that intervals allow for; nil where none is known and patches count as independent.
    public let slides: Int?
    /// Whether figures count each patch as those that it stands for.
    public let weighted: Bool
    public let threshold: Float
    public let uncertain_low: Float?
    public let uncertain_high: Float?
    /// Patches in the uncertain band, and those with tumour among them.
    public let uncertain: Int
    public let uncertain_tumors: Int
    public let true_positives: Int
    public let false_positives: Int
    public let false_negatives: Int
    public let true_negatives: Int
    public let figures: [EvaluatedFigure]

    /// A labelled patch with its answer: its probability of tumour, and its log-odds, which never tie where that rounds.
    struct Scored {
        let isTumor: Bool
        /// Patches that it stands for.
        let weight: Double
        let answer: LogProbabilities
        var pTumor: Float
        let slide: Int

        var logOdds: Double { answer.logOdds }
    }

    /// The confusion matrix and its figures are of the threshold alone; the band is counted beside them.
    init(_ scored: [Scored], slides: Int?, _ point: OperatingPoint) {
        let threshold = point.threshold
        (patches, tumors, self.slides) = (scored.count, scored.count(where: \.isTumor), slides)
        (self.threshold, uncertain_low, uncertain_high) = (
            threshold, point.uncertain?.lowerBound, point.uncertain?.upperBound
        )
        let inBand = scored.filter { point.uncertain?.contains($0.pTumor) ?? false }
        (uncertain, uncertain_tumors) = (inBand.count, inBand.count(where: \.isTumor))
        let weighted = scored.isWeighted
        self.weighted = weighted
        var matrix = ConfusionMatrix()
        for patch in scored { matrix.add(isTumour: patch.isTumor, isCalledTumour: patch.pTumor >= threshold) }
        (true_positives, false_positives) = (Int(matrix.truePositives), Int(matrix.falsePositives))
        (false_negatives, true_negatives) = (Int(matrix.falseNegatives), Int(matrix.trueNegatives))
        let totals = SlideTotals(
            scored.map {
                AuditedPatch(
                    slide: $0.slide, isTumour: $0.isTumor, isCalledTumour: $0.pTumor >= threshold,
                    weight: weighted ? $0.weight : 1)
            })
        figures =
            ModelEvaluation.figures(of: totals, isClustered: slides != nil || weighted)
            + ModelEvaluation.figures(of: scored, isWeighted: weighted, isClustered: slides != nil)
    }

    // MARK: At the operating point

    private static let confusionFigures: [(String, ConfusionFigure)] = [
        ("accuracy", .accuracy), ("recall", .recall), ("specificity", .specificity), ("precision", .precision),
        ("negative predictive value", .negativePredictiveValue), ("F1", .f1),
    ]

    /// Wilson's intervals for shares of independent patches; over slides, or for F1 over patches, by linearisation.
    private static func figures(of slides: SlideTotals, isClustered: Bool) -> [EvaluatedFigure] {
        let matrix = slides.matrix
        return confusionFigures.map { name, figure in
            guard let value = matrix.value(of: figure) else {
                return EvaluatedFigure(name, value: nil, interval: nil, note: "no patch that it is a share of")
            }
            if !isClustered, let (successes, trials) = matrix.share(figure) {
                return EvaluatedFigure(
                    name, value: value, interval: wilsonInterval(successes: successes, trials: trials), note: nil)
            }
            return EvaluatedFigure(name, value: value, slides.estimate(of: figure), isClustered) { $0.interval }
        }
    }

    // MARK: Over all thresholds

    private static func figures(of scored: [Scored], isWeighted: Bool, isClustered: Bool) -> [EvaluatedFigure] {
        func scores(_ score: (Scored) -> Double) -> [LabelledScore] {
            scored.map {
                LabelledScore(
                    score: score($0), isTumour: $0.isTumor, weight: isWeighted ? $0.weight : 1, slide: $0.slide)
            }
        }
        let (ranked, probable) = (scores(\.logOdds), scores { Double($0.pTumor) })
        let area =
            isWeighted
            ? AreaUnderROC.linearised(ranked)
            : isClustered ? AreaUnderROC.obuchowski(ranked) : AreaUnderROC.delong(ranked)
        let diagram = ReliabilityDiagram(probable, binning: .equalWidth, bins: 10)
        return [
            EvaluatedFigure("AUC-ROC", value: ROCCurve(ranked)?.area, area, isClustered) { $0.interval },
            EvaluatedFigure(
                "average precision", value: PrecisionRecallCurve(ranked)?.averagePrecision,
                AveragePrecision.linearised(ranked), isClustered
            ) { $0.interval },
            EvaluatedFigure("Brier score", value: brierScore(probable), clusteredBrierScore(probable), isClustered) {
                $0.interval
            },
            EvaluatedFigure("log loss", value: logLoss(probable), clusteredLogLoss(probable), isClustered) {
                $0.interval
            },
            EvaluatedFigure(
                "calibration error", value: diagram?.expectedCalibrationError, diagram?.clusteredCalibrationError(),
                isClustered
            ) { $0.interval },
        ]
    }
}

extension [ModelEvaluation.Scored] {
    /// Whether some stand for more patches than others.
    var isWeighted: Bool { contains { $0.weight != self[0].weight } }
}

extension EvaluatedFigure {
    fileprivate init(_ name: String, value: Double?, interval: ConfidenceInterval?, note: String?) {
        let missing = value == nil ? "not enough data" : interval == nil ? "no spread, so no interval" : nil
        (self.name, self.value, self.note) = (name, value, note ?? missing)
        // No figure is negative; symmetric intervals of small ones reach below.
        (lower, upper) = (interval.map { max(0, $0.lower) }, interval?.upper)
    }

    fileprivate init<Value>(
        _ name: String, value: Double?, _ estimate: Estimate<Value>?, _ isClustered: Bool,
        _ interval: (Value) -> ConfidenceInterval?
    ) {
        switch estimate {
        case nil: self.init(name, value: value, interval: nil, note: nil)
        case .notEnoughData(let have, let need):
            let counted = isClustered ? "slides" : "patches"
            self.init(
                name, value: value, interval: nil,
                note: "not enough data for an interval (\(have) of \(need) \(counted))")
        case .value(let estimate): self.init(name, value: value, interval: interval(estimate), note: nil)
        }
    }
}

extension ConfusionMatrix {
    /// What a figure is a share of; nil where it is none.
    fileprivate func share(_ figure: ConfusionFigure) -> (successes: Double, trials: Double)? {
        switch figure {
        case .accuracy: (truePositives + trueNegatives, total)
        case .recall: (truePositives, truePositives + falseNegatives)
        case .specificity: (trueNegatives, trueNegatives + falsePositives)
        case .precision: (truePositives, truePositives + falsePositives)
        case .negativePredictiveValue: (trueNegatives, trueNegatives + falseNegatives)
        case .prevalence: (truePositives + falseNegatives, total)
        case .decisionRate: (truePositives + falsePositives, total)
        case .f1, .balancedAccuracy: nil
        }
    }
}
