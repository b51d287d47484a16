import Foundation
import MessageBroker

extension FieldValue {
    /// As JSON: bytes become `{"base64": ...}`, decimals and what is not a number become text.
    var json: JSONText {
        switch self {
        case .void: .null
        case .bool(let value): .boolean(value)
        case .int(let value): .integer(value)
        case .uint(let value): .unsigned(value)
        case .float(let value): .real(value)
        case .double(let value): .double(value)
        case .decimal(let scale, let unscaled): .string("\(unscaled)e-\(scale)")
        case .text(let value): .string(value)
        case .bytes(let value): .object([("base64", .string(Data(value).base64EncodedString()))])
        case .timestamp(let seconds): .unsigned(seconds)
        case .array(let values): .array(values.map(\.json))
        case .table(let fields): .object(fields.map { ($0.name, $0.value.json) })
        case .tooDeep: .string("nested too deeply to read")
        }
    }

    /// The kind, as a sender would call it.
    var kind: String {
        switch self {
        case .void: "void"
        case .bool: "boolean"
        case .int, .uint: "integer"
        case .float, .double: "floating point"
        case .decimal: "decimal"
        case .text: "text"
        case .bytes: "bytes, or text that is not UTF-8"
        case .timestamp: "timestamp"
        case .array: "array"
        case .table: "table"
        case .tooDeep: "nested too deeply"
        }
    }
}

extension MessageProperties {
    /// Those that are text, but for the headers.
    var texts: [String] {
        [
            contentType, contentEncoding, correlationID, replyTo, expiration, messageID, type, userID, appID,
        ].compactMap { $0 }
    }

    /// All but the headers, as a JSON object, for a person to read. NUL, which jsonb cannot hold, becomes U+FFFD.
    var json: JSONText {
        var members: [(String, JSONText)] = []
        func add(_ name: String, _ value: JSONText?) {
            if let value { members.append((name, value)) }
        }
        func text(_ text: String) -> JSONText { .string(text.replacing("\0", with: "\u{FFFD}")) }
        add("content_type", contentType.map(text))
        add("content_encoding", contentEncoding.map(text))
        add("delivery_mode", deliveryMode.map { .integer(Int64($0)) })
        add("priority", priority.map { .integer(Int64($0)) })
        add("correlation_id", correlationID.map(text))
        add("reply_to", replyTo.map(text))
        add("expiration", expiration.map(text))
        add("message_id", messageID.map(text))
        add("timestamp", timestamp.map { .unsigned($0) })
        add("type", type.map(text))
        add("user_id", userID.map(text))
        add("app_id", appID.map(text))
        return .object(members)
    }
}
