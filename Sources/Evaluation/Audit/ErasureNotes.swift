public import Database

/// What was erased, by which events, as far as it belongs to what is verified.
public struct ErasureNotes: Sendable {
    /// One event that erased rows.
    public struct Erasure: Sendable {
        public let event: EventPosition
        /// nil where the event is gone, or names no time that can be.
        public let at: Timestamp?
        /// nil where the event is gone.
        public let login: String?
        public let action: String?
        public let reason: String?
        public let rows: Int64
    }

    /// The newest first, `AuditNotes.kept` at most.
    public let newest: [Erasure]
    /// Events that erased, and rows that they erased, in all.
    public let events: Int64
    public let rows: Int64

    static let none = ErasureNotes()

    private init() { (newest, events, rows) = ([], 0, 0) }

    init(_ scope: AuditScope, _ tables: [StampedTable], _ connection: DatabaseConnection) throws {
        let (condition, parameters) = ErasureNotes.condition(scope, tables)
        let found = try connection.query(
            ErasureNotes.selectSQL + condition + ErasureNotes.groupSQL + " limit " + SQL.literal(AuditNotes.kept),
            parameters)
        newest = try found.map { row in
            Erasure(
                event: EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal")),
                at: try row.optionalTimestamp("at"), login: try row.optionalText("actor"),
                action: try row.optionalText("action"), reason: try row.optionalText("reason"),
                rows: try row.int8("rows"))
        }
        (events, rows) = (try found.first?.int8("events") ?? 0, try found.first?.int8("all_rows") ?? 0)
    }

    /// An erased row names its slide no more: it belongs to the slide that it was sealed together with.
    private static func condition(_ scope: AuditScope, _ tables: [StampedTable]) -> (SQL, [Parameter]) {
        switch scope {
        case .everything: return ("", [])
        case .since(let time):
            return (" where coalesce(event.occurred_at, erased.erased_at) >= $1", [.timestamp(time)])
        case .slide(let slide):
            let places = tables.filter { $0.position(of: "slide_id") != nil }
                .map { "select writer, seal from " + $0.source + " where slide_id = $1" }
            guard !places.isEmpty else { return (" where false", []) }
            return (
                " where (erased.row_writer, erased.row_seal) in (" + SQL.joined(places, separator: " union ") + ")",
                [.text(slide)]
            )
        }
    }

    private static let selectSQL: SQL = """
        select erased.writer, erased.seal, case when isfinite(event.occurred_at) then event.occurred_at end as at,
            event.actor, event.action, event.reason, count(*) as rows, count(*) over () as events,
            (sum(count(*)) over ())::bigint as all_rows
        from audit.erased_rows as erased
        left join audit.events as event on (event.writer, event.seal) = (erased.writer, erased.seal)
        """
    private static let groupSQL: SQL = """
         group by erased.writer, erased.seal, event.occurred_at, event.actor, event.action, event.reason
        order by max(coalesce(event.occurred_at, erased.erased_at)) desc
        """

    var sentences: [String] {
        let listed = newest.map(\.sentence)
        guard events > newest.count else { return listed }
        return listed + ["\(rows) rows were erased by \(events) events in all: the newest \(newest.count) are listed"]
    }
}

extension ErasureNotes.Erasure {
    /// Such as `17 rows erased by event 3 of writer ..., 2026-...: case.erased by boss, withdrawal of consent`.
    public var sentence: String {
        let what = "\(rows) \(rows == 1 ? "row" : "rows") erased by event \(event.seal) of writer \(event.writer.text)"
        guard let action else { return what + ", which is not there" }
        return what + ", \(at?.description ?? "at an impossible time"): \(action) by \(login ?? "nobody")"
            + (reason.map { ", \($0)" } ?? "")
    }
}
