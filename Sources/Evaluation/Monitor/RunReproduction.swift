import Database
public import Foundation
import Monitoring

/// A stored run, computed again from what is stored.
public struct RunReproduction: Sendable {
    public let measurements: Int
    /// Those that differ, or are missing on one side.
    public let differing: Int
    /// The first of them.
    public let first: String?
    /// Predictions that were erased after the run.
    public let erasedSince: Int64
}

extension MonitorJob {
    /// Computes the windows of a run again, as of its time and with its configuration, and compares every figure; those
    /// of no window, which tell of the moment, are left out.
    public func reproduce(_ id: UUID) throws -> RunReproduction {
        let connection = try DatabaseConnection(
            settings.database.patient(statementTimeout: MonitorJob.statementTimeout))
        defer { connection.close() }
        let rows = try connection.query(
            """
            select as_of, windows_until, recorded_at,
                (configuration ->> 'days_between_false_alarms')::double precision as days,
                (configuration ->> 'tolerance')::double precision as tolerance,
            """ + WindowKind.storedColumn + " from monitor.runs where run_id = $1", [.uuid(id)])
        guard let run = rows.first else {
            throw OperationError(
                "there is no run \(id.text): SELECT run_id, recorded_at FROM monitor.runs shows those there are")
        }
        let asOf = try run.timestamp("as_of")
        _ = try connection.query("select review.set_as_of($1)", [.timestamp(asOf)])
        let configuration = try MonitorConfiguration(run)
        let reader = WindowReader(
            asOf: asOf, until: try run.timestamp("windows_until"), configuration: configuration,
            thresholds: ThresholdShelf(configuration), connection)
        let stored = try connection.query(
            "select * from monitor.measurements where run_id = $1 and window_kind <> 'now' order by number",
            [.uuid(id)]
        ).map { ComparedFigure(try ReportedFigure($0)) }
        let windows = Set(stored.compactMap(\.window)).filter { configuration.windows.contains($0.kind) }.sorted()
        let whole = Set(stored.filter { $0.metric == InputQuality.white.rawValue }.compactMap(\.window))
        try reader.prepare(windows)
        let line = WindowLine()
        for window in windows { line.add(try reader.read(window, onlyLabels: !whole.contains(window))) }
        let differing = ComparedFigure.differences(stored, line.finish().map(ComparedFigure.init))
        let erased = try connection.query(
            """
            select count(*) as predictions from audit.erased_rows
            where relation = 'sentinode.predictions' and erased_at > $1
            """, [.timestamp(try run.timestamp("recorded_at"))]
        ).onlyRow()
        return RunReproduction(
            measurements: stored.count, differing: differing.count, first: differing.first,
            erasedSince: try erased.int8("predictions"))
    }
}

/// A measurement in the fields that must be the same.
private struct ComparedFigure {
    /// What it is.
    struct Key: Hashable {
        let version: String
        let kind: String
        let end: Timestamp
        let segment: Segment
        let metric: String
        let method: String
    }

    let key: Key
    private let numbers: [(name: String, value: Double?)]
    private let state: String

    init(_ figure: ReportedFigure) {
        key = Key(
            version: figure.version, kind: figure.kind, end: figure.end, segment: figure.segment, metric: figure.metric,
            method: figure.method)
        numbers = ComparedFigure.numbers(figure.value, figure.low, figure.high, figure.threshold)
        state = figure.state
    }

    init(_ placed: PlacedMeasurement) {
        let figure = placed.figure
        key = Key(
            version: figure.subject.version, kind: placed.kind, end: placed.end, segment: figure.subject.segment,
            metric: figure.metric, method: figure.method)
        numbers = ComparedFigure.numbers(
            figure.value, figure.interval?.lower, figure.interval?.upper, figure.threshold)
        state = figure.state.rawValue
    }

    private static func numbers(_ value: Double?, _ low: Double?, _ high: Double?, _ threshold: Double?)
        -> [(name: String, value: Double?)]
    {
        [("value", value), ("ci_low", low), ("ci_high", high), ("threshold", threshold)]
    }

    var metric: String { key.metric }
    var window: MonitorWindow? { WindowKind(rawValue: key.kind).map { MonitorWindow(kind: $0, end: key.end) } }

    private var text: String {
        let method = key.method.isEmpty ? "" : " (\(key.method))"
        return "\(key.metric)\(method) of \(key.version), \(key.segment.text), \(key.kind) to \(key.end)"
    }

    /// A sentence for each figure that differs or is on one side alone, in the order in which they were stored.
    static func differences(_ stored: [ComparedFigure], _ computed: [ComparedFigure]) -> [String] {
        var left = Dictionary(computed.map { ($0.key, $0) }) { first, _ in first }
        let changed = stored.compactMap { before -> String? in
            guard let now = left.removeValue(forKey: before.key) else { return "\(before.text) is computed no more" }
            return before.difference(from: now)
        }
        return changed + computed.filter { left[$0.key] != nil }.map { "\($0.text) was not computed then" }
    }

    private func difference(from now: ComparedFigure) -> String? {
        for (before, after) in zip(numbers, now.numbers) where before.value?.bitPattern != after.value?.bitPattern {
            func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "none" }
            return "\(self.text): \(before.name) was \(text(before.value)), now \(text(after.value))"
        }
        return state == now.state ? nil : "\(text): was \(state), now \(now.state)"
    }
}
