import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// A laboratory with a past: predictions of a calibrated model over some days, and what people said of those selected.
struct MonitoredLaboratory {
    let laboratory: Laboratory
    /// A login with the monitor's role alone.
    let monitor: LaboratoryReader
    /// One with the administrator's, for what people do.
    let administrator: LaboratoryReader

    static func with(days: Int, patches: Int, slide: Int = 100, _ body: (MonitoredLaboratory) throws -> Void)
        async throws
    {
        try await Laboratory.with { laboratory in
            let monitor = try laboratory.makeLogin("in role sentinode_monitor")
            defer { laboratory.drop(monitor) }
            let administrator = try laboratory.makeLogin("in role sentinode_admin")
            defer { laboratory.drop(administrator) }
            let lab = MonitoredLaboratory(laboratory: laboratory, monitor: monitor, administrator: administrator)
            if patches > 0 { try lab.fill(days: days, patches: patches, slide: slide) }
            try body(lab)
        }
    }

    /// The scripts that the benchmark fills its database with. The data end with a day, so that windows hold the same of
    /// them at any hour.
    private func fill(days: Int, patches: Int, slide: Int) throws {
        let folder = Stack.packageRoot.appending(path: "Benchmarks/monitor")
        let script = try ["fill.sql", "labels.sql"].map {
            try String(contentsOf: folder.appending(path: $0), encoding: .utf8)
        }.joined()
        let settings = [
            ("rows", "\(patches)"), ("days", "\(days)"), ("slide", "\(slide)"), ("sites", "2"), ("embedded", "5"),
            ("band", "0.1"), ("until", "date_trunc('day', now(), 'UTC')"), ("parts", "1"), ("part", "0"),
            ("'version'", "'\(try version)'"),
        ]
        let superuser = try laboratory.superuser()
        defer { superuser.close() }
        try superuser.run(
            script: settings.reduce(script) { $0.replacing(":" + $1.0, with: $1.1) } + "analyze;")
    }

    /// The version that decides.
    var version: String {
        get throws {
            try laboratory.database.query(
                "select active_version from sentinode.control order by generation desc limit 1"
            )
            .onlyRow().text("active_version")
        }
    }

    func change(_ script: String) throws {
        let superuser = try laboratory.superuser()
        defer { superuser.close() }
        try superuser.run(script: "set session_replication_role = replica; " + script)
    }

    /// Runs `sentinode monitor` as the monitor's login, or as the administrator's what people do; returns what it printed.
    @discardableResult
    func run(_ arguments: String..., expecting code: Int32 = 0) throws -> String {
        let isByPeople = ["reference", "acknowledge", "resolve"].contains(arguments.first)
        let program = try laboratory.start(
            ["monitor"] + arguments,
            environment: ["SENTINODE_DATABASE_URL": isByPeople ? administrator.url : monitor.url])
        let end = try program.waitForEnd(within: 240)
        try #require(end == .exit(code), "\(program.lastWords())")
        return try program.output()
    }

    /// An alert that stands open, as if a run had raised it long ago.
    func makeAlert() throws -> UUID {
        let id = UUID()
        try change(
            """
            insert into monitor.alerts (alert_id, run_id, model_version, window_kind, window_start, window_end, segment_kind,
                segment, metric, method, value, threshold, reason, raised_at, raised_by, writer, seal, leaf, salt)
            select '\(id.uuidString)', gen_random_uuid(), 'v', 'day', now(), now(), 'overall', '', 'drift', '', 2, 1, 'moved', now(),
                'monitor', gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid())
            """)
        return id
    }

    /// What the administrator says of an alert.
    func act(_ what: String, on alert: UUID) throws {
        try run(what, alert.uuidString.lowercased(), "--reason", "a test")
    }

    /// Values of the newest rows of a metric.
    func latest(_ metric: String, _ method: String, _ kind: String, segment: String = "") throws -> [ReportedFigure] {
        try laboratory.database.query(
            """
            select * from monitor.latest_measurements
            where metric = $1 and method = $2 and window_kind = $3 and segment = $4 order by window_end
            """, [.text(metric), .text(method), .text(kind), .text(segment)]
        ).map(ReportedFigure.init)
    }

    /// An hour that is over, so many days ago, as RFC 3339.
    func daysAgo(_ days: Int) -> String {
        "\(Timestamp(microseconds: Timestamp.now.day.microseconds - Int64(days) * MonitorWindow.day))"
    }
}
