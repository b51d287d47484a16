import Database
import Monitoring

/// A day of a subject.
struct MonitoredDay {
    let start: Timestamp
    let profile: PredictionProfile
    let slides: Int
}

/// Small shifts that last and that no day shows by itself: two-sided cumulative sums over the days of a rolling window,
/// of the mean score and of the two errors that labels show, each day standardised with the acceptance reference.
///
/// A sum knows only the days of its window, so it can be computed again from them, and begins after the reference's
/// period and after its last alert was resolved.
struct SequentialMeasurements {
    static let method = "CUSUM"
    static let score = MonitoredStatistic.score.metric

    let subject: Subject
    let window: MonitorWindow
    /// The window's, in order, without those that had no prediction.
    let days: [MonitoredDay]
    /// The window's labelled patches.
    let patches: [LabelledPatch]
    /// The window's figures against labels: the intervals of those corrected know slides, weights and rare errors.
    let performance: [Measurement]
    let standard: AcceptanceStandard
    /// When an alert of a metric was resolved last before the window's end; nil for never.
    let resolved: (_ metric: String) -> Timestamp?
    /// Of one sum, on average.
    let daysBetweenFalseAlarms: Double

    /// Half the shift that is found soonest, in standard deviations of one day.
    private static let referenceValue = 0.5

    func measurements() -> [Measurement] {
        guard let reference = standard.reference else { return [] }
        let figures = [scores(reference)] + ErrorStream.allCases.map { errors($0, reference) }
        return figures + [DriftMeasurements.summary(of: figures, blank(DriftMeasurements.summary, reference))]
    }

    // MARK: The streams

    private func scores(_ reference: ReferenceProfile) -> Measurement {
        var figure = blank(SequentialMeasurements.score, reference)
        switch standard.scores {
        case .value(let expected):
            let slide = expected.standardError * Double(expected.slides).squareRoot()
            let stream = days.filter { $0.start >= begin(figure.metric, reference) && $0.slides > 0 }.map { day in
                StreamDay(
                    start: day.start,
                    sums: SlideSums(
                        numerator: day.profile.expectedTumorsCalled + day.profile.expectedTumorsMissed,
                        denominator: Double(day.profile.predictions)),
                    deviation: slide * Double(day.profile.predictions) / Double(day.slides).squareRoot(),
                    patches: day.profile.predictions, slides: day.slides)
            }
            figure.note = "no day of the window with slides lies after the reference"
            judge(&figure, stream, mean: expected.value, error: expected.standardError)
        case .notEnoughData(let have, let need):
            figure.state = .notEnoughSlides
            figure.note = "the reference has \(have) slides, and limits need \(need)"
        case nil:
            figure.note = "the reference has no scores"
        }
        return figure
    }

    private func errors(_ errors: ErrorStream, _ reference: ReferenceProfile) -> Measurement {
        var figure = blank(errors.rawValue, reference)
        guard let expected = standard.errors[errors] else {
            figure.state = .noLocalReference
            figure.note = "the labels of the acceptance reference do not tell how often calls are wrong here"
            return figure
        }
        let right = performance.first {
            $0.metric == errors.right.metric && $0.method == RealisedPerformance.corrected
        }
        // Where few patches decide, the interval is too narrow for a limit.
        guard let interval = right?.interval, right?.state != .notEnoughData else {
            figure.state = right?.state ?? .notEnoughData
            figure.note = right?.note
            return figure
        }
        let labels = DailyLabels(days.filter { $0.start >= begin(figure.metric, reference) }, patches, of: errors)
        if labels.immatureDays > 0 {
            figure.state = .immature
            figure.note = "no day has nine in ten of its labels yet"
        } else {
            figure.note = "no day of the window with labels lies after the reference"
        }
        let clusters = Double(patches.filter(errors.counts).slides)
        judge(
            &figure, labels.stream(slideDeviation: interval.standardError * clusters.squareRoot()),
            mean: expected.rate, error: expected.standardError)
        if labels.immatureDays > 0, figure.value != nil {
            figure.note = "\(figure.note ?? ""); labels of \(labels.immatureDays) days are still coming"
        }
        return figure
    }

    /// The first midnight after the reference's period and after the last alert was resolved.
    private func begin(_ metric: String, _ reference: ReferenceProfile) -> Timestamp {
        let latest = max(reference.end, resolved(metric) ?? reference.end)
        return latest.day == latest ? latest : Timestamp(microseconds: latest.day.microseconds + MonitorWindow.day)
    }

    // MARK: The sum

    /// Leaves the figure as it is where there is no day.
    private func judge(_ figure: inout Measurement, _ days: [StreamDay], mean: Double, error: Double) {
        guard !days.isEmpty else { return }
        var sum = CumulativeSum(referenceValue: SequentialMeasurements.referenceValue)
        var (rise, fall) = (0, 0)
        for (place, day) in days.enumerated() {
            sum.add((day.sums.numerator - mean * day.sums.denominator) / day.deviation)
            if sum.upper == 0 { rise = place + 1 }
            if sum.lower == 0 { fall = place + 1 }
        }
        figure.patches = days.reduce(0) { $0 + $1.patches }
        figure.slides = days.reduce(0) { $0 + $1.slides }
        let meanError = days.reduce(0) { $0 + error * $1.sums.denominator / $1.deviation } / Double(days.count)
        guard
            let limit = CumulativeSum.limit(
                referenceValue: sum.referenceValue, averageRunLength: daysBetweenFalseAlarms, meanError: meanError)
        else {
            figure.state = .shown
            figure.note = "it never varied in the reference, so there is no limit"
            return
        }
        figure.value = sum.value
        figure.threshold = sum.value < 0 ? -limit : limit
        figure.state = abs(sum.value) > limit ? .alarm : .ok
        figure.note = words(days.dropFirst(sum.value < 0 ? fall : rise), mean, isAlarm: figure.state == .alarm, figure)
    }

    /// Since when the stream has differed, and by how much.
    private func words(_ since: ArraySlice<StreamDay>, _ mean: Double, isAlarm: Bool, _ figure: Measurement) -> String {
        guard let first = since.first else { return "as in the acceptance reference, \(mean.short)" }
        let now = since.reduce(0) { $0 + $1.sums.numerator } / since.reduce(0) { $0 + $1.sums.denominator }
        let change = "\(now.short) on average since \("\(first.start)".prefix(10)), \(mean.short) in the reference"
        return isAlarm ? "\(AlertCause(metric: figure.metric).rawValue): \(change)" : change
    }

    private func blank(_ metric: String, _ reference: ReferenceProfile) -> Measurement {
        Measurement(
            subject: subject, metric: metric, method: SequentialMeasurements.method, reference: reference.id,
            state: .notEnoughData)
    }
}
