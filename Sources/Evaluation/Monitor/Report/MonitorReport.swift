import AuditTrail
public import Database
import Foundation
import Monitoring

/// What the last run found, for people as one HTML page and for machines as JSON.
public struct MonitorReport {
    private let page: ReportPage
    private let figures: JSONText
    /// Announcements that wait for the webhook.
    private let waiting: Int

    /// Reads what it needs, as of the last run.
    public init(_ settings: DatabaseSettings) throws {
        let connection = try DatabaseConnection(settings.patient(statementTimeout: 600))
        defer { connection.close() }
        waiting = try WebhookQueue(connection: connection).backlog().waiting
        guard let run = try ReportedRun.newest(connection) else {
            page = ReportPage(
                title: MonitorReport.title, verdict: "The monitor has not run yet: there is nothing to report.",
                mood: .unwatched, facts: [],
                chapters: [])
            self.figures = .array([])
            return
        }
        _ = try connection.query("select review.set_as_of($1)", [.timestamp(run.asOf)])
        let figures = try ReportedFigures(run, connection)
        let alerts = try ReportedAlert.open(connection)
        let start = Timestamp(microseconds: run.asOf.microseconds - WindowKind.rolling.length)
        let period = try RecentPeriod(from: start, to: run.asOf, connection)
        let versions = Set(period.profiles.keys.map(\.version)).sorted()
        var chapters: [(title: String, parts: [ReportPart])] = [("Alerts", [ReportedAlert.part(alerts)])]
        let developments = try DevelopmentProfile.all(connection)
        for version in versions {
            let reference = try ReferenceProfile.newest(of: version, asOf: run.asOf, connection)
            let chapter = VersionChapter(
                version: version, figures: figures, period: period, reference: reference,
                development: reference == nil ? developments[version] : nil)
            chapters.append(("Version \(version)", try chapter.parts(connection)))
        }
        chapters.append(("Work", [figures.operations]))
        chapters.append(("How this was computed", [ReportMethods.part]))
        self.figures = figures.json
        let isWatched = versions.allSatisfy(figures.referenced.contains)
        page = ReportPage(
            title: MonitorReport.title, verdict: MonitorReport.verdict(alerts, versions, figures),
            mood: !alerts.isEmpty ? .alarm : isWatched ? .calm : .unwatched, facts: run.facts, chapters: chapters)
    }

    private static let title = "Sentinode monitor"

    public var html: String { page.html }
    public var json: String {
        JSONText.object(page.members + [("figures", figures), ("webhook_waiting", .integer(Int64(waiting)))]).text
    }

    private static func verdict(_ alerts: [ReportedAlert], _ versions: [String], _ figures: ReportedFigures) -> String {
        let recall = versions.compactMap { version -> String? in
            guard let figure = figures.toDate(version, "recall", RealisedPerformance.corrected),
                let value = figure.value,
                let low = figure.low, let high = figure.high
            else { return nil }
            let reservation = figure.isSettled ? "" : ", \(figure.state)"
            return
                "\(version) found \(value.percent) of the tumour patches (\(low.percent) to \(high.percent)\(reservation)) in "
                + "the last 28 days"
        }
        let known =
            recall.isEmpty
            ? "How many tumours are found is not known yet: too few labels" : recall.joined(separator: "; ")
        if let first = alerts.first {
            let others = alerts.count > 1 ? ", and \(alerts.count - 1) more" : ""
            return
                "\(alerts.count == 1 ? "An alert is" : "\(alerts.count) alerts are") open: \(first.reason)\(others). \(known)."
        }
        let unwatched = versions.filter { !figures.referenced.contains($0) }
        if unwatched.count == versions.count {
            return "Nothing can alarm yet: no acceptance reference was frozen. \(known)."
        }
        guard unwatched.isEmpty else {
            return "No alert is open, but nothing can alarm for \(unwatched.joined(separator: " and ")), which has no "
                + "acceptance reference. \(known)."
        }
        return "No alert is open. \(known)."
    }
}

extension ReportPage {
    /// As JSON.
    var members: [(String, JSONText)] {
        [
            ("verdict", .string(verdict)), ("is_alarming", .boolean(mood == .alarm)),
            ("facts", .array(facts.map { .string($0) })),
            ("chapters", .object(chapters.map { ($0.title, .object($0.parts.map(\.json))) })),
        ]
    }
}

extension Double {
    /// `93.1 %`.
    var percent: String { "\((self * 1000).rounded() / 10) %" }
}

/// The run that is reported.
struct ReportedRun {
    let asOf: Timestamp
    let facts: [String]

    static func newest(_ connection: DatabaseConnection) throws -> ReportedRun? {
        try connection.query(
            """
            select run_id, as_of, windows_until, program, recorded_by, measurements, configuration_source
            from monitor.runs order by
            """ + " " + PreviousRun.newestFirst + " limit 1"
        ).first.map { row in
            let last = try connection.query(
                "select run_id, measurements_sha256 from monitor.runs where windows > 0 order by "
                    + PreviousRun.newestFirst + " limit 1"
            ).first
            let asOf = try row.timestamp("as_of")
            return ReportedRun(
                asOf: asOf,
                facts: [
                    "as of \(asOf), windows to \(try row.timestamp("windows_until")), all times UTC",
                    "run \(try row.uuid("run_id").text) by \(try row.text("recorded_by")), sentinode "
                        + "\(try row.text("program"))",
                    "\(try row.int4("measurements")) measurements; "
                        + (try last.map {
                            "the last windows were computed by run \(try $0.uuid("run_id").text), SHA-256 over them: "
                                + hexadecimal(try $0.bytes("measurements_sha256"))
                        } ?? "no window has ended yet"),
                    "settings: \(try row.text("configuration_source"))",
                ])
        }
    }
}

/// An alert that stands open; the first is the one that the verdict names.
struct ReportedAlert {
    let reason: String
    let row: [String]

    static func open(_ connection: DatabaseConnection) throws -> [ReportedAlert] {
        let alerts = try connection.query(
            "select reason, state, raised_at, printed_name, acted_by, act_reason, alert_id from monitor.open_alerts order by "
                + AlertBook.oldestFirst
        ).map { row in
            let reason = try row.text("reason")
            let person = try row.optionalText("printed_name") ?? row.optionalText("acted_by")
            let act = try row.optionalText("act_reason").map { "\(person ?? ""): \($0)" } ?? ""
            return ReportedAlert(
                reason: reason,
                row: [
                    reason, try row.text("state"), "\(try row.timestamp("raised_at"))", act,
                    try row.uuid("alert_id").text,
                ])
        }
        return AlertCause.sorted(alerts, reason: \.reason)
    }

    static func part(_ alerts: [ReportedAlert]) -> ReportPart {
        ReportPart(
            title: "Open alerts",
            words: alerts.isEmpty
                ? "None."
                : "SELECT monitor.acknowledge(alert_id, reason) or monitor.resolve(alert_id, reason) answers one.",
            table: ReportTable(columns: ["what", "state", "raised", "answered", "alert_id"], rows: alerts.map(\.row)),
            isTable: true)
    }
}
