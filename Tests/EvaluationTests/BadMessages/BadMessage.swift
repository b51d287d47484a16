import AuditTrail
import Foundation

@testable import Evaluation
@testable import MessageBroker

/// A message that is wrong in one way, or only looks as if it were, and what has to become of it.
struct BadMessage {
    enum Outcome: Equatable {
        case recorded
        case quarantined(Refusal.Reason)
        /// Neither a prediction nor a quarantined message, which may never be.
        case lost
    }

    let name: String
    var properties = WireProperties()
    var body: [UInt8]
    let expected: Outcome

    /// A body as `image/png`, named by what is wrong with it.
    init(_ name: String, _ body: [UInt8], _ expected: Outcome) {
        self.name = name
        self.body = body
        self.expected = expected
        properties.contentType = Array("image/png".utf8)
        properties.messageID = Array(name.utf8)
    }

    /// A body as `application/json`.
    init(_ name: String, json: [UInt8], _ expected: Outcome) {
        self.init(name, json, expected)
        properties.contentType = Array("application/json".utf8)
    }

    /// A good patch with other properties.
    init(_ name: String, _ expected: Outcome, _ change: (inout WireProperties) -> Void) {
        self.init(name, HandmadePNG().bytes, expected)
        change(&properties)
    }

    /// A good patch with these headers.
    init(_ name: String, headers: [Field], _ expected: Outcome) {
        self.init(name, expected) { $0.headers = MessageProperties(headers: headers).encodedHeaders() }
    }

    /// The job, worked out as the contract says and not by asking the reader.
    var jobID: UUID {
        get throws {
            let sender = String(decoding: properties.appID ?? [], as: UTF8.self)
            guard let id = properties.messageID else {
                let image = hexadecimal(try Hash.sha256(body))
                return try JobIdentity.job(sender: sender, slide: "", x: "", y: "", level: "", imageSHA256: image)
            }
            return try JobIdentity.job(messageID: String(decoding: id, as: UTF8.self), sender: sender)
        }
    }
}

/// Properties as bytes: short strings need not be UTF-8, and a header table need not be a good one.
struct WireProperties {
    var contentType: [UInt8]?
    var contentEncoding: [UInt8]?
    /// A table with its length in front.
    var headers: [UInt8]?
    var priority: UInt8?
    var correlationID: [UInt8]?
    var replyTo: [UInt8]?
    var expiration: [UInt8]?
    var messageID: [UInt8]?
    var timestamp: UInt64?
    var type: [UInt8]?
    var appID: [UInt8]? = Array("test".utf8)

    /// The property list of a content header.
    var encoded: [UInt8] {
        var flags: UInt16 = 1 << 12
        var list = WireWriter()
        func text(_ bit: UInt16, _ bytes: [UInt8]?) {
            guard let bytes else { return }
            flags |= 1 << bit
            list.shortBytes(bytes)
        }
        text(15, contentType)
        text(14, contentEncoding)
        if let headers { flags |= 1 << 13; list.append(headers) }
        list.integer(UInt8(2))
        if let priority { flags |= 1 << 11; list.integer(priority) }
        text(10, correlationID)
        text(9, replyTo)
        text(8, expiration)
        text(7, messageID)
        if let timestamp { flags |= 1 << 6; list.integer(timestamp) }
        text(5, type)
        text(3, appID)
        var whole = WireWriter()
        whole.integer(flags)
        whole.append(list.bytes)
        return whole.bytes
    }
}

/// All of them.
enum BadMessages {
    static let all = broken + images + texts + coordinates + headers + properties + twins

    /// Names a field by bytes, then kind letter and value as they stand on the wire.
    static func table(_ fields: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        var writer = WireWriter()
        writer.counted { writer in
            for field in fields {
                writer.shortBytes(field.name)
                writer.append(field.value)
            }
        }
        return writer.bytes
    }
}
