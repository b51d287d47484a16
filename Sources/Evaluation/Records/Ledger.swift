import AuditTrail
import Database
import Foundation

/// What workers follow, as the control table says now.
struct Control: Sendable, Equatable {
    /// 0 before the first change.
    let generation: Int64
    let activeVersion: String?
    let isPaused: Bool
    /// Generation of the review policy in force; nil for none.
    var reviewPolicy: Int64?
    /// Last change of the versions that predict beside the active one; nil before the first.
    var shadowGeneration: Int64?
}

/// What one transaction did, for the audit trail.
struct AuditEvent {
    let action: String
    var subject: String?
    var reason: String?
    var detail: JSONText?
}

/// A database connection and the chain of seals that it writes: every transaction through it leaves one audit event.
final class Ledger {
    /// How the control table is held during a transaction: deciding shares it, changing it excludes everybody else, and
    /// what has nothing to do with it leaves it alone.
    enum ControlLock { case none, shared, exclusive }

    let connection: DatabaseConnection
    private var chain = SealChain()
    private let hash: Hash

    init(_ connection: DatabaseConnection) throws {
        self.connection = connection
        hash = try Hash(.sha256)
        // The same few statements run with every batch, and none is worth a plan of its own: planning the question for
        // a slide's highest scores anew, over eight partitions, takes longer than answering it.
        try connection.run(script: "set plan_cache_mode = force_generic_plan")
    }

    /// Runs `body` in a transaction and seals what it inserted through the entry.
    ///
    /// The event that `body` returns is stored with it; without one nothing may have been inserted, and there is no
    /// seal. Whatever is thrown rolls everything back. `body` runs again where the transaction lost a race.
    ///
    /// - Throws: `KeyExists` where a row with the same key was there.
    func transact<Value>(
        _ lock: ControlLock = .shared, _ body: (inout LedgerEntry) throws -> (Value, AuditEvent?)
    ) throws -> (value: Value, seal: Seal?) {
        let done: (value: Value, seal: Seal?)
        var tables: [AuditedTable] = []
        do {
            done = try connection.retryingTransaction { _ in
                var entry = try open(lock)
                defer { tables = entry.tables }
                let (value, event) = try body(&entry)
                return (value: value, seal: try event.map { try store($0, entry) })
            }
        } catch let error as DatabaseError where error.isKeyTaken {
            guard tables.contains(where: { $0.stores(in: error.table) }) else { throw error }
            throw KeyExists(refusal: error)
        }
        if let seal = done.seal { chain.advance(past: seal) }
        return done
    }

    /// The control row in force, read outside any transaction.
    func control() throws -> Control {
        try Ledger.control(in: connection.query(Ledger.controlSQL))
    }

    private func open(_ lock: ControlLock) throws -> LedgerEntry {
        // Two statements, so that the second sees what was committed while the first waited.
        let locking: [DatabaseConnection.Statement] =
            switch lock {
            case .none: []
            case .shared: [(Ledger.lockShared, [])]
            case .exclusive: [(Ledger.lockExclusive, [])]
            }
        let answers = try connection.pipeline(locking + [(Ledger.openSQL, [])])
        let opened = answers[answers.count - 1]
        let row = try opened.onlyRow()
        return LedgerEntry(
            connection: connection, hash: hash, writer: chain.writer, number: chain.nextNumber,
            at: try row.timestamp("at"), storedAt: try row.timestamp("stored_at"), actor: try row.text("actor"),
            person: try row.optionalText("person"),
            control: try Ledger.control(in: opened))
    }

    private func store(_ event: AuditEvent, _ entry: LedgerEntry) throws -> Seal {
        let row = EventRow(
            event: event, writer: chain.writer, seal: chain.nextNumber, at: entry.at, actor: entry.actor,
            person: entry.person, leaves: entry.leaves, salt: try Salt.random(1)[0])
        let seal = try chain.next(over: [row.digest(hash)] + entry.leaves, hash: hash)
        try connection.putOff(EventRow.insertSQL, row.parameters + EventRow.parameters(of: seal))
        return seal
    }

    private static func control(in rows: Rows) throws -> Control {
        let row = try rows.onlyRow()
        return Control(
            generation: try row.optionalInt8("generation") ?? 0,
            activeVersion: try row.optionalText("active_version"),
            isPaused: try row.optionalBool("paused") ?? false,
            reviewPolicy: try row.optionalInt8("review_policy"),
            shadowGeneration: try row.optionalInt8("shadow_generation"))
    }

    private static let lockShared: SQL = "select pg_advisory_xact_lock_shared(1397050964, 1)"
    private static let lockExclusive: SQL = "select pg_advisory_xact_lock(1397050964, 1)"
    /// Inside of a transaction: the time of what it will store comes first, and holds later figures back until it ends.
    private static let openSQL: SQL = """
        select control.*, review.time_of_act() as stored_at, now() as at, session_user::text as actor,
            review.person_of(session_user) as person
        from (

        """ + controlSQL + ") as control"
    private static let controlSQL: SQL = """
        select generation, active_version, paused,
            (select max(generation) from review.policies where valid_from <= now()) as review_policy,
            (select max(generation) from sentinode.shadow_changes) as shadow_generation
        from (values (1)) as one
        left join lateral (select * from sentinode.control order by generation desc limit 1) as control on true
        """
}

/// A transaction that is under way: what it inserted so far, as leaves.
struct LedgerEntry {
    let connection: DatabaseConnection
    let hash: Hash
    let writer: UUID
    let number: Int64
    /// Start of the transaction, by the server's clock.
    let at: Timestamp
    /// A time by the same clock that figures as of a later one wait for.
    let storedAt: Timestamp
    /// The database login.
    let actor: String
    /// Printed name of whoever it belongs to; nil for nobody.
    let person: String?
    let control: Control
    fileprivate(set) var leaves: [[UInt8]] = []
    /// Those that rows were inserted into.
    fileprivate(set) var tables: [AuditedTable] = []

    /// Has rows inserted with what comes next, and adds their digests as leaves; their positions come back in order.
    /// What is not to happen unless they can be stored comes behind `connection.sendWaiting()`.
    mutating func insert<Row: AuditedRow>(_ rows: [Row]) throws -> [LeafPosition] {
        guard !rows.isEmpty else { return [] }
        var positions: [LeafPosition] = []
        var values: [[Column]] = []
        for (row, salt) in zip(rows, try Salt.random(rows.count)) {
            // Leaf 0 is the event's own.
            let position = LeafPosition(writer: writer, seal: number, leaf: Int32(leaves.count + 1))
            let columns = row.columns(Stamp(position: position, salt: salt, storedAt: storedAt))
            leaves.append(try hash.digest(of: RowEncoding(table: Row.table.name, columns: columns).bytes))
            values.append(columns)
            positions.append(position)
        }
        tables.append(Row.table)
        try connection.putOff(Row.table.insertSQL, try Row.table.parameters(for: values))
        return positions
    }
}

/// A row with the same key stood there already, perhaps since a moment ago.
struct KeyExists: Error, CustomStringConvertible {
    let refusal: DatabaseError
    var description: String { refusal.description }
}
