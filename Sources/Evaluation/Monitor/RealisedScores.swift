import Monitoring

/// Figures of a subject's window that scores give against what people said, at every threshold, plain and corrected as
/// in `RealisedPerformance`.
struct RealisedScores {
    let subject: Subject
    let answers: LabelAnswers

    func measurements() -> [Measurement] { scores() + calibration() }

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
            } else if let few = answers.fewSlides {
                (figure.state, figure.note) = (.notEnoughSlides, few)
            }
            return figure
        }
        // No loss is below 0.
        func loss(_ metric: String, _ value: Double?, _ estimate: Estimate<ClusteredEstimate>?) -> Measurement {
            var figure = figure(metric, value)
            figure.interval = estimate?.value?.interval.notNegative
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
                area.note = answers.fewSlides ?? "\(have) slides of the rarer class, and an interval needs \(need)"
            }
        }
        return [
            area, precision, loss("brier", brierScore(scores), clusteredBrierScore(scores)),
            loss("log_loss", logLoss(scores), clusteredLogLoss(scores)),
        ]
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
        let state: MeasurementState = answers.fewSlides != nil ? .notEnoughSlides : isMature ? .shown : .immature
        func figure(_ metric: String, _ value: Double?, _ note: String?) -> Measurement {
            Measurement(
                subject: subject, metric: metric, method: method, value: value, patches: Int64(scores.count),
                slides: answers.slides, state: value == nil ? .notEnoughData : state, note: note)
        }
        var figures: [Measurement] = []
        if let diagram = ReliabilityDiagram(scores, binning: .equalMass, bins: 10) {
            let error = diagram.clusteredCalibrationError()?.value
            var seen = figure(
                "calibration_error", diagram.expectedCalibrationError, answers.fewSlides ?? "ten bins of equal size")
            seen.interval = error?.interval.notNegative
            var debiased = figure("calibration_error", diagram.debiasedCalibrationError, answers.fewSlides)
            debiased.method += ", debiased"
            // What noise adds is taken off the whole interval.
            if let error, let value = debiased.value {
                let shift = value - error.value
                debiased.interval =
                    ConfidenceInterval(
                        lower: error.interval.lower + shift, upper: error.interval.upper + shift,
                        level: error.interval.level
                    ).notNegative
            }
            figures += [seen, debiased]
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

extension ConfidenceInterval {
    /// Of a figure that is never below 0.
    fileprivate var notNegative: ConfidenceInterval {
        ConfidenceInterval(lower: max(0, lower), upper: upper, level: level)
    }
}
