import Database
import Monitoring

/// One subject's part of a window, read before it is computed: subjects know nothing of one another, so that they are
/// computed beside one another.
struct SubjectFigures: Sendable {
    /// What the cumulative sums of a rolling window need.
    struct Sums: Sendable {
        let window: MonitorWindow
        let days: [MonitoredDay]
        let resolved: @Sendable (_ metric: String) -> Timestamp?
        let daysBetweenFalseAlarms: Double
    }

    let subject: Subject
    let profile: PredictionProfile
    let patches: [LabelledPatch]
    let standard: AcceptanceStandard
    /// As in `Expectation`.
    let widening: Double
    /// An hour is counted only: its labels are few.
    var isHour = false
    var sums: Sums?
    var drift: DriftMeasurements?
    /// What labels cannot change stands as it was computed before.
    var onlyLabels = false

    func measurements() -> [Measurement] {
        let labelled = isHour ? counts() : performance()
        if onlyLabels { return labelled }
        return labelled + (drift?.measurements() ?? [])
            + InputQuality.allCases.map { $0.measurement(subject, profile) }
    }

    private func counts() -> [Measurement] {
        [("predictions", profile.predictions), ("called_tumor", profile.calledTumor)].map { metric, count in
            Measurement(subject: subject, metric: metric, value: Double(count), patches: count, state: .shown)
        }
    }

    private func performance() -> [Measurement] {
        let realised = RealisedPerformance(subject, profile, patches, standard.expectation)
        let figures = realised.measurements()
        let performance =
            figures
            + LabelFreeEstimate(
                subject: subject, profile: profile, answers: realised.answers, realised: figures,
                reference: standard.labels, widening: widening
            ).measurements()
        guard let sums else { return performance }
        return performance
            + SequentialMeasurements(
                subject: subject, window: sums.window, days: sums.days, patches: patches, performance: performance,
                standard: standard, resolved: sums.resolved, daysBetweenFalseAlarms: sums.daysBetweenFalseAlarms
            ).measurements()
    }
}
