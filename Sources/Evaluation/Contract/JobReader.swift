import AuditTrail
import Database
import Foundation
import MessageBroker

/// A delivery as far as it could be read: what it is called, where answers go, and the job or why it is none.
struct Submission {
    let delivery: Delivery
    let receivedAt: Timestamp
    let jobID: UUID
    let payloadSHA256: [UInt8]
    let reply: ReplyAddress?
    let content: Result<Job, Refusal>

    var job: Job? {
        if case .success(let job) = content { job } else { nil }
    }
}

/// Reads deliveries into submissions. It never fails for a fault of the message: that is a refusal inside.
struct JobReader {
    let metadata: MetadataReader
    let bodyLimit: Int

    func read(_ delivery: Delivery, receivedAt: Timestamp) throws -> Submission {
        let payloadSHA256 = try JobReader.payloadSHA256(of: delivery)
        let content: Result<Job, Refusal>
        do {
            content = .success(try job(in: delivery, payloadSHA256: payloadSHA256))
        } catch let refusal as Refusal {
            content = .failure(refusal)
        }
        let properties = delivery.properties
        return Submission(
            delivery: delivery,
            receivedAt: receivedAt,
            jobID: try jobID(of: content, properties: properties, payloadSHA256: payloadSHA256),
            payloadSHA256: payloadSHA256,
            reply: JobReader.reply(properties),
            content: content)
    }

    /// nil where the sender asks for no reply of its own, or names what cannot be a queue.
    static func reply(_ properties: MessageProperties) -> ReplyAddress? {
        guard let queue = properties.replyTo, (1...255).contains(queue.utf8.count), !queue.utf8.contains(0) else {
            return nil
        }
        return ReplyAddress(
            queue: queue, correlationID: properties.correlationID, correlationIDBytes: properties.correlationIDBytes)
    }

    /// SHA-256 of the body, also of one that was too large to keep.
    static func payloadSHA256(of delivery: Delivery) throws -> [UInt8] {
        switch delivery.body {
        case .bytes(let bytes): try Hash.sha256(bytes)
        case .oversized(_, let digest): digest
        }
    }

    private func job(in delivery: Delivery, payloadSHA256: [UInt8]) throws -> Job {
        let properties = delivery.properties
        guard case .bytes(let body) = delivery.body else { throw tooLarge(delivery.body) }
        try JobReader.check(properties)
        guard !body.isEmpty else {
            throw Refusal(.empty, "the body is empty: a PNG is expected")
        }
        let png: [UInt8]
        var fields = properties.headers
        switch try form(of: properties.contentType) {
        case .png: png = body
        case .json:
            let json = try JSONJob(body)
            png = json.png
            fields += json.fields
        }
        let reading = try metadata.read(fields, timestamp: properties.timestamp)
        let imageSHA256 = png.count == body.count ? payloadSHA256 : try Hash.sha256(png)
        return Job(
            id: try JobReader.jobID(properties, metadata: reading.metadata, imageSHA256: imageSHA256),
            messageID: properties.messageID,
            sender: JobReader.sender(properties),
            metadata: reading.metadata,
            attributes: reading.attributes,
            attributesDropped: reading.attributesDropped,
            png: png,
            imageSHA256: imageSHA256)
    }

    /// What no column can hold is refused here, where it can still be said what it was.
    private static func check(_ properties: MessageProperties) throws(Refusal) {
        guard !properties.malformedText else {
            throw Refusal(.malformedMetadata, "a property of the message is not UTF-8 text")
        }
        guard !properties.texts.contains(where: { $0.utf8.contains(0) }) else {
            throw Refusal(.malformedMetadata, "a property of the message holds a NUL: text without it is expected")
        }
        switch properties.contentEncoding?.lowercased() {
        case nil, "", "identity", "binary", "8bit", "utf-8", "utf8": break
        case .some:
            throw Refusal(
                .unsupportedContentType, "the content encoding is not supported: send the body as it is, uncompressed")
        }
    }

    private enum Form { case png, json }

    private func form(of contentType: String?) throws(Refusal) -> Form {
        let essence = contentType?.prefix { $0 != ";" }.lowercased().filter { $0 != " " } ?? "image/png"
        switch essence {
        case "", "image/png": return .png
        case "application/json": return .json
        default:
            throw Refusal(
                .unsupportedContentType, "the content type is neither image/png nor application/json")
        }
    }

    private func tooLarge(_ body: Body) -> Refusal {
        switch body {
        case .oversized(let size, _):
            Refusal(.tooLarge, "the body has \(size) bytes: at most \(bodyLimit) are taken")
        case .bytes(let bytes):
            Refusal(.tooLarge, "the body has \(bytes.count) bytes: at most \(bodyLimit) are taken")
        }
    }

    private func jobID(of content: Result<Job, Refusal>, properties: MessageProperties, payloadSHA256: [UInt8])
        throws -> UUID
    {
        switch content {
        case .success(let job): job.id
        case .failure:
            try JobReader.jobID(properties, metadata: PatchMetadata(), imageSHA256: payloadSHA256)
        }
    }

    /// nil where nobody is named.
    static func sender(_ properties: MessageProperties) -> String? {
        [properties.appID, properties.userID].compactMap { $0 }.first { !$0.isEmpty }
    }

    static func jobID(_ properties: MessageProperties, metadata: PatchMetadata, imageSHA256: [UInt8]) throws -> UUID {
        let image = hexadecimal(imageSHA256)
        let sender = sender(properties)
        if let messageID = properties.messageID, !messageID.isEmpty {
            return try JobIdentity.job(messageID: messageID, sender: sender ?? image)
        }
        return try JobIdentity.job(
            sender: sender ?? "",
            slide: metadata.slideID ?? "",
            x: metadata.x.map(String.init) ?? "",
            y: metadata.y.map(String.init) ?? "",
            level: metadata.level.map(String.init) ?? "",
            imageSHA256: image)
    }
}
