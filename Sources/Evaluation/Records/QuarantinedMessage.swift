import AuditTrail
import Database
import Foundation
import MessageBroker

/// A message that cannot become a prediction: a row of `sentinode.quarantined_messages`.
struct QuarantinedMessage: AuditedRow {
    let submission: Submission
    let refusal: Refusal
    let quarantinedAt: Timestamp
    var readable = Readable.all

    /// How much is stored as JSON beside the AMQP bytes: less, where that itself may be what the database refuses.
    enum Readable: CaseIterable { case all, properties, nothing }

    static let table = AuditedTable(
        "sentinode.quarantined_messages",
        [
            .init("job_id", .uuid), .init("payload_sha256", .bytea), .init("reason", .text),
            .init("explanation", .text), .init("payload", .bytea),
            .init("payload_size", .bigint), .init("properties_source", .text), .init("headers_source", .text),
            .init("headers_amqp", .bytea),
            .init("exchange", .text), .init("routing_key", .text), .init("redelivered", .boolean),
            .init("received_at", .timestamptz),
            .init("quarantined_at", .timestamptz),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        let delivery = submission.delivery
        let columns: [Column?] = [
            Column("exchange", .text(storable(delivery.exchange))),
            Column("explanation", .text(refusal.explanation)),
            Column("headers_amqp", .bytes(delivery.properties.encodedHeaders())),
            Column("headers_source", text: headersSource),
            Column("job_id", .uuid(submission.jobID)),
            stamp.leaf,
            Column("payload", bytes: payload),
            Column("payload_sha256", .bytes(submission.payloadSHA256)),
            Column("payload_size", .integer(payloadSize)),
            Column("properties_source", .text(propertiesSource)),
            Column("quarantined_at", .timestamp(quarantinedAt.microseconds)),
            Column("reason", .text(refusal.reason.rawValue)),
            Column("received_at", .timestamp(submission.receivedAt.microseconds)),
            Column("redelivered", .boolean(delivery.redelivered)),
            Column("routing_key", .text(storable(delivery.routingKey))),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
        return columns.compactMap { $0 }
    }

    private var payload: [UInt8]? {
        switch submission.delivery.body {
        case .bytes(let bytes): bytes
        case .oversized: nil
        }
    }

    private var payloadSize: Int64 {
        switch submission.delivery.body {
        case .bytes(let bytes): Int64(bytes.count)
        case .oversized(let size, _): Int64(clamping: size)
        }
    }

    /// nil where the database could not read it back as JSON: `headers_amqp` has it all the same.
    private var headersSource: String? {
        guard readable == .all else { return nil }
        let headers = JSONText.object(submission.delivery.properties.headers.map { ($0.name, $0.value.json) })
        let text = headers.text
        return !headers.holdsNUL && text.utf8.count <= 1 << 20 ? text : nil
    }

    private var propertiesSource: String {
        let properties = submission.delivery.properties
        return (readable == .nothing ? FieldValue.bytes(properties.encodedList()).json : properties.json).text
    }

    private func storable(_ name: String) -> String { name.replacing("\0", with: "\u{FFFD}") }
}

/// The same bad message, sent again: a row of `sentinode.quarantine_repeats`.
struct QuarantineRepeat: AuditedRow {
    let submission: Submission
    let refusal: Refusal
    let quarantinedAt: Timestamp

    static let table = AuditedTable(
        "sentinode.quarantine_repeats",
        [
            .init("repeat_id", .uuid), .init("job_id", .uuid), .init("payload_sha256", .bytea), .init("reason", .text),
            .init("received_at", .timestamptz), .init("quarantined_at", .timestamptz),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("job_id", .uuid(submission.jobID)),
            stamp.leaf,
            Column("payload_sha256", .bytes(submission.payloadSHA256)),
            Column("quarantined_at", .timestamp(quarantinedAt.microseconds)),
            Column("reason", .text(refusal.reason.rawValue)),
            Column("received_at", .timestamp(submission.receivedAt.microseconds)),
            Column("repeat_id", .uuid(UUID())),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
    }
}
