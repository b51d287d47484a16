import Database
import Foundation
import Monitoring

/// What the report says of one version.
struct VersionChapter {
    let version: String
    let figures: ReportedFigures
    let period: RecentPeriod
    let reference: ReferenceProfile?
    /// Where there is no reference.
    let development: Result<DevelopmentProfile, OperationError>?

    private var subject: Subject { Subject(version: version, segment: .overall) }
    private var profile: PredictionProfile { period.profiles[subject] ?? PredictionProfile() }

    func parts(_ connection: DatabaseConnection) throws -> [ReportPart] {
        let answers = LabelAnswers(period.patches[subject] ?? [], profile)
        let curves = ScoreCurves(answers)
        let overall = [
            summary, overTime("recall", "Recall: share of tumours that were called"),
            overTime("precision", "Precision: share of tumor calls that are tumours"), drift,
        ]
        return overall + [embeddings, besideDevelopment].compactMap(\.self) + [smallShifts, scores] + curves.parts
            + [confusion, subgroups, completeness, quality] + (try DisagreedPatches(answers).parts(connection))
    }

    // MARK: Figures

    private var summary: ReportPart {
        let metrics = [
            "recall", "precision", "specificity", "negative_predictive_value", "f1", "accuracy",
            "balanced_accuracy", "auc_roc", "average_precision", "brier", "log_loss", "calibration_slope",
            "calibration_intercept", "calibration_error",
        ]
        let rows = metrics.map { metric in
            [metric.replacing("_", with: " ")]
                + [RealisedPerformance.corrected, RealisedPerformance.plain, LabelFreeEstimate.method].map { method in
                    figures.toDate(version, metric, method)?.text ?? ""
                } + [note(metric)]
        }
        let called =
            "\(profile.calledTumor) of \(profile.predictions) patches called tumor, \(profile.uncertain) uncertain"
        return ReportPart(
            title: "The last 28 days", words: called,
            table: ReportTable(
                columns: ["figure", "corrected", "plain", "estimated without labels", "what to know"], rows: rows),
            isTable: true)
    }

    private func note(_ metric: String) -> String {
        guard let figure = figures.toDate(version, metric, RealisedPerformance.corrected) else { return "" }
        let slides = figure.slides.map { "\($0) slides" } ?? ""
        let state = ["shown", "ok"].contains(figure.state) ? "" : figure.state
        return [state, slides, figure.note].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    private func overTime(_ metric: String, _ title: String) -> ReportPart {
        let corrected = figures.series(version, metric, RealisedPerformance.corrected)
        let estimated = figures.series(version, metric, LabelFreeEstimate.method)
        let both = corrected + estimated
        var part = ReportPart(
            title: title,
            table: ReportTable(
                columns: ["to", "how", "value", "patches", "slides", "state"],
                rows: both.map {
                    ["\($0.end)".day, $0.method, $0.text, "\($0.patches)", $0.slides.map { "\($0)" } ?? "", $0.state]
                }))
        guard let first = both.map(\.end).min(), let last = both.map(\.end).max() else {
            part.words = "No window has ended yet whose figure can be given."
            return part
        }
        part.words = "Over \(both[0].kind == WindowKind.day.rawValue ? "days" : "28 days") up to each midnight."
        var chart = Chart(
            title: title, xLabel: "", yLabel: metric, xRange: span(first, last), yRange: 0...1, isOverTime: true)
        let bands = corrected.filter { $0.low != nil && $0.high != nil }
        chart.series = [
            .init(
                name: "95 % interval", style: .band, color: "c1", points: bands.map { ($0.end.days, $0.low ?? 0) },
                upper: bands.map { $0.high ?? 0 }),
            .init(
                name: "against labels", style: .line, color: "c1",
                points: corrected.map { ($0.end.days, $0.value ?? 0) }),
            .init(
                name: "estimated without", style: .dashed, color: "c2",
                points: estimated.map { ($0.end.days, $0.value ?? 0) }),
        ]
        part.chart = chart
        return part
    }

    private func span(_ first: Timestamp, _ last: Timestamp) -> ClosedRange<Double> {
        first == last ? (first.days - 0.5)...(first.days + 0.5) : first.days...last.days
    }

    // MARK: Drift and scores

    private var drift: ReportPart {
        let days = figures.drift(version)
        var part = ReportPart(
            title: "Drift: the worst figure's share of its limit, by day",
            table: ReportTable(
                columns: ["day to", "share of limit", "state", "beyond their limits"],
                rows: days.map { ["\($0.end)".day, $0.value?.short ?? "", $0.state, $0.note] }))
        guard let first = days.first, let last = days.last else {
            part.words =
                reference == nil
                ? "No local reference: sentinode monitor reference freeze makes one of a validated period."
                : "No day has ended since that can be compared, or slides are too few for limits."
            return part
        }
        part.chart = limitChart(
            part.title, "worst figure", days.map { ($0.end.days, $0.value ?? 0) }, first.end, last.end)
        return part
    }

    /// For orientation, until there is a reference.
    private var besideDevelopment: ReportPart? {
        let development: DevelopmentProfile
        switch self.development {
        case nil: return nil
        case .failure(let error)?:
            return ReportPart(
                title: "Beside the patches it was developed on", words: error.description,
                table: ReportTable(columns: [], rows: []))
        case .success(let profile)?: development = profile
        }
        let values = DriftSample(profile).figures(comparedWith: DriftStandard(development.sample))
        let metrics = MonitoredStatistic.allCases.map(\.metric)
        return ReportPart(
            title: "Beside the patches it was developed on",
            words: "The last 28 days, and \(development.patches) patches: \(development.description). Shown for "
                + "orientation: nothing alarms on it.",
            table: ReportTable(
                columns: ["figure"] + DriftDistance.allCases.map(\.rawValue),
                rows: metrics.map { metric in
                    [metric]
                        + zip(DriftFigures.names, values).filter { $0.0.metric == metric }.map {
                            $0.1?.short ?? MeasurementState.notEnoughData.rawValue
                        }
                }), isTable: true)
    }

    private var embeddings: ReportPart? {
        let figures = figures.embeddings(version)
        guard let first = figures.first, let last = figures.last else { return nil }
        var part = ReportPart(
            title: "Drift: what the network sees, the worst site's share of its limit, by day",
            table: ReportTable(
                columns: ["day to", "part", "discrepancy", "limit", "patches", "state", "note"],
                rows: figures.map {
                    [
                        "\($0.end)".day, $0.segment.text, $0.value?.short ?? "", $0.threshold?.short ?? "",
                        "\($0.patches)", $0.state, $0.note,
                    ]
                }))
        let worst = Dictionary(grouping: figures, by: \.end.days).mapValues { $0.compactMap(\.shareOfLimit).max() }
        let points = worst.sorted { $0.key < $1.key }.compactMap { day, share in share.map { (day, max(0, $0)) } }
        guard !points.isEmpty else {
            part.words = "There is no limit yet: \(last.note)."
            return part
        }
        part.chart = limitChart(part.title, "worst site", points, first.end, last.end)
        return part
    }

    /// A share of a limit over time, with the limit.
    private func limitChart(
        _ title: String, _ name: String, _ points: [(Double, Double)], _ first: Timestamp, _ last: Timestamp
    ) -> Chart {
        let highest = max(1.5, points.map(\.1).max() ?? 0)
        var chart = Chart(
            title: title, xLabel: "", yLabel: "share of limit", xRange: span(first, last), yRange: 0...highest,
            isOverTime: true)
        chart.series = [
            .init(name: name, style: .line, color: "c1", points: points),
            .init(
                name: "limit", style: .dashed, color: "limit",
                points: [chart.xRange.lowerBound, chart.xRange.upperBound].map { ($0, 1) }),
        ]
        return chart
    }

    /// Cumulative sums as shares of their limits.
    private var smallShifts: ReportPart {
        let sums = figures.sums(version)
        var part = ReportPart(
            title: "Small shifts that last: cumulative sums, as shares of their limits",
            table: ReportTable(
                columns: ["28 days to", "of", "sum", "limit", "state", "what to know"],
                rows: sums.map {
                    [
                        "\($0.end)".day, $0.metric.replacing("_", with: " "), $0.value?.short ?? "",
                        $0.threshold?.short ?? "",
                        $0.state, $0.note,
                    ]
                }))
        let known = sums.compactMap { figure in
            figure.value.flatMap { value in figure.threshold.map { (figure: figure, share: value / $0) } }
        }
        guard let first = known.first?.figure.end, let last = known.last?.figure.end else {
            part.words = "No day lies after the acceptance reference yet, or there is none."
            return part
        }
        var chart = Chart(
            title: part.title, xLabel: "", yLabel: "share of limit", xRange: span(first, last),
            yRange: 0...max(1.5, known.map(\.share).max() ?? 0), isOverTime: true)
        let streams = [
            (SequentialMeasurements.score, "mean score", "c1"),
            (ErrorStream.missedTumors.rawValue, "missed tumours", "c2"),
            (ErrorStream.falseAlarms.rawValue, "false alarms", "c3"),
        ]
        chart.series = streams.map { metric, name, color in
            .init(
                name: name, style: .line, color: color,
                points: known.filter { $0.figure.metric == metric }.map { ($0.figure.end.days, $0.share) })
        }
        chart.series.append(
            .init(
                name: "limit", style: .dashed, color: "limit",
                points: [chart.xRange.lowerBound, chart.xRange.upperBound].map { ($0, 1) }))
        part.chart = chart
        return part
    }

    private var developmentSample: DriftSample? {
        if case .success(let profile)? = development { profile.sample } else { nil }
    }

    private var scores: ReportPart {
        let edges = MonitoredStatistic.score.edges
        func shares(_ histogram: FixedHistogram) -> [Double] {
            histogram.counts.map { histogram.total > 0 ? Double($0) / Double(histogram.total) : 0 }
        }
        let now = shares(profile.histograms[MonitoredStatistic.score.rawValue])
        let before = (reference.map { DriftSample($0.patches) } ?? developmentSample).map {
            shares($0.histograms[MonitoredStatistic.score.rawValue])
        }
        let compared = reference == nil ? "the patches it was developed on" : "the acceptance reference"
        let centres = zip(edges, edges.dropFirst()).map { ($0 + $1) / 2 }
        let highest = max(0.05, (now + (before ?? [])).max() ?? 0)
        var chart = Chart(
            title: "Scores", xLabel: "probability of tumour", yLabel: "share of patches", xRange: 0...1,
            yRange: 0...highest)
        chart.series = [.init(name: "last 28 days", style: .bars, color: "c1", points: Array(zip(centres, now)))]
        if let before {
            chart.series.append(
                .init(
                    name: reference == nil ? "developed on" : "acceptance reference", style: .steps, color: "c2",
                    points: Array(zip(edges, before + before.suffix(1)))))
        }
        return ReportPart(
            title: "Scores" + (before == nil ? "" : ": now and in \(compared)"), chart: chart,
            table: ReportTable(
                columns: ["from", "to", "last 28 days", before == nil ? "" : compared],
                rows: now.indices.map { bin in
                    [edges[bin].short, edges[bin + 1].short, now[bin].percent, before.map { $0[bin].percent } ?? ""]
                }))
    }
}

extension Timestamp {
    /// Since the epoch.
    fileprivate var days: Double { Double(microseconds) / Double(MonitorWindow.day) }
}

extension String {
    /// The date of a time's text.
    fileprivate var day: String { String(prefix(10)) }
}
