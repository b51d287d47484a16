import AuditTrail
import Database

/// Looks at the selection for review.
extension Checkup {
    func review(_ connection: DatabaseConnection, key: ReviewKey?) throws -> [CheckupResult] {
        guard try mayRead("review", "policies", connection) else { return [] }
        return [try policy(connection, key: key)] + (try readers(connection)) + (try nameless(connection))
            + (try worklist(connection))
    }

    /// Administrators of whom nobody said who they are: what they do is told of a login alone.
    private func nameless(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        guard try mayRead("review", "readers", connection) else { return [] }
        let logins = try connection.query(
            """
            select rolname::text as login from pg_roles
            where rolcanlogin and not rolsuper and pg_has_role(rolname, 'sentinode_admin', 'member')
                and review.person_of(rolname) is null
            order by 1 limit 10
            """
        ).map { try $0.text("login") }
        guard !logins.isEmpty else { return [] }
        return [
            .warning(
                "administrators", "the audit trail does not know who uses \(logins.joined(separator: ", "))",
                "sentinode reader name LOGIN --name TEXT --qualification TEXT")
        ]
    }

    /// Readers whose login was granted a role that sees every score, after they had been added.
    private func readers(_ connection: DatabaseConnection) throws -> [CheckupResult] {
        guard try mayRead("review", "readers", connection) else { return [] }
        let rows = try connection.query(
            """
            select login, min(role) as role
            from (select distinct on (login) login, active_to from review.readers order by login, version desc) as reader
            join pg_roles on rolname = login
            cross join unnest(array[
                'sentinode_worker', 'sentinode_monitor', 'sentinode_auditor', 'sentinode_admin', 'sentinode_owner'
            ]) as role
            where (active_to is null or active_to > now()) and pg_has_role(login, role, 'member')
            group by login order by login limit 10
            """)
        return try rows.map { row in
            let (login, role) = (try row.text("login"), try row.text("role"))
            return .warning(
                "readers", "\(login) reviews and is a member of \(role), which sees every score: no reading is blind",
                "REVOKE \(role) FROM the login, or make the person another login for that work")
        }
    }

    private func policy(_ connection: DatabaseConnection, key: ReviewKey?) throws -> CheckupResult {
        let rows = try connection.query(
            """
            select generation, key_commitment from review.policies where valid_from <= now()
            order by generation desc limit 1
            """)
        guard let row = rows.first else {
            return .warning(
                "review", "no policy is set: only uncertain predictions are selected",
                "sentinode review policy set --rules FILE --reason TEXT")
        }
        let generation = try row.int8("generation")
        switch (try row.optionalBytes("key_commitment"), key?.commitment) {
        case (nil, _): return .good("review", "policy \(generation) is in force; it draws nothing")
        case (.some(let needed), .some(let held)) where needed == held:
            return .good("review", "policy \(generation) is in force, and SENTINODE_REVIEW_KEY is its key")
        case (.some(let needed), let held):
            return .bad(
                "review",
                "policy \(generation) draws with the key whose commitment is \(hexadecimal(needed)), and "
                    + "SENTINODE_REVIEW_KEY is \(held == nil ? "not set" : "another")",
                "name that key's file in SENTINODE_REVIEW_KEY_FILE wherever a worker runs")
        }
    }
}
