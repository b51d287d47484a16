import CPostgres
import Glibc

/// Brings a database to the schema of this program: applies what is pending, in order, each in its own transaction.
///
/// Applied migrations stand in `sentinode.schema_migrations` with the SHA-256 of their text, computed by PostgreSQL.
public struct Migrator: Sendable {
    /// The session-level advisory lock under which migrations run: the ASCII of `SENTMIGR`.
    public static let lockKey: Int64 = 0x5345_4E54_4D49_4752

    public let migrations: [Migration]
    private let programVersion: String?

    /// Reads every file of the folder; `programVersion` is recorded with what is applied.
    public init(folder: String, programVersion: String? = nil) throws(MigrationError) {
        migrations = try Migration.all(in: folder)
        self.programVersion = programVersion
    }

    /// Applies what is pending and returns it. Throws `MigrationError` or `DatabaseError`; what was applied before stays.
    ///
    /// A dry run tries everything in one transaction that is rolled back. The lock is waited for `lockWait` seconds at
    /// most. `report` gets one line a migration. Statements may take any time, waiting for locks only the connection's
    /// lock timeout.
    @discardableResult
    public func apply(
        _ connection: DatabaseConnection, dryRun: Bool = false, lockWait: Double = 60,
        report: (String) -> Void = { _ in }
    ) throws -> [Migration] {
        let lock = MigrationLock(connection: connection)
        try lock.acquire(within: lockWait, report: report)
        defer { lock.release() }
        let pending = try pending(in: try status(connection))
        if dryRun {
            try tryAll(pending, on: connection, report: report)
        } else {
            for migration in pending { try applyForGood(migration, on: connection, report: report) }
        }
        return pending
    }

    /// Where every migration stands, known and unknown, by number. Changes nothing and needs only to read.
    public func status(_ connection: DatabaseConnection) throws(DatabaseError) -> [MigrationStatus] {
        let applied = try MigrationHistory.read(from: connection)
        let checksums = try MigrationHistory.checksums(of: migrations, on: connection)
        let known = zip(migrations, checksums).map { migration, checksum in
            MigrationStatus(
                number: migration.number, name: migration.name,
                state: state(of: migration, checksum: checksum, applied: applied[migration.number]))
        }
        let unknown = applied.values.filter { $0.number > migrations.count || $0.number < 1 }.map {
            MigrationStatus(number: $0.number, name: $0.name, state: .unknownNewer(at: $0.time))
        }
        return known + unknown.sorted { $0.number < $1.number }
    }

    private func state(
        of migration: Migration, checksum: String, applied: MigrationHistory.Entry?
    ) -> MigrationStatus.State {
        guard let applied else { return .pending }
        guard applied.checksum == checksum, applied.name == migration.name else {
            return .edited(appliedAs: applied.fileName, at: applied.time)
        }
        return .applied(at: applied.time, by: applied.person)
    }

    /// What to apply, or why this database cannot be brought forward by this program.
    func pending(in statuses: [MigrationStatus]) throws(MigrationError) -> [Migration] {
        var pending: [MigrationStatus] = []
        var unknown: [String] = []
        var hole: String?
        for status in statuses {
            switch status.state {
            case .pending: pending.append(status)
            case .applied: hole = hole ?? pending.first?.fileName
            case .edited(let name, let time): throw .edited(file: status.fileName, appliedAs: name, at: time)
            case .unknownNewer: unknown.append(status.fileName)
            }
        }
        guard unknown.isEmpty else {
            throw .databaseNewer(unknown: unknown, newestKnown: migrations.last?.fileName ?? "none")
        }
        if let hole { throw .hole(file: hole) }
        return pending.map { migrations[$0.number - 1] }
    }
}

extension Migrator {
    private func applyForGood(
        _ migration: Migration, on connection: DatabaseConnection, report: (String) -> Void
    ) throws {
        let start = ContinuousClock.now
        try connection.transaction { connection in
            try MigrationHistory.createIfMissing(on: connection)
            try run(migration, on: connection)
        }
        report("\(migration.fileName): applied in \(Self.seconds(since: start))")
    }

    private func tryAll(_ pending: [Migration], on connection: DatabaseConnection, report: (String) -> Void) throws {
        /// Thrown to roll back when everything went well.
        struct EndOfDryRun: Error {}
        do {
            try connection.transaction { connection in
                try MigrationHistory.createIfMissing(on: connection)
                for migration in pending {
                    let start = ContinuousClock.now
                    try run(migration, on: connection)
                    report("\(migration.fileName): would be applied; took \(Self.seconds(since: start)), rolled back")
                }
                throw EndOfDryRun()
            }
        } catch is EndOfDryRun {
            return
        }
    }

    /// Inside a transaction: the script, then its entry in the history.
    private func run(_ migration: Migration, on connection: DatabaseConnection) throws {
        try connection.run(script: "SET LOCAL statement_timeout = 0")
        let transaction = try Self.transactionNumber(connection)
        do {
            _ = try connection.run(script: migration.sql, silenceLimit: nil)
        } catch {
            throw MigrationError.failed(
                file: migration.fileName, line: error.position.map { migration.line(ofCharacter: $0) },
                statement: error.statementNumber, error)
        }
        guard connection.isInOpenTransaction, try Self.transactionNumber(connection) == transaction else {
            throw MigrationError.endedTransaction(file: migration.fileName)
        }
        // A role or setting that the script took must not reach its entry or the next script.
        try connection.run(script: "RESET ROLE; RESET ALL")
        try MigrationHistory.add(migration, programVersion: programVersion, on: connection)
    }

    private static func transactionNumber(_ connection: DatabaseConnection) throws(DatabaseError) -> String {
        try connection.query("select pg_catalog.pg_current_xact_id()::text as number").onlyRow().text("number")
    }

    private static func seconds(since start: ContinuousClock.Instant) -> String {
        let hundredths = Int((ContinuousClock.now - start) / .milliseconds(10))
        return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10) s"
    }
}

extension Migration {
    /// The line, from 1, of a character, from 1, as PostgreSQL counts them.
    func line(ofCharacter position: Int) -> Int {
        1 + sql.unicodeScalars.prefix(max(0, position - 1)).count { $0 == "\n" }
    }
}

extension DatabaseConnection {
    /// Whether PostgreSQL says that a transaction is open and has not failed.
    fileprivate var isInOpenTransaction: Bool {
        handle.map { PQtransactionStatus($0) == PQTRANS_INTRANS } ?? false
    }
}

/// Keeps two migrators of one database apart.
struct MigrationLock {
    let connection: DatabaseConnection

    func acquire(within seconds: Double, report: (String) -> Void) throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var hasReported = false
        while try !isAcquired() {
            guard ContinuousClock.now < deadline else {
                throw MigrationError.locked(holder: try holder(), seconds: seconds)
            }
            if !hasReported { report("waiting up to \(seconds) s for another migration (\(try holder()))") }
            hasReported = true
            // Asking again, rather than a blocking lock, keeps the connection's own timeouts out of it.
            usleep(50_000)
        }
    }

    /// Where the session is lost, so is its lock.
    func release() {
        guard connection.isAlive else { return }
        do {
            try connection.query("select pg_catalog.pg_advisory_unlock($1)", [.int8(Migrator.lockKey)])
        } catch {
            connection.close()
        }
    }

    private func isAcquired() throws(DatabaseError) -> Bool {
        try connection.query("select pg_catalog.pg_try_advisory_lock($1) as acquired", [.int8(Migrator.lockKey)])
            .onlyRow().bool("acquired")
    }

    /// As in `process 4711, sentinode migrate, user admin`.
    private func holder() throws(DatabaseError) -> String {
        let holders = try connection.query(
            """
            select l.pid, coalesce(a.application_name, '') as program, coalesce(a.usename::text, '') as person
            from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a using (pid)
            where l.locktype = 'advisory' and l.granted and l.objsubid = 1
                and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
                and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295
            """, [.int8(Migrator.lockKey)])
        guard let first = holders.first else { return "which has just ended" }
        return "process \(try first.int4("pid")), \(try first.text("program")), user \(try first.text("person"))"
    }
}
