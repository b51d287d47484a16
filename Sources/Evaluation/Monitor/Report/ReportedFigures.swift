import Database
import Foundation

/// A row of `monitor.latest_measurements`.
struct ReportedFigure {
    let version: String
    let kind: String
    let start: Timestamp
    let end: Timestamp
    let segment: Segment
    let metric: String
    let method: String
    let value: Double?
    let low: Double?
    let high: Double?
    let patches: Int64
    let slides: Int32?
    let threshold: Double?
    let state: String
    let note: String

    init(_ row: Row) throws {
        version = try row.text("model_version")
        kind = try row.text("window_kind")
        start = try row.timestamp("window_start")
        end = try row.timestamp("window_end")
        segment = Segment(
            kind: Segment.Kind(rawValue: try row.text("segment_kind")) ?? .overall, name: try row.text("segment"))
        metric = try row.text("metric")
        method = try row.text("method")
        value = try row.optionalFloat8("value")
        low = try row.optionalFloat8("ci_low")
        high = try row.optionalFloat8("ci_high")
        patches = try row.int8("n")
        slides = try row.optionalInt4("slides")
        threshold = try row.optionalFloat8("threshold")
        state = try row.text("state")
        note = try row.optionalText("note") ?? ""
    }

    /// Whether nothing is to be known of it before it is used.
    var isSettled: Bool { [MeasurementState.shown, .ok, .alarm].map(\.rawValue).contains(state) }

    var shareOfLimit: Double? {
        guard let value, let threshold, threshold > 0 else { return nil }
        return value / threshold
    }

    /// With the names of `monitor.measurements`.
    var json: JSONText {
        func number(_ value: Double?) -> JSONText { value.map { .double($0) } ?? .null }
        return .object([
            ("model_version", .string(version)), ("window_kind", .string(kind)),
            ("window_start", .string("\(start)")), ("window_end", .string("\(end)")),
            ("segment_kind", .string(segment.kind.rawValue)), ("segment", .string(segment.name)),
            ("metric", .string(metric)), ("method", .string(method)), ("value", number(value)),
            ("ci_low", number(low)), ("ci_high", number(high)), ("n", .integer(patches)),
            ("slides", slides.map { .integer(Int64($0)) } ?? .null), ("threshold", number(threshold)),
            ("state", .string(state)), ("note", note.isEmpty ? .null : .string(note)),
        ])
    }

    /// `0.93 (0.9 to 0.95)`.
    var text: String {
        guard let value else { return state }
        guard let low, let high else { return value.short }
        return "\(value.short) (\(low.short) to \(high.short))"
    }
}

/// What the report shows of the stored measurements: those to date, the longest windows of the last 90 days, and days'
/// drift.
struct ReportedFigures {
    private let all: [ReportedFigure]
    private let current: [ReportedFigure]
    /// Of the last run that asked, which is the last one after a midnight.
    private let agreement: [ReportedFigure]
    /// Versions that are compared with a reference.
    let referenced: Set<String>

    private static let shownDays: Int64 = 90
    /// Microseconds after which agreement is too old to be shown.
    private static let agreementAge = 8 * MonitorWindow.day

    init(_ run: ReportedRun, _ connection: DatabaseConnection) throws {
        let since = Timestamp(microseconds: run.asOf.microseconds - ReportedFigures.shownDays * MonitorWindow.day)
        all = try connection.query(
            """
            select * from monitor.latest_measurements
            where window_start >= $1 and (
                segment_kind = 'overall' and (
                    (window_kind = '28 days' and (metric in ('precision', 'recall') or method = 'CUSUM'))
                    or (window_kind = 'day' and (metric in ('precision', 'recall', 'drift') or model_version = '')))
                or window_kind = 'day' and metric = 'embedding')
            order by window_end, segment
            """, [.timestamp(Timestamp(microseconds: since.microseconds - WindowKind.rolling.length))]
        ).map(ReportedFigure.init)
        current = try connection.query(
            "select * from monitor.measurements where window_kind = 'now' and run_id = (select run_id from monitor.runs order by "
                + PreviousRun.newestFirst + " limit 1) order by number"
        ).map(ReportedFigure.init)
        let asked = try connection.query(
            """
            select * from monitor.measurements
            where window_kind = 'now' and window_start >= $1 and model_version = '' and metric = $2
            order by window_start desc, number
            """,
            [
                .timestamp(Timestamp(microseconds: run.asOf.microseconds - ReportedFigures.agreementAge)),
                .text(OperationsMeasurements.agreement),
            ]
        ).map(ReportedFigure.init)
        agreement = asked.filter { $0.start == asked[0].start }
        referenced = Set(
            try connection.query(
                "select distinct model_version from monitor.reference_profiles where in_force_from < $1",
                [.timestamp(run.asOf)]
            ).map { try $0.text("model_version") })
    }

    func toDate(_ version: String, _ metric: String, _ method: String, _ segment: Segment = .overall) -> ReportedFigure?
    {
        current.first {
            $0.version == version && $0.metric == metric && $0.method == method && $0.segment == segment
        }
    }

    /// Every one that the page tells of, with its numbers as they are stored.
    var json: JSONText { .array((current + agreement + all).map(\.json)) }

    func toDate(of version: String) -> [ReportedFigure] { current.filter { $0.version == version } }

    /// Over time, from the longest windows that have ended.
    func series(_ version: String, _ metric: String, _ method: String) -> [ReportedFigure] {
        let own = all.filter { $0.version == version && $0.metric == metric && $0.method == method }
        let rolling = own.filter { $0.kind == WindowKind.rolling.rawValue && $0.value != nil }
        return rolling.isEmpty ? own.filter { $0.kind == WindowKind.day.rawValue && $0.value != nil } : rolling
    }

    /// Days' worst share of a limit.
    func drift(_ version: String) -> [ReportedFigure] {
        all.filter {
            $0.version == version && $0.kind == WindowKind.day.rawValue && $0.metric == DriftMeasurements.summary
                && $0.value != nil
        }
    }

    /// Days' discrepancy of the embeddings, of each site.
    func embeddings(_ version: String) -> [ReportedFigure] {
        all.filter { $0.version == version && $0.metric == EmbeddingDrift.metric }
    }

    /// Cumulative sums, by the ends of their windows.
    func sums(_ version: String) -> [ReportedFigure] {
        all.filter {
            $0.version == version && $0.kind == WindowKind.rolling.rawValue
                && $0.method == SequentialMeasurements.method
        }
    }

    var operations: ReportPart {
        let days = all.filter { $0.version.isEmpty }
        let lastDay = days.last?.end
        let waiting = current.filter { $0.version.isEmpty && $0.metric != OperationsMeasurements.agreement }
        let rows = (waiting + days.filter { $0.end == lastDay } + agreement).map { figure in
            [
                figure.metric.replacing("_", with: " "), figure.method, figure.text,
                figure.kind == PlacedMeasurement.now ? "to \(figure.end)" : "day to \(figure.end)", figure.note,
            ]
        }
        return ReportPart(
            title: "Reviews, times and quarantine",
            table: ReportTable(columns: ["what", "how", "value", "when", "note"], rows: rows), isTable: true)
    }
}

/// What the figures mean, for whoever wants to check them.
enum ReportMethods {
    static let part = ReportPart(
        title: "Methods",
        table: ReportTable(
            columns: ["figure", "how"],
            rows: [
                [
                    "windows",
                    "what was stored in them by the database's clock, UTC; computed when they have ended, and again when labels in them change",
                ],
                [
                    "call",
                    "tumor where p_tumor reached the threshold in force, also for uncertain predictions; labels unassessable are left out of the figures and counted",
                ],
                ["plain", "all confirmed labels alike: biased where some patches are likelier to be looked at"],
                [
                    "corrected",
                    "each label weighs 1 / (selection probability x response of its stratum), Hajek's ratio; voluntary labels are left out",
                ],
                [
                    "intervals",
                    "95 %, by linearisation over slides, t with at most the slides less one degrees of freedom (Binder 1983; Korn and Graubard 1998); Wilson's (1927) where no slide is named",
                ],
                [
                    "worst and best case",
                    "what recall and precision would be if all missing answers were against or for the model (Manski 1989)",
                ],
                ["Begg-Greenes", "a check: verification that depends on the call alone (Begg and Greenes 1983)"],
                [
                    "estimated without labels",
                    "each patch counts as tumour with its probability (confidence-based performance estimation); once the labels of the reference's period, or without one the window's own, have shown that scores are probabilities; intervals are chance alone, of the area by Hanley and McNeil (1982)",
                ],
                [
                    "auc, average precision",
                    "over every threshold, ties together; intervals of plain areas by Obuchowski (1997), without slides by DeLong, DeLong and Clarke-Pearson (1988), of all others by linearisation over slides",
                ],
                [
                    "brier, log loss",
                    "means of the squared (Brier 1950) and of the logarithmic loss, with intervals as above",
                ],
                [
                    "calibration",
                    "intercept and slope of a logistic line through the labels (Cox 1958); the error over ten bins of equal size is too large by chance, debiased after Kumar, Liang and Ma (2019); its interval takes the side of each bin's gap as it is",
                ],
                ["agreement", "Cohen's kappa (1960), on labels of the last 28 days as first given"],
                [
                    "input quality",
                    "shares of patches by fixed limits, which the part names; outside scope: of another resolution or stain than the version declares",
                ],
                [
                    "drift",
                    "histograms of fixed bins against the acceptance reference: population stability index (symmetrised divergence, Kullback and Leibler 1951), Kolmogorov-Smirnov, Wasserstein in the figure's own unit; limits by resampling whole slides of the reference, all figures of all segments together within the false-alarm budget (Westfall and Young 1993)",
                ],
                [
                    "embeddings",
                    "the activations before the network's last layer, of a random sample of 100 patches a site and day: squared maximum mean discrepancy to the reference's (Gretton et al. 2012), limits likewise",
                ],
                [
                    "CUSUM",
                    "two-sided cumulative sums of the days' mean scores and errors, less the reference's, in standard deviations that know slides, with k = 0.5 (Page 1954); limits by Siegmund's approximation (1985) from a share of the false-alarm budget and the reference's own error",
                ],
                [
                    "order of alerts",
                    "inputs, then scores, then errors: what comes first can be the cause of what comes after it",
                ],
                ["immature", "under 90 % of the selected patches of a stratum are labelled: such figures never alarm"],
            ]), isTable: true)
}
