import ArgumentParser
import AuditTrail
import Database
import Evaluation
import Foundation

struct AuditVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute the audit trail from the rows as they stand.",
        discussion: """
            Reads everything in one moment, while workers go on; needs only a login in the role sentinode_auditor, on \
            the server itself, a standby or a restored dump. Names the first divergences by their keys and counts all; \
            no row's content is shown. Exit code 0 when everything is as it was sealed, 1 when not.

            Examples:
              sentinode audit verify
              sentinode audit verify --public-key checkpoint.key.pub --checkpoint checkpoints.txt
              sentinode audit verify --since 2026-11-01T00:00:00Z
              sentinode audit verify --slide S-17 --json
            """)

    @Option(help: "Only events from then on, RFC 3339; each chain is anchored at its seal before.")
    var since: Moment?
    @Option(help: "Only the rows of this slide, with what was sealed together with them.")
    var slide: String?
    @Option(help: "File of a public key that the checkpoints were signed with, the first or a later one.")
    var publicKey: String?
    @Option(help: "File with checkpoints that was kept outside of the database; may be given again.")
    var checkpoint: [String] = []
    @Flag(help: "Print one JSON object.")
    var json = false
    @Option(help: "Folder with the migrations; by default it is looked for here and beside the program.")
    var migrations: String?

    func validate() throws {
        if publicKey == nil, !checkpoint.isEmpty {
            throw ValidationError("--checkpoint needs the --public-key it is signed by")
        }
        if since != nil, slide != nil { throw ValidationError("--since and --slide exclude each other") }
    }

    func run() throws {
        try reportingFailures {
            let verification = AuditVerification(
                try databaseSettings("audit verify"), scope: scope, migrationsFolder: try folder(),
                outside: try outside())
            var line: ProgressLine?
            let report = try verification.run(progress: { done, total in
                let progress = line ?? ProgressLine(total: total, unit: "events")
                line = progress
                progress.show(done: min(done, total))
            })
            line?.end()
            if json { print(jsonLine(AuditReportJSON(report))) } else { show(report) }
            if !report.isClean { throw Exit.problemFound }
        }
    }

    private var scope: AuditScope {
        if let since { return .since(since.time) }
        return slide.map { .slide($0) } ?? .everything
    }

    private func outside() throws -> OutsideRecord? {
        try publicKey.map { try OutsideRecord(publicKeyFile: $0, checkpointFiles: checkpoint) }
    }

    private func folder() throws -> String? {
        if let migrations { return migrations }
        do {
            return try migrationsFolder()
        } catch is ConfigurationError {
            return nil
        }
    }

    private func show(_ report: AuditReport) {
        for finding in report.findings { print(finding) }
        let listed = report.findings.reduce(0) { $0 + $1.count }
        if listed < report.divergences { print("... and \(report.divergences - listed) more") }
        if let limits = report.limits { print(limits) }
        print(
            "\(report.rows) rows, \(report.events) events, \(report.seals) seals, \(report.heads.count) chains, "
                + "\(report.erased) erased, \(report.divergences) findings, "
                + String(format: "%.1f s", report.seconds))
        for line in report.notes.lines { print("note: \(line)") }
        print(report.anchor.words)
    }
}

/// A report as `--json` prints it.
private struct AuditReportJSON: Encodable {
    struct Finding: Encodable {
        let kind: String
        let table: String?
        let key: String?
        let writer: String?
        let seal: Int64?
        let leaf: Int32?
        let recorded_at: String?
        let detail: String?
        let count: Int

        init(_ finding: AuditFinding) {
            (kind, table, key) = (finding.kind.rawValue, finding.table, finding.key)
            (writer, seal) = (finding.position?.writer.text, finding.position?.seal)
            (leaf, recorded_at) = (finding.leaf, finding.at?.description)
            (detail, count) = (finding.detail, finding.count)
        }
    }

    struct Erasure: Encodable {
        let writer: String
        let seal: Int64
        let recorded_at: String?
        let login: String?
        let action: String?
        let reason: String?
        let rows: Int64

        init(_ erasure: ErasureNotes.Erasure) {
            (writer, seal) = (erasure.event.writer.text, erasure.event.seal)
            (recorded_at, login, action) = (erasure.at?.description, erasure.login, erasure.action)
            (reason, rows) = (erasure.reason, erasure.rows)
        }
    }

    let rows: Int
    let events: Int
    let seals: Int
    let chains: Int
    let erased: Int
    let divergences: Int
    let findings: [Finding]
    let erasures: [Erasure]
    let erasing_events: Int64
    let erased_rows: Int64
    let notes: [String]
    let anchor: String
    let limits: String?
    let seconds: Double

    init(_ report: AuditReport) {
        (rows, events, seals) = (report.rows, report.events, report.seals)
        (chains, erased, divergences) = (report.heads.count, report.erased, report.divergences)
        (findings, anchor) = (report.findings.map(Finding.init), report.anchor.words)
        (erasures, notes) = (report.notes.erasures.newest.map(Erasure.init), report.notes.lines)
        (erasing_events, erased_rows) = (report.notes.erasures.events, report.notes.erasures.rows)
        (limits, seconds) = (report.limits, report.seconds)
    }
}

/// A moment on the command line: RFC 3339 with its time zone, or a date, which begins at midnight UTC.
struct Moment: ExpressibleByArgument {
    let time: Timestamp

    init?(argument: String) {
        guard let time = Timestamp(rfc3339: argument) ?? Timestamp(rfc3339: argument + "T00:00:00Z") else { return nil }
        self.time = time
    }
}
