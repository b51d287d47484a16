import Database
import Foundation

/// Who keeps every worker from deciding: the lock that decisions share is taken exclusively to pause or activate, for
/// milliseconds, and by whoever forgot an open transaction.
extension Checkup {
    /// Nothing to say unless the same session holds it in two looks, one second apart.
    func controlLock(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        try LockHolder.lasting { try controlHolders(connection) }.map { holder in
            .bad(
                "control lock",
                "\(holder.words) holds it \(holder.duration): no worker can store anything, \(holder.waiting) wait",
                holder.advice)
        }
    }

    private func controlHolders(_ connection: DatabaseConnection) throws -> [LockHolder] {
        try connection.query(
            """
            with control_lock as (
                select * from pg_catalog.pg_locks
                where locktype = 'advisory' and classid = 1397050964 and objid = 1 and objsubid = 2
                    and database = (select oid from pg_catalog.pg_database where datname = current_database()))
            select pid, coalesce(usename::text, 'unknown') as login, coalesce(xact_start, state_change) as since,
                (select count(*) from control_lock where not granted) as waiting
            from control_lock left join pg_catalog.pg_stat_activity using (pid)
            where granted and mode = 'ExclusiveLock'
            """
        ).map(LockHolder.init)
    }
}

/// A session that holds a lock on which others wait.
struct LockHolder {
    let processID: Int32
    private let login: String
    /// A lock of a transaction is as old as that at most, one of a session as its last statement at least. nil where this
    /// login may not know.
    private let since: Timestamp?
    let waiting: Int64

    init(_ row: Row) throws {
        processID = try row.int4("pid")
        login = try row.text("login")
        since = try row.optionalTimestamp("since")
        waiting = try row.int8("waiting")
    }

    /// Those that hold it in two looks, one second apart: what is held for moments is as it should be.
    static func lasting(_ look: () throws -> [LockHolder]) throws -> [LockHolder] {
        let first = try look()
        guard !first.isEmpty else { return [] }
        Thread.sleep(forTimeInterval: 1)
        let known = Set(first.map(\.processID))
        return try look().filter { known.contains($0.processID) }
    }

    var words: String { "the session with pid \(processID) of login \(login)" }
    var duration: String { since.map { "since \($0)" } ?? "for longer than a moment" }
    var advice: String {
        "end its transaction or session there, or from here: select pg_terminate_backend(\(processID))"
    }
}
