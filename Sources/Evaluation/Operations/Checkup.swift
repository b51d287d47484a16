public import Database
import Foundation
public import MessageBroker
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
        return [.good("engine", "\(Network.arithmetic) with \(Kernel.best.rawValue) (this CPU runs \(kernels))")]
    }

    /// The broker: login, and every exchange and queue.
    public func broker(_ settings: BrokerSettings) -> [CheckupResult] {
        var topology = BrokerNames.topology
        topology.passive = true
        do {
            try topology.declare(at: settings)
            let waiting = try QueueDepth.of(queue: BrokerNames.patches, at: settings)
            let dead = try QueueDepth.of(queue: BrokerNames.deadPatches, at: settings)
            var results: [CheckupResult] = [
                .good("broker", "\(settings)"),
                .good("queue", "\(waiting.messages) patches wait, \(waiting.consumers) lanes consume"),
            ]
            if dead.messages > 0 {
                results.append(
                    .warning(
                        "dead letters", "\(dead.messages) messages are in \(BrokerNames.deadPatches)",
                        "look at them there: bodies over the limit, or what could not be stored at all"))
            }
            return results
        } catch {
            let advice =
                error.code == 404
                ? "start `sentinode work` or `sentinode enqueue` once: they declare what is missing"
                : "check SENTINODE_AMQP_URL, and that RabbitMQ runs"
            return [.bad("broker", "\(error)", advice)]
        }
    }

    /// The database: login, schema, model, control, selection for review, and what waits for a person.
    public func database(_ settings: DatabaseSettings, migrationsFolder: String?, reviewKey: ReviewKey?)
        -> [CheckupResult]
    {
        do {
            let connection = try DatabaseConnection(settings)
            var results: [CheckupResult] = [.good("database", "\(settings)")]
            results += try schema(connection, folder: migrationsFolder)
            guard !results.contains(where: { $0.state == .bad }) else { return results }
            results += try login(connection)
            results += try clock(connection)
            results += try control(connection)
            results += try controlLock(connection)
            results += try review(connection, key: reviewKey)
            results += try backlog(connection)
            return results
        } catch {
            return [.bad("database", "\(error)", Checkup.advice(for: error))]
        }
    }

    private static func advice(for error: any Error) -> String {
        guard let error = error as? DatabaseError, error.sqlstate == "42501" else {
            return "check SENTINODE_DATABASE_URL, and that PostgreSQL runs"
        }
        return "grant this login the role of what it is for, such as sentinode_worker"
    }

    private func schema(_ connection: DatabaseConnection, folder: String?) throws -> [CheckupResult] {
        guard let folder else {
            return [.warning("schema", "not compared: no folder migrations was found", "name it with --migrations")]
        }
        let status = try Migrator(folder: folder).status(connection)
        let pending = status.filter { $0.state == .pending }
        let strange = status.filter { $0.state != .pending && !$0.isApplied }
        if !strange.isEmpty {
            let names = strange.map { "\($0.fileName) \($0.state)" }.joined(separator: ", ")
            return [.bad("schema", names, "use the program that belongs to this database")]
        }
        guard pending.isEmpty else {
            return [.bad("schema", "\(pending.count) migrations are pending", "sentinode migrate")]
        }
        return [.good("schema", "\(status.count) migrations applied")]
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

extension MigrationStatus {
    fileprivate var isApplied: Bool {
        if case .applied = state { true } else { false }
    }
}
