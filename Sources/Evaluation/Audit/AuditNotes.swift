public import Database

/// What an auditor should see each time, although nothing of it is a fault: what was erased, what was accepted of the
/// catalogue, and who could do anything here.
public struct AuditNotes: Sendable {
    /// One event that erased rows.
    public struct Erasure: Sendable {
        public let event: EventPosition
        public let at: Timestamp?
        public let login: String
        public let action: String
        public let reason: String?
        public let rows: Int64
    }

    /// Each list holds the newest so many.
    static let kept: Int64 = 20

    /// The newest first.
    public let erasures: [Erasure]
    /// Sentences.
    public let lines: [String]

    static let none = AuditNotes(erasures: [], lines: [])

    private init(erasures: [Erasure], lines: [String]) {
        (self.erasures, self.lines) = (erasures, lines)
    }

    init(_ connection: DatabaseConnection) throws {
        erasures = try connection.query(AuditNotes.erasuresSQL, [.int8(AuditNotes.kept)]).map { row in
            Erasure(
                event: EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal")),
                at: try row.optionalTimestamp("at"), login: try row.text("actor"), action: try row.text("action"),
                reason: try row.optionalText("reason"), rows: try row.int8("rows"))
        }
        let accepted = try connection.query(AuditNotes.acceptancesSQL, [.int8(AuditNotes.kept)]).map { row in
            "the catalogue was accepted as it stood at \(try row.optionalTimestamp("at")?.description ?? "an impossible time") "
                + "by \(try row.text("actor")), \(try row.optionalText("differences") ?? "0") differences: "
                + "\(try row.optionalText("reason") ?? "no reason")"
        }
        let mighty = try connection.query(AuditNotes.mightySQL).map { row in
            "\(try row.text("login")) (\(try row.text("why")))"
        }
        let sentences = erasures.map(\.sentence) + accepted
        lines = (sentences + ["could change anything here: " + mighty.joined(separator: ", ")]).map(AuditNotes.oneLine)
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

    private static let erasuresSQL: SQL = """
        select event.writer, event.seal, case when isfinite(event.occurred_at) then event.occurred_at end as at,
            event.actor, event.action, event.reason, count(*) as rows
        from audit.erased_rows as erased join audit.events as event on (event.writer, event.seal) = (erased.writer, erased.seal)
        group by event.writer, event.seal order by event.occurred_at desc limit $1
        """
    private static let acceptancesSQL: SQL = """
        select case when isfinite(occurred_at) then occurred_at end as at, actor, reason, detail ->> 'differences' as differences
        from audit.events where action = 'schema.accepted' order by occurred_at desc limit $1
        """
    private static let mightySQL: SQL = """
        with recursive member (oid) as (
            select member from pg_auth_members where roleid = (select oid from pg_roles where rolname = 'sentinode_owner')
            union select inner_member.member from pg_auth_members as inner_member join member on inner_member.roleid = member.oid
        )
        select rolname as login, case when rolsuper then 'superuser' else 'member of sentinode_owner' end as why
        from pg_roles where (rolsuper and rolcanlogin) or oid in (select oid from member) order by 2, 1
        """
}

extension AuditNotes.Erasure {
    /// Such as `17 rows erased by event 3 of writer ..., 2026-...: case.erased by boss, withdrawal of consent`.
    public var sentence: String {
        "\(rows) \(rows == 1 ? "row" : "rows") erased by event \(event.seal) of writer \(event.writer.text), "
            + "\(at?.description ?? "at an impossible time"): \(action) by \(login)" + (reason.map { ", \($0)" } ?? "")
    }
}
