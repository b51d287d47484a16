import Database

/// Settings of the server that switch off every trigger, or row security, for the sessions that they reach.
struct ProtectiveSettings {
    /// One sentence each.
    let faults: [String]

    /// Looks at what this session was given when it began, which is what every login is given where nothing else is set
    /// for it, and at what is set for logins and databases.
    init(_ connection: DatabaseConnection) throws {
        faults = try connection.query(ProtectiveSettings.sql).compactMap { row in
            let (name, value) = (try row.text("name"), try row.text("value"))
            guard let harm = ProtectiveSettings.harm(of: name, value) else { return nil }
            let place = try row.optionalText("place") ?? "for every login like this one"
            return "\(name) is \(value) \(place): \(harm)"
        }
    }

    /// nil where the value protects.
    private static func harm(of name: String, _ value: String) -> String? {
        switch (name, value.lowercased()) {
        case ("session_replication_role", "origin"), ("row_security", "on"), ("row_security", "true"),
            ("row_security", "yes"), ("row_security", "1"):
            nil
        case ("session_replication_role", _): "no trigger fires, so nothing is append-only and no author is checked"
        default: "statements that row security protects fail"
        }
    }

    /// `reset_val` is what the session began with, whatever was set in it since.
    private static let sql: SQL = """
        select name, reset_val as value, null::text as place
        from pg_catalog.pg_settings where name in ('session_replication_role', 'row_security')
        union all
        select pg_catalog.split_part(setting, '=', 1), pg_catalog.split_part(setting, '=', 2),
            case when setrole = 0 then 'for everybody' else 'for ' || pg_catalog.pg_get_userbyid(setrole)::text end
                || case when setdatabase = 0 then ' in every database' else ' in this database' end
        from pg_catalog.pg_db_role_setting cross join lateral pg_catalog.unnest(setconfig) as setting
        where setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
            and pg_catalog.split_part(setting, '=', 1) in ('session_replication_role', 'row_security')
        order by 1, 3 nulls first
        """
}

extension ProtectiveSettings {
    var findings: [AuditFinding] { faults.map { AuditFinding(.protectionOff, detail: $0) } }
}

extension Checkup {
    /// Whether triggers fire and rows are kept apart, for every login.
    func protection(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        try ProtectiveSettings(connection).faults.map { fault in
            .bad(
                "protection", fault,
                "ALTER SYSTEM RESET, ALTER DATABASE ... RESET or ALTER ROLE ... RESET of it, reload, end sessions that "
                    + "began before, then `sentinode audit verify`")
        }
    }
}
