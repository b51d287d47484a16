import Database

/// Whether the login is shown every row of the audited tables: who sees a part would take the rest for removed.
struct RowVisibility {
    let tables: [StampedTable]

    /// - Throws: `ConfigurationError` where row-level security keeps rows from this login.
    func requireWholeTables(_ connection: DatabaseConnection) throws {
        let hidden = try connection.query(RowVisibility.partlyVisibleSQL, [.textArray(tables.map(\.name))])
        guard let row = hidden.first else { return }
        let name = try row.text("name")
        throw ConfigurationError([
            "this login is shown only some rows of \(name); use one that was granted sentinode_auditor"
        ])
    }

    /// A policy that lets everything through must reach the login, and none may take something back.
    private static let partlyVisibleSQL: SQL = """
        select name from unnest($1) as name
        where row_security_active(name::regclass) and (
            not exists (
                select from pg_policy
                where polrelid = name::regclass and polpermissive and polcmd in ('r', '*')
                    and pg_get_expr(polqual, polrelid) = 'true'
                    and exists (select from unnest(polroles) as role
                        where role = 0 or pg_has_role(session_user, role, 'usage')))
            or exists (
                select from pg_policy
                where polrelid = name::regclass and not polpermissive and polcmd in ('r', '*')))
        order by name limit 1
        """
}
