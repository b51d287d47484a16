public import Database
import Foundation
import PatchClassifier

/// One thing that was looked at, and what to do where it is not well.
public struct CheckupResult: Sendable {
    public enum State: String, Sendable { case good, warning, bad }

    public let state: State
    public let subject: String
    public let detail: String
    /// nil where nothing needs doing.
    public let advice: String?

    static func good(_ subject: String, _ detail: String) -> CheckupResult {
        CheckupResult(state: .good, subject: subject, detail: detail, advice: nil)
    }

    static func warning(_ subject: String, _ detail: String, _ advice: String) -> CheckupResult {
        CheckupResult(state: .warning, subject: subject, detail: detail, advice: advice)
    }

    static func bad(_ subject: String, _ detail: String, _ advice: String) -> CheckupResult {
        CheckupResult(state: .bad, subject: subject, detail: detail, advice: advice)
    }
}

/// Looks at everything a worker needs, changes nothing, and goes on after what is not well.
public struct Checkup {
    /// Difference between this clock and the database's from which times in the record mislead, seconds.
    static let clockTolerance = 5.0

    public init() {}

    /// The CPU's kernels.
    public func engine() -> [CheckupResult] {
        let kernels = Kernel.allCases.filter(\.isSupported).map(\.rawValue).joined(separator: ", ")
        guard Kernel.best != .portable else {
            return [
                .warning("engine", "only the portable kernel runs here", "a CPU with AVX2 and FMA is many times faster")
            ]
        }
        return [.good("engine", "\(Engine(.current).name) for new versions (this CPU runs \(kernels))")]
    }

    /// The database: login, schema, model, control, selection for review, and what waits for a person.
    public func database(_ settings: DatabaseSettings, migrationsFolder: String?, reviewKey: ReviewKey?)
        -> [CheckupResult]
    {
        let connection: DatabaseConnection
        do {
            connection = try DatabaseConnection(settings)
        } catch {
            return [.bad("database", "\(error)", Checkup.advice(for: error))]
        }
        var results: [CheckupResult] = [.good("database", "\(settings)")]
        let looks: [(subject: String, look: (DatabaseConnection) throws -> [CheckupResult])] = [
            ("schema", { try schema($0, folder: migrationsFolder) }), ("login", login), ("clock", clock),
            ("protection", protection),
            ("model", control), ("control lock", controlLock), ("acts", actLocks),
            ("review", { try review($0, key: reviewKey) }), ("backlog", backlog),
            ("webhook", webhook),
        ]
        for (subject, look) in looks {
            do {
                results += try look(connection)
            } catch {
                let fault = CheckupResult.bad(subject, "\(error)", Checkup.advice(for: error))
                // One cause, such as a schema that is not there, is told once.
                if !results.contains(where: { $0.state == .bad && $0.advice == fault.advice }) { results.append(fault) }
            }
        }
        return results
    }

    private static func advice(for error: any Error) -> String {
        switch error {
        case let error as DatabaseError: error.advice ?? "report it, with this sentence"
        case is MigrationError: "name the folder of this program's migrations with --migrations"
        case is VersionError:
            "activate a version that this program can run: sentinode model activate NAME --reason TEXT"
        default: "report it, with this sentence"
        }
    }

    private func login(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        let row = try connection.query(
            """
            select session_user::text as login, rolsuper as is_superuser,
                pg_has_role(session_user, 'sentinode_worker', 'member') as works,
                pg_has_role(session_user, 'sentinode_owner', 'member') or exists (
                    select from pg_catalog.pg_database
                    where datname = current_database() and pg_has_role(session_user, datdba, 'member')) as owns
            from pg_catalog.pg_roles where rolname = session_user
            """
        ).onlyRow()
        let login = try row.text("login")
        if try row.bool("is_superuser") {
            return [
                .warning(
                    "login", "\(login) is a superuser",
                    "give workers a login that is only a member of sentinode_worker")
            ]
        }
        // To be granted a worker's role as well would not make it the lesser login that a worker should have.
        if try row.bool("owns") {
            return [
                .warning(
                    "login", "\(login) owns the database or what is in it",
                    "keep it for migrations; give workers a login that is only a member of sentinode_worker")
            ]
        }
        guard try row.bool("works") else {
            return [
                .warning("login", "\(login) is no member of sentinode_worker", "grant sentinode_worker to \(login)")
            ]
        }
        return [.good("login", login)]
    }

    private func clock(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        let server = try connection.query("select clock_timestamp() as now").onlyRow().timestamp("now")
        let skew = Double(Timestamp.now.microseconds - server.microseconds) / 1e6
        guard abs(skew) > Checkup.clockTolerance else { return [.good("clock", "agrees with the database's")] }
        return [
            .warning("clock", String(format: "%.1f s apart from the database's", skew), "synchronise both by NTP")
        ]
    }

    private func control(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        let control = try Ledger(connection).control()
        guard let active = control.activeVersion else {
            return [
                .bad(
                    "model", "no version is active",
                    "sentinode model import FILE --name NAME, then sentinode model activate NAME --reason TEXT")
            ]
        }
        _ = try VersionShelf().version(named: active, from: connection)
        var results: [CheckupResult] = [.good("model", "\(active) is active, and its warm-up agrees on every kernel")]
        if control.isPaused {
            results.append(.warning("work", "is paused", "sentinode resume --reason TEXT, when it may go on"))
        }
        return results
    }

    private func backlog(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        let row = try connection.query("select count(*) as outbox from sentinode.outbox").onlyRow()
        var results: [CheckupResult] = []
        let outbox = try row.int8("outbox")
        if outbox > 0 {
            results.append(
                .warning(
                    "outbox", "\(outbox) announcements wait",
                    "a running worker publishes them once the broker takes them"))
        }
        let quarantined = try openQuarantine(connection)
        if quarantined > 0 {
            results.append(.warning("quarantine", "\(quarantined) messages are open", "sentinode quarantine list"))
        }
        return results
    }

    /// Messages that wait for a person's decision; 0 for logins that may not know, as a worker's own.
    private func openQuarantine(_ connection: DatabaseConnection) throws -> Int64 {
        guard try mayRead("review", "quarantine", connection) else { return 0 }
        return try connection.query("select count(*) as open from review.quarantine where state = 'open'").onlyRow()
            .int8("open")
    }

    /// Whether this login may read a relation.
    func mayRead(_ schema: String, _ relation: String, _ connection: DatabaseConnection) throws -> Bool {
        // By oid: looking a name up in a schema that may not be entered is an error, not "no".
        try connection.query(
            """
            select coalesce(bool_and(has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'select')),
                false) as may_read
            from pg_catalog.pg_class where relname = $2 and relnamespace =
                (select oid from pg_catalog.pg_namespace where nspname = $1)
            """, [.text(schema), .text(relation)]
        ).onlyRow().bool("may_read")
    }
}
