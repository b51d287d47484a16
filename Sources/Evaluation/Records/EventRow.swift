import AuditTrail
import Database
import Foundation

/// A row of `audit.events`, which is also leaf 0 under its own seal.
struct EventRow {
    let event: AuditEvent
    let writer: UUID
    let seal: Int64
    let at: Timestamp
    let actor: String
    /// Printed name of whoever the login belongs to; nil for nobody.
    let person: String?
    let leaves: [[UInt8]]
    let salt: [UInt8]

    private var detailSource: String? { event.detail?.text }
    private var joinedLeaves: [UInt8] { Array(leaves.joined()) }

    func digest(_ hash: Hash) throws -> [UInt8] {
        let columns: [Column?] = [
            Column("action", .text(event.action)),
            Column("actor", .text(actor)),
            Column("detail_source", text: detailSource),
            Column("leaves", .bytes(joinedLeaves)),
            Column("occurred_at", .timestamp(at.microseconds)),
            Column("person", text: person),
            Column("reason", text: event.reason),
            Column("salt", .bytes(salt)),
            Column("seal", .integer(seal)),
            Column("subject", text: event.subject),
            Column("writer", .uuid(writer)),
        ]
        return try hash.digest(of: RowEncoding(table: "audit.events", columns: columns.compactMap { $0 }).bytes)
    }

    /// The event and its seal in one statement: one cannot stand without the other.
    static let insertSQL: SQL = """
        with event as (
            insert into audit.events
                (writer, seal, occurred_at, actor, person, action, subject, reason, detail_source, leaves, salt)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        )
        insert into audit.seals (writer, number, previous, leaf_count, root, seal) values ($1, $2, $12, $13, $14, $15)
        """

    var parameters: [Parameter] {
        [
            .uuid(writer), .int8(seal), .timestamp(at), .text(actor), .text(person), .text(event.action),
            .text(event.subject), .text(event.reason), .text(detailSource), .bytes(joinedLeaves), .bytes(salt),
        ]
    }

    static func parameters(of seal: Seal) -> [Parameter] {
        [.bytes(seal.previous), .int4(Int32(seal.leafCount)), .bytes(seal.root), .bytes(seal.value)]
    }
}
