import AuditTrail
import Database
import Foundation
import MessageBroker

/// What is told of one outcome, to everybody who listens and to whoever asked.
///
/// The same outcome told again has the same id and the same bytes.
struct Announcement {
    let eventID: UUID
    let routingKey: String
    let body: String
    let reply: ReplyAddress?

    /// One message for `sentinode.events`, and one to `reply_to` through the default exchange.
    var messages: [OutgoingMessage] {
        var messages = [message(exchange: BrokerNames.events, routingKey: routingKey)]
        if let reply, !BrokerNames.isUnreachable(reply.queue) {
            messages.append(message(exchange: "", routingKey: reply.queue))
        }
        return messages
    }

    private func message(exchange: String, routingKey: String) -> OutgoingMessage {
        var message = Announcement.message(
            eventID: eventID, exchange: exchange, routingKey: routingKey, correlationID: reply?.correlationID,
            body: body)
        message.properties.correlationIDBytes = reply?.correlationIDBytes
        return message
    }

    /// A reply that reaches no queue is returned and counted; an event that nobody listens to is nobody's loss.
    static func message(eventID: UUID, exchange: String, routingKey: String, correlationID: String?, body: String)
        -> OutgoingMessage
    {
        var properties = MessageProperties()
        properties.contentType = "application/json"
        properties.deliveryMode = 2
        properties.messageID = eventID.text
        properties.correlationID = correlationID
        properties.appID = "sentinode"
        return OutgoingMessage(
            exchange: exchange, routingKey: routingKey, properties: properties, body: Array(body.utf8),
            mandatory: exchange.isEmpty)
    }
}

/// Proof of place that a receiver can keep: where the row's leaf stands, and the root over it.
struct Receipt {
    let position: LeafPosition
    let root: [UInt8]

    var json: JSONText {
        .object([
            ("writer", .string(position.writer.text)),
            ("seal", .integer(position.seal)),
            ("leaf", .integer(Int64(position.leaf))),
            ("root", .string(hexadecimal(root))),
        ])
    }
}

/// What every surface says beside a prediction.
public let notice = "pre-screening by research software, not a diagnosis"

extension Announcement {
    /// `prediction.tumor`, `prediction.normal` or `prediction.uncertain`.
    init(_ stored: StoredPrediction, reply: ReplyAddress?) throws {
        routingKey = "prediction.\(stored.decision)"
        eventID = try JobIdentity.event("prediction", about: stored.jobID.text)
        self.reply = reply
        let metadata = stored.metadata
        body =
            JSONText.object([
                ("event", .string(routingKey)),
                ("event_id", .string(eventID.text)),
                ("job_id", .string(stored.jobID.text)),
                ("message_id", .string(optional: stored.messageID)),
                ("slide_id", .string(optional: metadata.slideID)),
                ("x", metadata.x.map { .integer($0) } ?? .null),
                ("y", metadata.y.map { .integer($0) } ?? .null),
                ("level", metadata.level.map { .integer(Int64($0)) } ?? .null),
                ("site", .string(optional: metadata.site)),
                ("decision", .string(stored.decision)),
                ("p_tumor", .real(stored.pTumor)),
                ("log_p_normal", .real(stored.logPNormal)),
                ("log_p_tumor", .real(stored.logPTumor)),
                ("threshold", .real(stored.operatingPoint.threshold)),
                ("uncertain_low", stored.operatingPoint.uncertain.map { .real($0.lowerBound) } ?? .null),
                ("uncertain_high", stored.operatingPoint.uncertain.map { .real($0.upperBound) } ?? .null),
                ("review_reason", .string(optional: stored.reviewReason)),
                ("model_version", .string(stored.modelVersion)),
                ("engine", .string(stored.engine)),
                ("image_sha256", .string(hexadecimal(stored.imageSHA256))),
                ("enqueued_at", .string(optional: metadata.enqueuedAt?.description)),
                ("received_at", .string(stored.receivedAt.description)),
                ("predicted_at", .string(stored.predictedAt.description)),
                ("receipt", stored.receipt.json),
                ("notice", .string(notice)),
            ]).text
    }

    /// `message.quarantined`.
    init(quarantined submission: Submission, _ refusal: Refusal) throws {
        let payload = hexadecimal(submission.payloadSHA256)
        let job = submission.jobID.text
        routingKey = "message.quarantined"
        eventID = try JobIdentity.event("quarantined", about: job, payload)
        reply = submission.reply
        body =
            JSONText.object([
                ("event", .string(routingKey)),
                ("event_id", .string(eventID.text)),
                ("job_id", .string(job)),
                ("message_id", .string(optional: submission.delivery.properties.messageID)),
                ("payload_sha256", .string(payload)),
                ("reason", .string(refusal.reason.rawValue)),
                ("explanation", .string(refusal.explanation)),
                ("notice", .string(notice)),
            ]).text
    }

    /// `model.activated`. What people do in SQL, `work.paused` and its like, the database announces itself.
    init(activated control: Control, by actor: String, reason: String, at: Timestamp) throws {
        routingKey = "model.activated"
        eventID = try JobIdentity.event(routingKey, about: String(control.generation), at.description)
        reply = nil
        body =
            JSONText.object([
                ("event", .string(routingKey)),
                ("event_id", .string(eventID.text)),
                ("model_version", .string(optional: control.activeVersion)),
                ("generation", .integer(control.generation)),
                ("changed_by", .string(actor)),
                ("reason", .string(reason)),
                ("changed_at", .string(at.description)),
            ]).text
    }
}
