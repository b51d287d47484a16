import Database

/// The role that reads the whole record and changes nothing.
enum AuditorRole {
    /// Runs what needs it. Called outside of a transaction.
    ///
    /// - Throws: `ConfigurationError` with what to grant, where the login was refused and was not granted the role.
    static func required<T>(_ connection: DatabaseConnection, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as DatabaseError where error.sqlstate == "42501" {
            throw try advice(connection) ?? error
        }
    }

    private static func advice(_ connection: DatabaseConnection) throws -> (any Error)? {
        let row = try connection.query(
            """
            select quote_ident(session_user) as login, exists (
                select from pg_catalog.pg_roles
                where rolname = 'sentinode_auditor' and pg_has_role(session_user, oid, 'usage')) as is_granted
            """
        ).onlyRow()
        if try row.bool("is_granted") { return nil }
        let login = try row.text("login")
        return ConfigurationError([
            "the login \(login) may not read the whole record, which needs the role sentinode_auditor: whoever "
                + "administers the database grants it with `GRANT sentinode_auditor TO \(login)`"
        ])
    }
}
