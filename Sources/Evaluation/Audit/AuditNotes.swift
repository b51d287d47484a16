import Database

/// What an auditor should see each time, although nothing of it is a fault: what was erased, what was accepted of the
/// catalogue, and who could do anything here.
public struct AuditNotes: Sendable {
    /// Each list holds the newest so many.
    static let kept: Int64 = 20

    public let erasures: ErasureNotes
    /// Sentences.
    public let lines: [String]

    static let none = AuditNotes(erasures: .none, lines: [])

    private init(erasures: ErasureNotes, lines: [String]) {
        (self.erasures, self.lines) = (erasures, lines)
    }

    /// Erasures of the scope; who could do anything, and what was accepted, concerns every scope.
    init(_ scope: AuditScope, _ tables: [StampedTable], _ connection: DatabaseConnection) throws {
        erasures = try ErasureNotes(scope, tables, connection)
        let sentences = try erasures.sentences + AuditNotes.acceptances(connection) + [AuditNotes.mighty(connection)]
        lines = sentences.map(AuditNotes.oneLine)
    }

    /// A reason is somebody's free text: no line break in it may pass for a line of the verification's own.
    static func oneLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: " "
                    default: scalar
                    }
                }))
    }

    /// The newest first; a sentence more where there are more.
    private static func acceptances(_ connection: DatabaseConnection) throws -> [String] {
        let rows = try connection.query(acceptancesSQL, [.int8(kept)])
        var sentences = try rows.map { row in
            "the catalogue was accepted as it stood at \(try row.optionalTimestamp("at")?.description ?? "an impossible time") "
                + "by \(try row.optionalText("actor") ?? "nobody"), \(try row.optionalText("differences") ?? "0") differences: "
                + "\(try row.optionalText("reason") ?? "no reason")"
        }
        if let all = try rows.first?.int8("acceptances"), all > kept {
            sentences.append("the catalogue was accepted \(all) times in all: the newest \(kept) are listed")
        }
        return sentences
    }

    private static let acceptancesSQL: SQL = """
        select case when isfinite(occurred_at) then occurred_at end as at, actor, reason, detail ->> 'differences' as differences,
            count(*) over () as acceptances
        from audit.events where action = 'schema.accepted' order by occurred_at desc limit $1
        """

    private static func mighty(_ connection: DatabaseConnection) throws -> String {
        let logins = try connection.query(mightySQL).map { row in
            "\(try row.text("login")) (\(try row.text("why")))"
        }
        return "could change anything here: " + logins.joined(separator: ", ")
    }

    /// Whoever is, or can become by `SET ROLE`, a superuser or the owner: members of members as well.
    private static let mightySQL: SQL = """
        with recursive reach (oid, might) as (
            select oid, oid from pg_roles where rolsuper or rolname = 'sentinode_owner'
            union
            select membership.member, reach.might
            from pg_auth_members as membership join reach on membership.roleid = reach.oid
        )
        select login.rolname as login,
            case when login.rolsuper then 'superuser'
                else string_agg(
                    case when might.oid = login.oid then 'owns every object'
                        else 'member of ' || might.rolname || case when might.rolsuper then ', a superuser' else '' end end,
                    '; ' order by might.rolname) end as why
        from reach join pg_roles as login using (oid) join pg_roles as might on might.oid = reach.might
        where login.rolcanlogin
        group by login.oid, login.rolname, login.rolsuper order by 2, 1
        """
}
