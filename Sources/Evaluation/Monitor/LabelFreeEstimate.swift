import Monitoring

/// Performance as the scores themselves tell it, without labels (confidence-based performance estimation): right while a
/// score of 0.8 means a tumour in eight patches of ten. So it is given only once local labels have shown that.
struct LabelFreeEstimate {
    static let method = "estimated without labels"
    static let disagreement = "labels minus scores"

    let subject: Subject
    let profile: PredictionProfile
    let answers: LabelAnswers
    /// What the labels of the same window gave.
    let realised: [Measurement]
    /// The labels of the acceptance reference, which say whether scores are probabilities; nil where there is none: then
    /// the window's own do, and nothing alarms.
    let reference: LabelAnswers?
    /// As in `Expectation`.
    let widening: Double

    func measurements() -> [Measurement] {
        guard profile.predictions > 0 else { return [] }
        if let reason = distrust {
            return LabelFreeEstimate.figures.map { figure in
                Measurement(
                    subject: subject, metric: figure.metric, method: LabelFreeEstimate.method,
                    patches: profile.predictions, state: .notCalibrated, note: reason)
            }
        }
        return estimates() + disagreements()
    }

    private static let figures: [ConfusionFigure] = [.precision, .recall, .f1, .accuracy]

    /// Why the scores cannot be taken as probabilities; nil where local labels say they can.
    private var distrust: String? {
        let labels = reference ?? answers
        guard let line = labels.calibrationFit.line else {
            return "local labels have not shown yet that scores are probabilities: "
                + (labels.calibrationFit.trouble ?? "no calibration line")
        }
        guard line.slopeInterval.contains(1) else {
            return "on local labels the calibration slope is \(line.slope.short) "
                + "(\(line.slopeInterval.lower.short) to \(line.slopeInterval.upper.short)), and its interval must contain 1"
        }
        return nil
    }

    private var matrix: ConfusionMatrix {
        let called = Double(profile.calledTumor)
        let others = Double(profile.predictions - profile.calledTumor)
        return ConfusionMatrix(
            truePositives: profile.expectedTumorsCalled, falsePositives: called - profile.expectedTumorsCalled,
            falseNegatives: profile.expectedTumorsMissed, trueNegatives: others - profile.expectedTumorsMissed)
    }

    private func estimates() -> [Measurement] {
        let matrix = matrix
        let estimates = LabelFreeEstimate.figures.map { figure in
            estimate(figure.metric, matrix.value(of: figure), standardError(of: figure, matrix))
        }
        let area = areaUnderROC
        return estimates + [
            estimate("auc_roc", area, area.flatMap { LabelFreeEstimate.standardError(area: $0, matrix) })
        ]
    }

    /// What chance alone does to a share of so many patches, as if all were equally likely tumours: at least what it does
    /// to patches that differ. F1 by linearisation over the tumours called and missed.
    private func standardError(of figure: ConfusionFigure, _ matrix: ConfusionMatrix) -> Double? {
        func variance(_ share: Double, _ trials: Double) -> Double? { trials > 0 ? share * (1 - share) / trials : nil }
        let called = matrix.truePositives + matrix.falsePositives
        let others = matrix.falseNegatives + matrix.trueNegatives
        guard let value = matrix.value(of: figure) else { return nil }
        switch figure {
        case .precision: return variance(value, called)?.squareRoot()
        case .recall: return variance(value, matrix.truePositives + matrix.falseNegatives)?.squareRoot()
        case .accuracy: return variance(value, matrix.total)?.squareRoot()
        case .f1:
            let sum = called + matrix.truePositives + matrix.falseNegatives
            let hits = variance(matrix.truePositives / called, called).map { $0 * called * called } ?? 0
            let misses = variance(matrix.falseNegatives / others, others).map { $0 * others * others } ?? 0
            let (byHits, byMisses) = (
                2 * (called + matrix.falseNegatives) / (sum * sum), 2 * matrix.truePositives / (sum * sum)
            )
            return (byHits * byHits * hits + byMisses * byMisses * misses).squareRoot()
        default: return nil
        }
    }

    /// Of an area under the curve of so many expected tumours and normals (Hanley and McNeil 1982).
    private static func standardError(area: Double, _ matrix: ConfusionMatrix) -> Double? {
        let tumors = matrix.truePositives + matrix.falseNegatives
        let normals = matrix.falsePositives + matrix.trueNegatives
        guard tumors > 1, normals > 1 else { return nil }
        let (one, two) = (area / (2 - area), 2 * area * area / (1 + area))
        let sum =
            area * (1 - area) + (tumors - 1) * (one - area * area) + (normals - 1) * (two - area * area)
        return (max(0, sum) / (tumors * normals)).squareRoot()
    }

    private func estimate(_ metric: String, _ value: Double?, _ error: Double?) -> Measurement {
        var figure = Measurement(
            subject: subject, metric: metric, method: LabelFreeEstimate.method, value: value,
            patches: profile.predictions, state: value == nil ? .notEnoughData : .shown,
            note: "right while scores stay probabilities"
                + (error == nil ? "" : "; the interval is chance alone"))
        if let value, let error {
            let half = 1.959_963_984_540_054 * error
            figure.interval = ConfidenceInterval(
                lower: max(0, value - half), upper: min(1, value + half), level: 0.95)
        }
        return figure
    }

    /// Each bin's patches count as tumours with its centre and as normals with the rest.
    private var areaUnderROC: Double? {
        let width = 1 / Double(PredictionProfile.scoreBins)
        return ROCCurve(
            profile.scores.enumerated().flatMap { bin, patches in
                let score = (Double(bin) + 0.5) * width
                return [
                    LabelledScore(score: score, isTumour: true, weight: score * Double(patches)),
                    LabelledScore(score: score, isTumour: false, weight: (1 - score) * Double(patches)),
                ]
            })?.area
    }

    /// Where labels and scores tell two stories, what a score means has changed.
    private func disagreements() -> [Measurement] {
        let matrix = matrix
        return LabelFreeEstimate.figures.compactMap { figure in
            let labelled = realised.first {
                $0.metric == figure.metric && $0.method == RealisedPerformance.corrected
            }
            guard let labelled, let value = labelled.value, let interval = labelled.interval,
                let estimate = matrix.value(of: figure)
            else { return nil }
            let gap = value - estimate
            var measured = Measurement(
                subject: subject, metric: figure.metric, method: LabelFreeEstimate.disagreement, value: gap,
                interval: ConfidenceInterval(
                    lower: interval.lower - estimate, upper: interval.upper - estimate, level: interval.level),
                patches: labelled.patches, slides: labelled.slides, threshold: 0,
                state: .ok,
                note: "where it is surely not 0, a score no longer means what it meant (concept drift)")
            let (below, above) = (value - interval.lower, interval.upper - value)
            if labelled.state == .immature {
                measured.state = .immature
            } else if reference == nil {
                measured.state = .noLocalReference
            } else if let reason = answers.tooUneven(figure) {
                measured.state = .notEnoughData
                measured.note = reason
            } else if gap - below * widening > 0 || gap + above * widening < 0 {
                measured.state = .alarm
            }
            return measured
        }
    }
}

extension Double {
    /// Three significant digits or so, for sentences.
    var short: String {
        let scale = magnitude >= 100 ? 1.0 : magnitude >= 10 ? 10 : magnitude >= 1 ? 100 : 1000
        let rounded = (self * scale).rounded() / scale
        return rounded == rounded.rounded() && magnitude < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}
