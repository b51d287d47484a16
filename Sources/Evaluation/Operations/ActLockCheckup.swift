import Database

/// Who holds back the time up to which figures can be asked: every act of a reader shares a lock named by its second until
/// it commits, so an open transaction keeps all later times from being settled.
extension Checkup {
    func actLocks(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        let blocking = try LockHolder.lasting { try actHolders(connection, Checkup.exclusiveHoldersSQL) }
        let lingering = try actHolders(connection, Checkup.lingeringHoldersSQL)
        return blocking.map { holder in
            .warning(
                "acts",
                "\(holder.words) holds their lock alone, \(holder.duration): no label of that second can be stored, "
                    + "\(holder.waiting) wait, and no figures as of a later time can be asked",
                holder.advice)
        }
            + lingering.map { holder in
                .warning(
                    "acts",
                    "\(holder.words) holds an act open \(holder.duration): no figures as of a later time can be asked",
                    holder.advice)
            }
    }

    private func actHolders(_ connection: DatabaseConnection, _ sql: SQL) throws -> [LockHolder] {
        try connection.query(sql).map(LockHolder.init)
    }

    private static let exclusiveHoldersSQL: SQL = """
        with act_locks as (
            select * from pg_catalog.pg_locks
            where locktype = 'advisory' and classid = 1397050965 and objsubid = 2
                and database = (select oid from pg_catalog.pg_database where datname = current_database()))
        select held.pid, coalesce(max(usename::text), 'unknown') as login,
            min(coalesce(xact_start, state_change)) as since,
            (select count(*) from act_locks as wanted where not granted and wanted.objid = any (array_agg(held.objid)))
                as waiting
        from act_locks as held left join pg_catalog.pg_stat_activity using (pid)
        where granted and mode = 'ExclusiveLock'
        group by held.pid order by held.pid
        """

    /// The second in a lock's name tells its age: seconds since 2020-01-01T00:00:00Z. An import holds many.
    private static let lingeringHoldersSQL: SQL = """
        select held.pid, coalesce(max(usename::text), 'unknown') as login,
            min(to_timestamp(1577836800 + objid::bigint)) as since, 0::bigint as waiting
        from pg_catalog.pg_locks as held left join pg_catalog.pg_stat_activity using (pid)
        where locktype = 'advisory' and classid = 1397050965 and objsubid = 2 and granted and mode = 'ShareLock'
            and database = (select oid from pg_catalog.pg_database where datname = current_database())
        group by held.pid
        having min(to_timestamp(1577836800 + objid::bigint)) < clock_timestamp() - interval '1 minute'
        order by held.pid
        """
}
