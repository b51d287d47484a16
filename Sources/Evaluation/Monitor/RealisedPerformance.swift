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
        counts() + responses() + confusion() + bounds()
            + RealisedScores(subject: subject, answers: answers).measurements()
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

    func confusion() -> [Measurement] {
        cells(answers.plainTotals.matrix, RealisedPerformance.plain, .shown)
            + figures(answers.plainTotals, answers.plainPatches, RealisedPerformance.plain)
            + correctedCells()
            + figures(
                answers.correctedTotals, answers.correctedPatches, RealisedPerformance.corrected,
                trouble: answers.trouble)
    }

    /// Patches that labels stand for, with what chance does to each cell's share of them.
    private func correctedCells() -> [Measurement] {
        let totals = answers.correctedTotals
        let counted = cells(totals.matrix, RealisedPerformance.corrected, answers.isMature ? .shown : .immature)
        let trouble = answers.trouble(.recall)
        return zip(counted, ConfusionCell.allCases).map { cell, kind in
            var cell = cell
            cell.slides = answers.slides
            if let trouble {
                (cell.value, cell.state, cell.note) = (nil, .notEstimable, trouble)
            } else if case .notEnoughData(let have, let need) = totals.estimate(ofShare: kind) {
                (cell.state, cell.note) = (.notEnoughSlides, LabelAnswers.few(have, need))
            } else {
                cell.interval = totals.estimate(ofShare: kind)?.value?.interval.scaled(by: totals.matrix.total)
            }
            return cell
        }
    }

    private func cells(_ matrix: ConfusionMatrix, _ method: String, _ state: MeasurementState) -> [Measurement] {
        guard matrix.total > 0 else { return [] }
        return ConfusionCell.allCases.map { cell in
            Measurement(
                subject: subject, metric: cell.metric, method: method, value: cell.count(in: matrix),
                patches: Int64(matrix.total.rounded()), state: state)
        }
    }

    private func figures(
        _ totals: SlideTotals, _ patches: [AuditedPatch], _ method: String,
        trouble: (ConfusionFigure) -> String? = { _ in nil }
    ) -> [Measurement] {
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
        guard answers.knowsSlides || measured.method != RealisedPerformance.plain else {
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
            measured.note = LabelAnswers.few(have, need)
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
                        state: answers.fewSlides == nil ? .shown : .notEnoughSlides, note: answers.fewSlides))
            }
        }
        return figures + check()
    }

    private func check() -> [Measurement] {
        guard let totals = answers.beggGreenes else { return [] }
        return [ConfusionFigure.recall, .specificity].map { figure in
            var measured = Measurement(
                subject: subject, metric: figure.metric, method: "Begg-Greenes",
                patches: Int64(answers.correctedPatches.count), state: .shown,
                note: "a check: assumes that who was asked depends on the decision alone")
            let note = measured.note
            measure(&measured, figure, totals, answers.correctedPatches)
            measured.note = [note, measured.note].compactMap(\.self).joined(separator: "; ")
            return measured
        }
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

extension ConfusionCell {
    /// As `monitor.measurements` names it.
    var metric: String {
        switch self {
        case .truePositives: "true_positives"
        case .falsePositives: "false_positives"
        case .falseNegatives: "false_negatives"
        case .trueNegatives: "true_negatives"
        }
    }
}

extension ConfidenceInterval {
    fileprivate func scaled(by factor: Double) -> ConfidenceInterval {
        ConfidenceInterval(lower: lower * factor, upper: upper * factor, level: level)
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
    case ..<60: "a minute"
    case ..<5400: "\(Int((seconds / 60).rounded())) min"
    case ..<172_800: "\((seconds / 360).rounded() / 10) h"
    default: "\(Int((seconds / 86_400).rounded())) days"
    }
}
