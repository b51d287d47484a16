import AuditTrail
import Database
import Foundation
import MessageBroker

/// A checkpoint as it is stored: a row of `audit.checkpoints`.
struct CheckpointRow: AuditedRow {
    let checkpoint: Checkpoint
    let createdAt: Timestamp
    let createdBy: String

    static let table = AuditedTable(
        "audit.checkpoints",
        [
            .init("number", .bigint), .init("document", .text), .init("signature", .bytea), .init("heads", .bytea),
            .init("created_at", .timestamptz), .init("created_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("created_at", .timestamp(createdAt.microseconds)),
            Column("created_by", .text(createdBy)),
            Column("document", .text(checkpoint.document.text)),
            Column("heads", .bytes((checkpoint.heads ?? []).flatMap(\.packed))),
            stamp.leaf,
            Column("number", .integer(checkpoint.document.number)),
            stamp.saltColumn,
            stamp.seal,
            Column("signature", .bytes(checkpoint.signature)),
            stamp.writer,
        ]
    }
}

extension Checkpoint {
    /// From the columns `document`, `signature` and `heads`.
    init(_ row: Row) throws {
        document = try CheckpointDocument(parsing: try row.text("document"))
        signature = try row.bytes("signature")
        guard let heads = SignedHead.all(packed: try row.bytes("heads")) else {
            throw OperationError("the stored heads are not \(SignedHead.size) bytes each")
        }
        self.heads = heads
    }
}

extension Announcement {
    /// `audit.checkpointed`: enough for a listener to prove later what was signed when.
    init(_ checkpoint: Checkpoint) throws {
        let digest = hexadecimal(try checkpoint.document.digest())
        routingKey = "audit.checkpointed"
        eventID = try JobIdentity.event(routingKey, about: String(checkpoint.document.number), digest)
        reply = nil
        body =
            JSONText.object([
                ("event", .string(routingKey)),
                ("event_id", .string(eventID.text)),
                ("number", .integer(checkpoint.document.number)),
                ("signed_at", .string(checkpoint.document.signedAt.description)),
                ("digest", .string(digest)),
                ("document", .string(checkpoint.document.text)),
                ("signature", .string(hexadecimal(checkpoint.signature))),
            ]).text
    }
}
