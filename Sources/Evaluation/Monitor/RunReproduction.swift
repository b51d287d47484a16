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
        let figures = WindowFigures(
            asOf: asOf, until: try run.timestamp("windows_until"), configuration: configuration,
            thresholds: ThresholdShelf(configuration), connection)
        let stored = try connection.query(
            "select * from monitor.measurements where run_id = $1 and window_kind <> 'now' order by number",
            [.uuid(id)]
        ).map { ComparedFigure(try ReportedFigure($0)) }
        let windows = Set(stored.compactMap(\.window)).filter { configuration.windows.contains($0.kind) }.sorted()
        let whole = Set(stored.filter { $0.metric == InputQuality.white.rawValue }.compactMap(\.window))
        try figures.prepare(windows)
        let computed = try windows.flatMap {
            try figures.figures(of: $0, onlyLabels: !whole.contains($0)).map(ComparedFigure.init)
        }
        let differing = zip(stored, computed).filter { $0 != $1 }
        let erased = try connection.query(
            """
            select count(*) as predictions from audit.erased_rows
            where relation = 'sentinode.predictions' and erased_at > $1
            """, [.timestamp(try run.timestamp("recorded_at"))]
        ).onlyRow()
        return RunReproduction(
            measurements: stored.count, differing: differing.count + abs(stored.count - computed.count),
            first: differing.first.map { "\($0.text), now \($1.text)" }, erasedSince: try erased.int8("predictions"))
    }
}

/// A measurement in the fields that must be the same.
private struct ComparedFigure: Equatable {
    let version: String
    let kind: String
    let end: Timestamp
    let segment: Segment
    let metric: String
    let method: String
    let numbers: [UInt64?]
    let state: String
    let value: Double?

    init(_ figure: ReportedFigure) {
        (version, kind, end, segment) = (figure.version, figure.kind, figure.end, figure.segment)
        (metric, method, state, value) = (figure.metric, figure.method, figure.state, figure.value)
        numbers = [figure.value, figure.low, figure.high, figure.threshold].map { $0?.bitPattern }
    }

    init(_ placed: PlacedMeasurement) {
        let figure = placed.figure
        (version, kind, end, segment) = (figure.subject.version, placed.kind, placed.end, figure.subject.segment)
        (metric, method, state, value) = (figure.metric, figure.method, figure.state.rawValue, figure.value)
        numbers = [figure.value, figure.interval?.lower, figure.interval?.upper, figure.threshold].map {
            $0?.bitPattern
        }
    }

    var window: MonitorWindow? { WindowKind(rawValue: kind).map { MonitorWindow(kind: $0, end: end) } }

    var text: String {
        "\(metric) (\(method)) of \(version), \(segment.text), \(kind) to \(end): \(value?.short ?? "none"), \(state)"
    }
}
