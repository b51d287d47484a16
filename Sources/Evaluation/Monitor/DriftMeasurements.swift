import Monitoring

/// How far a subject's window is from the acceptance reference.
struct DriftMeasurements {
    let subject: Subject
    let window: MonitorWindow
    let profile: PredictionProfile
    /// Slides with a prediction in the window; nil where it is not counted.
    let slides: Int?
    let reference: ReferenceProfile?
    /// What the version was developed on, shown where there is no reference.
    let development: Result<DriftStandard, OperationError>?
    /// nil for windows that are shown and never alarm: each alarm comes from one kind of window alone.
    let thresholds: DriftThresholds?

    /// The metric that stands for all of them, and how.
    static let summary = "drift"
    static let largestInput = "largest_input_drift"
    static let largestShare = "largest share of its limit"
    /// Share of a limit of 0.
    private static let beyondNothing = 1000.0

    func measurements() -> [Measurement] {
        guard let reference else { return [blank(.noLocalReference, DriftMeasurements.howToFreeze)] + beside() }
        guard let standard = reference.standards[subject.segment] else {
            return [blank(.noLocalReference, "the acceptance reference has no patch of \(subject.segment.text)")]
        }
        let values = DriftSample(profile).figures(comparedWith: standard)
        let outcome = thresholds?.limits(reference, subject.segment, slides: slides ?? 0)
        var figures = zip(DriftFigures.names, values).map { name, value in
            var figure = blank(.shown, nil, reference)
            (figure.metric, figure.method, figure.value) = (name.metric, name.method, value)
            if value == nil { figure.state = .notEnoughData }
            return figure
        }
        if window.kind == .hour { return DriftMeasurements.brief(figures) }
        switch outcome {
        case nil: break
        case .unknown(let reason):
            for index in figures.indices {
                figures[index].state = .notEnoughSlides
                figures[index].note = reason
            }
        case .limits(let limits):
            judge(&figures, limits)
            figures.append(DriftMeasurements.summary(of: figures, blank(.notEnoughData, nil, reference)))
        }
        return figures
    }

    /// For orientation: another laboratory's patches are no limit here.
    private func beside() -> [Measurement] {
        switch development {
        case nil: return []
        case .failure(let error)?:
            var figure = blank(.noLocalReference, error.description)
            figure.metric = "development_profile"
            return [figure]
        case .success(let standard)?:
            return zip(DriftFigures.names, DriftSample(profile).figures(comparedWith: standard)).map { name, value in
                var figure = blank(.noLocalReference, "beside the patches that the version was developed on")
                (figure.metric, figure.method, figure.value) = (name.metric, name.method, value)
                return figure
            }
        }
    }

    /// What is kept of an hour, of which there are many: scores, calls, and the input that differs most.
    private static func brief(_ figures: [Measurement]) -> [Measurement] {
        let own = [MonitoredStatistic.score.metric, DriftFigures.decisionRate]
        let inputs = figures.filter {
            !own.contains($0.metric) && $0.method == DriftDistance.kolmogorovSmirnov.rawValue
        }
        let largest = inputs.max { $0.value ?? -1 < $1.value ?? -1 }.map { figure in
            var largest = figure
            largest.metric = DriftMeasurements.largestInput
            largest.note = figure.value.map { _ in figure.metric }
            return largest
        }
        return figures.filter { own.contains($0.metric) } + [largest].compactMap(\.self)
    }

    private func judge(_ figures: inout [Measurement], _ limits: [AlarmLimits]) {
        for (index, limit) in limits.enumerated() {
            guard let value = figures[index].value else { continue }
            // The one it is nearer to, of a figure that may neither fall nor rise.
            figures[index].threshold = value < 0 ? limit.lower ?? limit.upper : limit.upper ?? limit.lower
            figures[index].state = limit.isAlarm(value) ? .alarm : .ok
            if limit.lower == nil, limit.upper == nil {
                figures[index].state = .shown
                figures[index].note = "it never varied in the reference, so there is no limit"
            }
        }
    }

    /// All figures in one: how far the worst is beyond its limit, and which those are: the first cause's first, and the
    /// worst first of each.
    ///
    /// - Parameter blank: what it says of the subject, and that there is not enough data.
    static func summary(of figures: [Measurement], _ blank: Measurement) -> Measurement {
        let ratios = figures.compactMap { figure -> (figure: Measurement, ratio: Double)? in
            guard let value = figure.value, let limit = figure.threshold else { return nil }
            return (figure, limit == 0 ? (value == 0 ? 0 : DriftMeasurements.beyondNothing) : value / limit)
        }.sorted { $0.ratio > $1.ratio }
        var summary = blank
        summary.method = DriftMeasurements.largestShare
        summary.threshold = 1
        guard let largest = ratios.first?.ratio else { return summary }
        summary.value = largest
        let beyond = ratios.map(\.figure).filter { $0.state == .alarm }
        let causes = AlertCause.allCases.filter { cause in beyond.contains { AlertCause(metric: $0.metric) == cause } }
        summary.state = beyond.isEmpty ? .ok : .alarm
        summary.note = causes.first.map { first in
            let named = causes.flatMap { cause in beyond.filter { AlertCause(metric: $0.metric) == cause } }.prefix(3)
            return first.rawValue + ": "
                + named.map {
                    "\($0.metric) (\($0.method) \($0.value?.short ?? "?"), limit \($0.threshold?.short ?? "?"))"
                }.joined(separator: ", ")
        }
        return summary
    }

    /// Where the whole has drifted, its sentence says which site did most: as a share of the site's own limit.
    static func namingSites(_ figures: [Measurement]) -> [Measurement] {
        let drifts = figures.filter { $0.metric == summary && $0.method == largestShare && $0.value != nil }
        return figures.map { figure in
            guard figure.metric == summary, figure.subject.segment == .overall, figure.state == .alarm else {
                return figure
            }
            let sites = drifts.filter {
                $0.subject.version == figure.subject.version && $0.subject.segment.kind == .site
            }
            guard sites.count > 1, let furthest = sites.max(by: { $0.value ?? 0 < $1.value ?? 0 }) else {
                return figure
            }
            var named = figure
            named.note =
                "\(figure.note ?? ""); of \(sites.count) sites \(furthest.subject.segment.name) differs most, "
                + "\(furthest.value?.short ?? "?") of its own limit"
            return named
        }
    }

    private func blank(_ state: MeasurementState, _ note: String?, _ reference: ReferenceProfile? = nil) -> Measurement
    {
        Measurement(
            subject: subject, metric: DriftMeasurements.summary, patches: profile.predictions, slides: slides,
            reference: reference?.id, state: state, note: note)
    }

    private static let howToFreeze =
        "nothing to compare with: `sentinode monitor reference freeze --from DATE --to DATE --reason TEXT` freezes a "
        + "period that was validated here"
}
