import Foundation
import Monitoring

/// Figures of a subject's window against what people said, in two ways side by side: plainly over all confirmed labels,
/// and corrected for who was asked and who answered.
///
/// The call that is judged is whether `p_tumor` reached the threshold in force, for uncertain predictions too; those and
/// labels `unassessable` are counted beside the figures, and `unassessable` ones are in none of them.
struct RealisedPerformance {
    static let plain = "plain"
    static let corrected = "corrected"

    let subject: Subject
    let profile: PredictionProfile
    let answers: LabelAnswers
    /// Operating limits from the acceptance reference; nil where there is none.
    let expectation: Expectation?

    init(_ subject: Subject, _ profile: PredictionProfile, _ patches: [LabelledPatch], _ expectation: Expectation?) {
        self.subject = subject
        self.profile = profile
        self.expectation = expectation
        answers = LabelAnswers(patches, profile)
    }

    func measurements() -> [Measurement] {
        counts() + responses() + confusion() + bounds() + scores() + calibration()
    }

    // MARK: Counts and response

    private func counts() -> [Measurement] {
        [
            ("predictions", profile.predictions), ("called_tumor", profile.calledTumor),
            ("uncertain", profile.uncertain), ("labelled", Int64(answers.all.count)),
            ("unassessable", Int64(answers.unassessable)), ("voluntary", Int64(answers.voluntary)),
        ].map { metric, count in
            Measurement(
                subject: subject, metric: metric, value: Double(count), patches: profile.predictions, state: .shown)
        }
    }

    /// Of each stratum that was asked about, how many have their answer.
    private func responses() -> [Measurement] {
        ReviewStratum.allCases.compactMap { stratum in
            let response = answers.responses[stratum.rawValue]
            guard let rate = response.rate else { return nil }
            var figure = Measurement(
                subject: subject, metric: "response", method: stratum.name, value: rate,
                patches: Int64(response.selected), state: response.isMature == true ? .ok : .immature)
            figure.threshold = StratumResponse.matureRate
            let delays = answers.delays(of: stratum)
            if let median = delays.median {
                figure.note = "half of the answers came within \(hours(median))"
                if let late = delays.late { figure.note? += ", 19 in 20 within \(hours(late))" }
            }
            return figure
        }
    }

    // MARK: The confusion matrix and what it gives

    private func confusion() -> [Measurement] {
        cells(answers.plainMatrix, RealisedPerformance.plain, .shown)
            + figures(answers.plainPatches, RealisedPerformance.plain)
            + correctedCells()
            + figures(answers.correctedPatches, RealisedPerformance.corrected, trouble: answers.trouble)
    }

    private func correctedCells() -> [Measurement] {
        let cells = cells(answers.correctedMatrix, RealisedPerformance.corrected, answers.isMature ? .shown : .immature)
        guard let reason = answers.trouble(.recall) else { return cells }
        return cells.map { cell in
            var cell = cell
            (cell.value, cell.state, cell.note) = (nil, .notEstimable, reason)
            return cell
        }
    }

    private func cells(_ matrix: ConfusionMatrix, _ method: String, _ state: MeasurementState) -> [Measurement] {
        guard matrix.total > 0 else { return [] }
        return [
            ("true_positives", matrix.truePositives), ("false_positives", matrix.falsePositives),
            ("false_negatives", matrix.falseNegatives), ("true_negatives", matrix.trueNegatives),
        ].map { metric, count in
            Measurement(
                subject: subject, metric: metric, method: method, value: count, patches: Int64(matrix.total.rounded()),
                state: state)
        }
    }

    private func figures(
        _ patches: [AuditedPatch], _ method: String, trouble: (ConfusionFigure) -> String? = { _ in nil }
    ) -> [Measurement] {
        let totals = SlideTotals(patches)
        return ConfusionFigure.allCases.map { figure in
            var measured = Measurement(
                subject: subject, metric: figure.metric, method: method, patches: Int64(patches.count), state: .shown)
            if let reason = trouble(figure) {
                measured.state = .notEstimable
                measured.note = reason
                return measured
            }
            measure(&measured, figure, totals, patches)
            judge(&measured, figure)
            return measured
        }
    }

    private func measure(
        _ measured: inout Measurement, _ figure: ConfusionFigure, _ totals: SlideTotals, _ patches: [AuditedPatch]
    ) {
        measured.slides = answers.slides
        guard let value = totals.matrix.value(of: figure) else {
            measured.state = .notEnoughData
            measured.note = patches.isEmpty ? "no label yet" : "no labelled patch that it counts"
            return
        }
        guard answers.knowsSlides || measured.method == RealisedPerformance.corrected else {
            measured.value = value
            measured.interval = totals.matrix.wilson(figure)
            measured.note = "slides are not known: the interval takes patches as independent (Wilson)"
            if measured.interval == nil { measured.state = .notEnoughData }
            return
        }
        switch totals.estimate(of: figure) {
        case .value(let estimate):
            measured.value = value
            measured.interval = estimate.interval
            if !answers.knowsSlides {
                measured.note = "slides are not known: the interval takes patches as independent"
            } else if answers.withoutSlide > 0 {
                measured.note = "\(answers.withoutSlide) patches without a slide count as slides of their own"
            }
        case .notEnoughData(let have, let need):
            measured.value = value
            measured.state = .notEnoughSlides
            measured.note = RealisedPerformance.few(have, need)
        case nil:
            measured.value = value
            measured.state = .notEnoughData
            measured.note = "the labelled slides show no spread to make an interval from"
        }
    }

    /// Compares a corrected figure that can be relied on with the reference's.
    private func judge(_ measured: inout Measurement, _ figure: ConfusionFigure) {
        guard measured.method == RealisedPerformance.corrected, measured.state == .shown,
            let interval = measured.interval
        else { return }
        guard answers.isMature else {
            measured.state = .immature
            return
        }
        if let reason = answers.tooUneven(figure) {
            measured.state = .notEnoughData
            measured.note = reason
            return
        }
        guard let limit = expectation?.lowest[figure] else {
            if let reason = expectation?.without[figure] {
                measured.note = "no limit: in the acceptance reference's period the labels say \(reason)"
            }
            return
        }
        measured.reference = expectation?.reference
        measured.threshold = limit
        let value = measured.value ?? interval.upper
        measured.state = value + (interval.upper - value) * (expectation?.widening ?? 1) < limit ? .alarm : .ok
    }

    /// Between what recall and precision lie, whatever the answers that are out would be; and by another way.
    private func bounds() -> [Measurement] {
        guard answers.trouble(.recall) == nil else { return [] }
        var figures: [Measurement] = []
        for figure in [ConfusionFigure.recall, .precision] {
            let bounds = nonResponseBounds(
                of: figure, answered: answers.selectedMatrix, silentCalledTumour: answers.silentCalledTumor,
                silentCalledNormal: answers.silentCalledNormal)
            guard let bounds else { continue }
            for (method, value) in [("worst case", bounds.lower), ("best case", bounds.upper)] {
                figures.append(
                    Measurement(
                        subject: subject, metric: figure.metric, method: method, value: value,
                        patches: Int64(answers.correctedPatches.count), slides: answers.slides,
                        state: fewSlides == nil ? .shown : .notEnoughSlides, note: fewSlides))
            }
        }
        if let check = answers.beggGreenes {
            for figure in [ConfusionFigure.recall, .specificity] {
                figures.append(
                    Measurement(
                        subject: subject, metric: figure.metric, method: "Begg-Greenes", value: check.value(of: figure),
                        patches: Int64(answers.correctedPatches.count), state: .shown,
                        note: "a check: assumes that who was asked depends on the decision alone"))
            }
        }
        return figures
    }

    // MARK: Scores

    private func scores() -> [Measurement] {
        score(answers.plainScores, RealisedPerformance.plain)
            + (withheld(["auc_roc", "average_precision", "brier", "log_loss"])
                ?? score(answers.correctedScores, RealisedPerformance.corrected))
    }

    /// Corrected figures that cannot be told from these labels, with the reason; nil where they can.
    private func withheld(_ metrics: [String]) -> [Measurement]? {
        let (state, note): (MeasurementState, String)
        if let trouble = answers.trouble(.recall) {
            (state, note) = (.notEstimable, trouble)
        } else if answers.correctedScores.isEmpty {
            (state, note) = (.notEnoughData, "no label yet")
        } else {
            return nil
        }
        return metrics.map {
            Measurement(
                subject: subject, metric: $0, method: RealisedPerformance.corrected, state: state, note: note)
        }
    }

    private func score(_ scores: [LabelledScore], _ method: String) -> [Measurement] {
        guard !scores.isEmpty else { return [] }
        let state: MeasurementState = method == RealisedPerformance.corrected && !answers.isMature ? .immature : .shown
        func figure(_ metric: String, _ value: Double?) -> Measurement {
            var figure = Measurement(
                subject: subject, metric: metric, method: method, value: value, patches: Int64(scores.count),
                slides: answers.slides, state: state)
            if value == nil {
                (figure.state, figure.note) = (.notEnoughData, "only one class is labelled")
            } else if let few = fewSlides {
                (figure.state, figure.note) = (.notEnoughSlides, few)
            }
            return figure
        }
        // No loss is below 0.
        func loss(_ metric: String, _ value: Double?, _ estimate: Estimate<ClusteredEstimate>?) -> Measurement {
            var figure = figure(metric, value)
            figure.interval = estimate?.value.map {
                ConfidenceInterval(
                    lower: max(0, $0.interval.lower), upper: $0.interval.upper, level: $0.interval.level)
            }
            return figure
        }
        let ranked = AveragePrecision.linearised(scores)
        var precision = figure(
            "average_precision", ranked?.value?.value ?? PrecisionRecallCurve(scores)?.averagePrecision)
        precision.interval = ranked?.value?.interval
        var area = figure("auc_roc", nil)
        switch areaUnderROC(scores, method) {
        case .value(let found):
            area.value = found.value
            area.interval = found.interval
            area.slides = found.slides
            area.state = state
            area.note = nil
        case .notEnoughData(let have, let need):
            area.value = ROCCurve(scores)?.area
            if area.value != nil {
                area.state = .notEnoughSlides
                area.note = fewSlides ?? "\(have) slides of the rarer class, and an interval needs \(need)"
            }
        }
        return [
            area, precision, loss("brier", brierScore(scores), clusteredBrierScore(scores)),
            loss("log_loss", logLoss(scores), clusteredLogLoss(scores)),
        ]
    }

    /// Why figures over these slides say little; nil where there are enough, or slides are not known.
    private var fewSlides: String? {
        answers.slides.flatMap { $0 < fewestSlides ? RealisedPerformance.few($0, fewestSlides) : nil }
    }

    private static func few(_ have: Int, _ need: Int) -> String {
        "\(have) slides with a label, and an interval needs \(need)"
    }

    private func areaUnderROC(_ scores: [LabelledScore], _ method: String) -> Estimate<AreaUnderROC> {
        if method == RealisedPerformance.corrected { return AreaUnderROC.linearised(scores) }
        return answers.knowsSlides ? AreaUnderROC.obuchowski(scores) : AreaUnderROC.delong(scores)
    }

    // MARK: Calibration

    private func calibration() -> [Measurement] {
        let plain = answers.plainScores
        return (plain.isEmpty ? [] : calibration(plain, RealisedPerformance.plain, calibrationFit(plain)))
            + (withheld(["calibration_error", "calibration_slope", "calibration_intercept"])
                ?? calibration(answers.correctedScores, RealisedPerformance.corrected, answers.calibrationFit))
    }

    private func calibration(_ scores: [LabelledScore], _ method: String, _ fit: CalibrationFit) -> [Measurement] {
        let isMature = method == RealisedPerformance.plain || answers.isMature
        let state: MeasurementState = fewSlides != nil ? .notEnoughSlides : isMature ? .shown : .immature
        func figure(_ metric: String, _ value: Double?, _ note: String?) -> Measurement {
            Measurement(
                subject: subject, metric: metric, method: method, value: value, patches: Int64(scores.count),
                slides: answers.slides, state: value == nil ? .notEnoughData : state, note: note)
        }
        var figures: [Measurement] = []
        if let diagram = ReliabilityDiagram(scores, binning: .equalMass, bins: 10) {
            figures.append(
                figure("calibration_error", diagram.expectedCalibrationError, fewSlides ?? "ten bins of equal size"))
            var debiased = figure("calibration_error", diagram.debiasedCalibrationError, fewSlides)
            debiased.method += ", debiased"
            figures.append(debiased)
        }
        let line = fit.line
        for (metric, value, interval) in [
            ("calibration_slope", line?.slope, line?.slopeInterval),
            ("calibration_intercept", line?.intercept, line?.interceptInterval),
        ] {
            var measured = figure(metric, value, line == nil ? fit.trouble : nil)
            (measured.interval, measured.slides) = (interval, line?.slides)
            figures.append(measured)
        }
        return figures
    }
}

/// What a version is held to: the lowest figures that its acceptance reference allows.
struct Expectation: Sendable {
    let reference: UUID
    let lowest: [ConfusionFigure: Double]
    /// Why a figure has no limit.
    var without: [ConfusionFigure: String] = [:]
    /// By how much wider than its 95 % a figure's interval is taken, for one of many may be wrong by chance.
    let widening: Double
}

extension ConfusionFigure {
    /// As `monitor.measurements` names it.
    var metric: String {
        switch self {
        case .precision: "precision"
        case .recall: "recall"
        case .specificity: "specificity"
        case .negativePredictiveValue: "negative_predictive_value"
        case .f1: "f1"
        case .accuracy: "accuracy"
        case .balancedAccuracy: "balanced_accuracy"
        case .prevalence: "prevalence"
        case .decisionRate: "decision_rate"
        }
    }
}

extension ConfusionMatrix {
    /// Wilson's interval, of the figures that are one share of patches.
    func wilson(_ figure: ConfusionFigure) -> ConfidenceInterval? {
        let share: (Double, Double)? =
            switch figure {
            case .precision: (truePositives, truePositives + falsePositives)
            case .recall: (truePositives, truePositives + falseNegatives)
            case .specificity: (trueNegatives, trueNegatives + falsePositives)
            case .negativePredictiveValue: (trueNegatives, trueNegatives + falseNegatives)
            case .accuracy: (truePositives + trueNegatives, total)
            case .prevalence: (truePositives + falseNegatives, total)
            case .decisionRate: (truePositives + falsePositives, total)
            case .f1, .balancedAccuracy: nil
            }
        return share.flatMap { wilsonInterval(successes: $0.0, trials: $0.1) }
    }
}

/// `40 min`, `5.5 h`, `12 days`.
func hours(_ seconds: Double) -> String {
    switch seconds {
    case ..<5400: "\(Int((seconds / 60).rounded())) min"
    case ..<172_800: "\((seconds / 360).rounded() / 10) h"
    default: "\(Int((seconds / 86_400).rounded())) days"
    }
}
