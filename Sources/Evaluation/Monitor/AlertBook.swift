import AuditTrail
import Database
import Foundation
import Monitoring

/// What an alert is about: it is raised once, however many windows show it.
struct AlertCondition: Hashable {
    let version: String
    let windowKind: String
    let segment: Segment
    let metric: String
    let method: String
}

extension AlertCondition {
    init(_ placed: PlacedMeasurement) {
        version = placed.figure.subject.version
        windowKind = placed.kind
        segment = placed.figure.subject.segment
        metric = placed.figure.metric
        method = placed.figure.method
    }

    /// From the columns of `monitor.alerts`.
    init(_ row: Row) throws {
        version = try row.text("model_version")
        windowKind = try row.text("window_kind")
        guard let kind = Segment.Kind(rawValue: try row.text("segment_kind")) else {
            throw OperationError("monitor.alerts has a segment that the monitor does not know")
        }
        segment = Segment(kind: kind, name: try row.text("segment"))
        metric = try row.text("metric")
        method = try row.text("method")
    }
}

/// An alert to be stored: a row of `monitor.alerts`.
struct AlertRow: AuditedRow {
    let id: UUID
    let run: UUID
    let placed: PlacedMeasurement
    let value: Double
    let threshold: Double
    let reason: String
    var raisedAt: Timestamp
    var raisedBy: String

    static let table = AuditedTable(
        "monitor.alerts",
        [
            .init("alert_id", .uuid), .init("run_id", .uuid), .init("model_version", .text),
            .init("window_kind", .text),
            .init("window_start", .timestamptz), .init("window_end", .timestamptz), .init("segment_kind", .text),
            .init("segment", .text), .init("metric", .text), .init("method", .text), .init("value", .double),
            .init("threshold", .double), .init("reason", .text), .init("raised_at", .timestamptz),
            .init("raised_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("alert_id", .uuid(id)),
            stamp.leaf,
            Column("method", .text(placed.figure.method)),
            Column("metric", .text(placed.figure.metric)),
            Column("model_version", .text(placed.figure.subject.version)),
            Column("raised_at", .timestamp(raisedAt.microseconds)),
            Column("raised_by", .text(raisedBy)),
            Column("reason", .text(reason)),
            Column("run_id", .uuid(run)),
            stamp.saltColumn,
            stamp.seal,
            Column("segment", .text(placed.figure.subject.segment.name)),
            Column("segment_kind", .text(placed.figure.subject.segment.kind.rawValue)),
            Column("threshold", .double(threshold)),
            Column("value", .double(value)),
            Column("window_end", .timestamp(placed.end.microseconds)),
            Column("window_kind", .text(placed.kind)),
            Column("window_start", .timestamp(placed.start.microseconds)),
            stamp.writer,
        ]
    }
}

/// What the monitor itself does about an alert: a row of `monitor.alert_acts`.
struct AlertResolutionRow: AuditedRow {
    let alert: UUID
    let number: Int32
    let reason: String
    let actedAt: Timestamp
    let actedBy: String
    let printedName: String?

    static let table = AuditedTable(
        "monitor.alert_acts",
        [
            .init("alert_id", .uuid), .init("number", .integer), .init("act", .text), .init("reason", .text),
            .init("acted_at", .timestamptz), .init("acted_by", .text), .init("printed_name", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("act", .text("resolved")),
            Column("acted_at", .timestamp(actedAt.microseconds)),
            Column("acted_by", .text(actedBy)),
            Column("alert_id", .uuid(alert)),
            stamp.leaf,
            Column("number", .integer(Int64(number))),
            Column("printed_name", text: printedName),
            Column("reason", .text(reason)),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ].compactMap { $0 }
    }
}

/// Which alerts stand open, which a run raises, and which are over.
struct AlertBook {
    /// Quiet windows in a row after which the monitor resolves an alert.
    static let quietWindows = 2

    /// Of the alerts of one run, the furthest beyond its limit is first.
    static let oldestFirst: SQL =
        "raised_at, abs((value - threshold) / nullif(threshold, 0)) desc nulls last, alert_id"

    /// When the last alert was answered, or its window ended: windows that ended before are its own.
    private var answered: [AlertCondition: Timestamp] = [:]
    private(set) var open: Set<AlertCondition> = []

    /// With no alert yet.
    init() {}

    /// What is answered in the future, by a clock that was ahead, answers no window of now.
    init(_ connection: DatabaseConnection) throws {
        for row in try connection.query(
            """
            select model_version, window_kind, segment_kind, segment, metric, method,
                max(greatest(window_end, acted_at)) filter (where greatest(window_end, acted_at) <= now())
                    as answered_at,
                bool_or(state <> 'resolved') as is_open
            from monitor.alert_states group by 1, 2, 3, 4, 5, 6
            """)
        {
            let condition = try AlertCondition(row)
            answered[condition] = try row.optionalTimestamp("answered_at")
            if try row.bool("is_open") { open.insert(condition) }
        }
    }

    /// The alerts to raise for these measurements, the first cause first: one a condition that none stands open for, and
    /// none for a window that ended before the last one was answered.
    mutating func raise(_ measurements: [PlacedMeasurement], run: UUID, at: Timestamp, by actor: String) -> [AlertRow] {
        let alarming = measurements.filter { $0.raisesAlert }.sorted { ($0.end, $1.excess) < ($1.end, $0.excess) }
        var raised: [AlertRow] = []
        for placed in alarming {
            let condition = AlertCondition(placed)
            guard !open.contains(condition), answered[condition].map({ $0 < placed.end }) ?? true,
                let value = placed.figure.value, let threshold = placed.figure.threshold
            else { continue }
            open.insert(condition)
            answered[condition] = placed.end
            raised.append(
                AlertRow(
                    id: UUID(), run: run, placed: placed, value: value, threshold: threshold, reason: placed.sentence,
                    raisedAt: at, raisedBy: actor))
        }
        return AlertCause.sorted(raised, reason: \.reason)
    }

    /// The open alerts whose condition was quiet in the last windows, this run's measurements among them.
    static func over(_ entry: LedgerEntry) throws -> [AlertResolutionRow] {
        // A person may act on one at this moment: one after the other.
        _ = try entry.connection.query(
            """
            select pg_advisory_xact_lock(1397050967, hashtext(alert_id::text)) from monitor.open_alerts order by alert_id
            """)
        return try entry.connection.query(
            """
            select alert.alert_id, 1 + (select count(*) from monitor.alert_acts as act
                                        where act.alert_id = alert.alert_id) as number
            from monitor.alert_states as alert
            where alert.state <> 'resolved' and $1 = (
                select count(*) filter (where later.state = 'ok')
                from (select state from monitor.latest_measurements as figure
                      where (figure.window_kind, figure.model_version, figure.segment_kind, figure.segment,
                             figure.metric, figure.method)
                          = (alert.window_kind, alert.model_version, alert.segment_kind, alert.segment, alert.metric,
                             alert.method)
                          and figure.window_start > alert.window_start
                      order by figure.window_start desc limit $1) as later)
            order by alert.alert_id
            """, [.int8(Int64(quietWindows))]
        ).map { row in
            AlertResolutionRow(
                alert: try row.uuid("alert_id"), number: Int32(try row.int8("number")),
                reason: "within its limit in \(quietWindows) windows in a row", actedAt: entry.at, actedBy: entry.actor,
                printedName: entry.person)
        }
    }
}

extension PlacedMeasurement {
    /// Whether its alarm is one that people are called for, and not only a part of one.
    var raisesAlert: Bool {
        guard figure.state == .alarm, figure.subject.canAlarm else { return false }
        switch kind {
        case MonitorConfiguration.driftAlarms.rawValue:
            return figure.metric == DriftMeasurements.summary || figure.metric == EmbeddingDrift.metric
        case MonitorConfiguration.performanceAlarms.rawValue:
            return figure.method == RealisedPerformance.corrected || figure.method == SequentialMeasurements.method
                || (figure.method == LabelFreeEstimate.disagreement && figure.metric == ConfusionFigure.recall.metric)
        case PlacedMeasurement.now: return figure.metric == OperationsMeasurements.overridden
        default: return false
        }
    }

    /// How far beyond its limit, as a share of it.
    fileprivate var excess: Double {
        guard let value = figure.value, let threshold = figure.threshold, threshold != 0 else { return 0 }
        return abs((value - threshold) / threshold)
    }

    private var side: String { (figure.value ?? 0) < (figure.threshold ?? 0) ? "below" : "above" }

    /// What an alert says.
    var sentence: String {
        let day = "\(end)".prefix(10)
        let until = end == end.day ? "\(day)" : "\(end)"
        let whose = "\(figure.subject.version), \(figure.subject.segment.text), \(kind) to \(until)"
        let value = figure.value?.short ?? "?"
        let limit = figure.threshold?.short ?? "?"
        let text =
            if figure.metric == DriftMeasurements.summary || figure.method == SequentialMeasurements.method {
                "\(figure.note ?? "") (\(whose))"
            } else if figure.metric == OperationsMeasurements.overridden {
                "\(figure.subject.version) was activated although its shadow period had not met: \(figure.note ?? "")"
            } else if figure.metric == EmbeddingDrift.metric {
                "\(AlertCause.inputs.rawValue): what the network sees (\(figure.method) \(value), limit \(limit)) (\(whose))"
            } else {
                "\(figure.metric) (\(figure.method)) is \(value), \(side) \(limit) (\(whose))"
            }
        return text.count <= 1000 ? text : text.prefix(999) + "…"
    }
}
