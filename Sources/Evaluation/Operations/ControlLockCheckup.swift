import Database
import Foundation

/// Who keeps every worker from deciding: the lock that decisions share is taken exclusively to pause or activate, for
/// milliseconds, and by whoever forgot an open transaction.
extension Checkup {
    private struct Holder {
        let processID: Int32
        let login: String
        /// nil where this login may not know.
        let since: Timestamp?
        let waiting: Int64
    }

    /// Nothing to say unless the same session holds it in two looks, one second apart.
    func controlLock(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        let first = try holders(connection)
        guard !first.isEmpty else { return [] }
        Thread.sleep(forTimeInterval: 1)
        let known = Set(first.map(\.processID))
        return try holders(connection).filter { known.contains($0.processID) }.map { holder in
            let since = holder.since.map { "since \($0)" } ?? "for longer than a moment"
            return .bad(
                "control lock",
                "the session with pid \(holder.processID) of login \(holder.login) holds it \(since): "
                    + "no worker can store anything, \(holder.waiting) wait",
                "end its transaction or session there, or from here: select pg_terminate_backend(\(holder.processID))")
        }
    }

    /// A lock of a transaction is as old as that at most, one of a session as its last statement at least.
    private func holders(_ connection: DatabaseConnection) throws -> [Holder] {
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
        ).map { row in
            Holder(
                processID: try row.int4("pid"), login: try row.text("login"),
                since: try row.optionalTimestamp("since"), waiting: try row.int8("waiting"))
        }
    }
}
