import AuditTrail
public import Database
public import Foundation
public import MessageBroker

/// A quarantined message as lists show it.
public struct QuarantineEntry: Sendable {
    public let jobID: UUID
    public let payloadSHA256: String
    public let reason: String
    public let explanation: String
    public let occurrences: Int64
    public let lastAt: String
    public let state: String
    public let payloadSize: Int64
    public let properties: String
    public let headers: String?
}

/// A person's work on quarantined messages, as the login of its database connection.
public final class QuarantineDesk {
    private let ledger: Ledger

    public init(_ settings: DatabaseSettings) throws {
        ledger = try Ledger(DatabaseConnection(settings))
    }

    private static let entrySQL: SQL = """
        select job_id, payload_sha256, reason, explanation, occurrences, last_at, state, payload_size,
            properties::text as properties, decode(properties ->> 'base64', 'base64') as properties_amqp,
            headers::text as headers
        from review.quarantine
        """

    /// The newest first; only open ones unless `all`.
    public func list(all: Bool, limit: Int) throws -> [QuarantineEntry] {
        try ledger.connection.query(
            QuarantineDesk.entrySQL + " where $1 or state = 'open' order by last_at desc, job_id limit $2",
            [.bool(all), .int4(Int32(limit))]
        ).map(QuarantineEntry.init)
    }

    /// Everything quarantined under one job.
    public func entries(of job: UUID) throws -> [QuarantineEntry] {
        let entries = try ledger.connection.query(
            QuarantineDesk.entrySQL + " where job_id = $1 order by last_at desc", [.uuid(job)]
        ).map(QuarantineEntry.init)
        guard !entries.isEmpty else {
            throw OperationError(
                "no message of job \(job.text) is in quarantine: `sentinode quarantine list`")
        }
        return entries
    }

    /// The body of the newest message of a job; nil where it was too large to keep.
    public func payload(of job: UUID) throws -> [UInt8]? {
        try newest(of: job, ledger.connection).optionalBytes("payload")
    }

    /// Says that nothing more will be done.
    ///
    /// - Throws: `OperationError` where that, or a replay, was decided since the message last came.
    public func discard(_ job: UUID, reason: String) throws {
        _ = try ledger.transact { entry in
            let row = try self.newest(of: job, entry.connection)
            let state = try entry.connection.query(
                "select state from review.quarantine where job_id = $1 and payload_sha256 = encode($2, 'hex')",
                [.uuid(job), .bytes(try row.bytes("payload_sha256"))]
            ).onlyRow().text("state")
            guard state == "open" else {
                throw OperationError("the newest message of job \(job.text) is \(state) already")
            }
            return ((), try self.decide(.discarded, on: row, reason: reason, &entry))
        }
    }

    /// Sends the newest message of a job to the queue again, as it came but without the broker's death headers.
    ///
    /// - Throws: `OperationError` where the body was not kept or the broker does not take it; nothing is decided then.
    public func replay(_ job: UUID, reason: String, through publisher: Publisher) throws {
        _ = try ledger.transact { entry in
            let row = try self.newest(of: job, entry.connection)
            guard let payload = try row.optionalBytes("payload") else {
                throw OperationError(
                    "the body was too large to keep: the message itself is in the queue \(BrokerNames.deadPatches)")
            }
            let event = try self.decide(.replayed, on: row, reason: reason, &entry)
            let message = OutgoingMessage(
                exchange: BrokerNames.jobs, routingKey: BrokerNames.patchesKey,
                properties: try QuarantineDesk.properties(row), body: payload, mandatory: true)
            // Whoever may not decide sends nothing.
            try entry.connection.sendWaiting()
            // Sent before the decision is committed: a message sent twice is decided once, one not sent is lost.
            try QuarantineDesk.require(try publisher.publish([message], deadline: 30)[0])
            return ((), event)
        }
    }

    private static func require(_ outcome: PublishOutcome) throws {
        switch outcome {
        case .confirmed: break
        case .returned(code: 312, _):
            throw OperationError("no queue takes the message: it stays in quarantine, run `sentinode doctor`")
        case .returned(_, let text):
            throw OperationError("the message cannot be sent again as it is, \(text): it stays in quarantine")
        case .refused, .unconfirmed:
            throw OperationError("the broker did not take the message: it stays in quarantine, try again")
        }
    }

    private func newest(of job: UUID, _ connection: DatabaseConnection) throws -> Row {
        let rows = try connection.query(
            """
            select job_id, payload_sha256, payload, headers_amqp,
                decode(properties ->> 'base64', 'base64') as properties_amqp,
                properties ->> 'content_type' as content_type,
                properties ->> 'correlation_id' as correlation_id, properties ->> 'reply_to' as reply_to,
                properties ->> 'message_id' as message_id, properties ->> 'type' as type,
                properties ->> 'user_id' as user_id, properties ->> 'app_id' as app_id,
                properties ->> 'content_encoding' as content_encoding,
                properties ->> 'timestamp' as timestamp, (properties ->> 'priority')::smallint as priority
            from sentinode.quarantined_messages where job_id = $1 order by quarantined_at desc limit 1
            """, [.uuid(job)])
        guard let row = rows.first else {
            throw OperationError(
                "no message of job \(job.text) is in quarantine: `sentinode quarantine list`")
        }
        return row
    }

    private func decide(
        _ decision: QuarantineDecision.Decision, on row: Row, reason: String, _ entry: inout LedgerEntry
    ) throws -> AuditEvent {
        let jobID = try row.uuid("job_id")
        _ = try entry.insert([
            QuarantineDecision(
                jobID: jobID, payloadSHA256: try row.bytes("payload_sha256"), decision: decision, reason: reason,
                decidedAt: entry.at, decidedBy: entry.actor)
        ])
        return AuditEvent(
            action: "quarantine.\(decision.rawValue)", subject: jobID.text, reason: reason)
    }

    /// Properties as they came. The broker checks `user_id` against the login that publishes, so the sender it named
    /// travels as `app_id`, which names the same job; an expiry that has passed must not pass again.
    private static func properties(_ row: Row) throws -> MessageProperties {
        var properties = try readProperties(row)
        properties.headers = try MessageProperties(encodedHeaders: try row.bytes("headers_amqp")).headers
        // CC and BCC would send the copy to other queues too, now as then.
        properties.headers.removeAll { MetadataReader.belongsToBroker($0.name) || ["CC", "BCC"].contains($0.name) }
        properties.appID = properties.appID ?? properties.userID
        (properties.userID, properties.expiration) = (nil, nil)
        properties.deliveryMode = 2
        return properties
    }

    private static func readProperties(_ row: Row) throws -> MessageProperties {
        if let list = try row.optionalBytes("properties_amqp") { return MessageProperties(encodedList: list) }
        var properties = MessageProperties()
        properties.contentType = try row.optionalText("content_type")
        properties.contentEncoding = try row.optionalText("content_encoding")
        properties.correlationID = try row.optionalText("correlation_id")
        properties.replyTo = try row.optionalText("reply_to")
        properties.messageID = try row.optionalText("message_id")
        properties.type = try row.optionalText("type")
        properties.appID = try row.optionalText("app_id")
        properties.userID = try row.optionalText("user_id")
        properties.timestamp = try row.optionalText("timestamp").flatMap { UInt64($0) }
        properties.priority = try row.optionalInt2("priority").map { UInt8(truncatingIfNeeded: $0) }
        return properties
    }
}

/// What a person decided about a quarantined message: a row of `sentinode.quarantine_decisions`.
struct QuarantineDecision: AuditedRow {
    enum Decision: String { case replayed, discarded }

    let jobID: UUID
    let payloadSHA256: [UInt8]
    let decision: Decision
    let reason: String
    let decidedAt: Timestamp
    let decidedBy: String

    static let table = AuditedTable(
        "sentinode.quarantine_decisions",
        [
            .init("decision_id", .uuid), .init("job_id", .uuid), .init("payload_sha256", .bytea),
            .init("decision", .text), .init("reason", .text), .init("decided_at", .timestamptz),
            .init("decided_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("decided_at", .timestamp(decidedAt.microseconds)),
            Column("decided_by", .text(decidedBy)),
            Column("decision", .text(decision.rawValue)),
            Column("decision_id", .uuid(UUID())),
            Column("job_id", .uuid(jobID)),
            stamp.leaf,
            Column("payload_sha256", .bytes(payloadSHA256)),
            Column("reason", .text(reason)),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
    }
}

extension QuarantineEntry {
    fileprivate init(_ row: Row) throws {
        jobID = try row.uuid("job_id")
        payloadSHA256 = try row.text("payload_sha256")
        reason = try row.text("reason")
        explanation = try row.text("explanation")
        occurrences = try row.int8("occurrences")
        lastAt = try row.timestamp("last_at").description
        state = try row.text("state")
        payloadSize = try row.int8("payload_size")
        // Where the database took them only as bytes, they are made readable here.
        let bare = try row.optionalBytes("properties_amqp").map { MessageProperties(encodedList: $0).json.text }
        properties = try bare ?? row.text("properties")
        headers = try row.optionalText("headers")
    }
}
