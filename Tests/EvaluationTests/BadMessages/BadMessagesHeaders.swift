import Foundation

@testable import Evaluation
@testable import MessageBroker

/// Headers and properties that are wrong, and such as only look it.
extension BadMessages {
    private static func refused(_ name: String, _ field: String, _ value: FieldValue) -> BadMessage {
        BadMessage(name, headers: [Field(field, value)], .quarantined(.malformedMetadata))
    }

    /// A long string of any bytes, as it stands on the wire.
    private static func longString(_ bytes: [UInt8]) -> [UInt8] {
        var writer = WireWriter()
        writer.integer(FieldTable.Kind.text.rawValue)
        writer.longBytes(bytes)
        return writer.bytes
    }

    static let coordinates: [BadMessage] = [
        refused("x as text", "x", .text("12")),
        refused("y as a floating point number", "y", .double(12)),
        refused("x below zero", "x", .int(-1)),
        refused("y beyond every slide", "y", .int(10_000_001)),
        refused("x beyond 63 bits", "x", .uint(.max)),
        refused("x as a table", "x", .table([Field("value", .int(1))])),
        refused("level as text", "level", .text("0")),
        refused("level out of range", "level", .int(1000)),
        refused("mpp below zero", "mpp", .float(-0.25)),
        refused("mpp as text", "mpp", .text("0.25")),
        refused("sent_at of nonsense", "sent_at", .text("yesterday")),
        refused("sent_at on a day that is not", "sent_at", .text("2026-02-30T10:00:00Z")),
        refused("sent_at beyond the year 9999", "sent_at", .timestamp(.max)),
        refused("sent_at as a number", "sent_at", .int(1)),
        BadMessage("timestamp out of range", .quarantined(.malformedMetadata)) { $0.timestamp = .max },
        BadMessage("timestamp at the end of the calendar", .recorded) { $0.timestamp = 253_402_300_799 },
        BadMessage("mpp as a decimal", headers: [Field("mpp", .decimal(scale: 2, value: 25))], .recorded),
    ]

    static let headers: [BadMessage] = [
        refused("slide_id of 100 kB", "slide_id", .text(String(repeating: "s", count: 100_000))),
        refused("slide_id of 256 bytes", "slide_id", .text(String(repeating: "s", count: 256))),
        refused("slide_id with a NUL", "slide_id", .text("S\u{0}1")),
        refused("slide_id with a line break", "slide_id", .text("S\n1")),
        refused("slide_id of nothing", "slide_id", .text("")),
        refused("slide_id as a number", "slide_id", .int(7)),
        refused("slide_id as bytes", "slide_id", .bytes(Array("S1".utf8))),
        refused("case_pseudonym as a table", "case_pseudonym", .table([])),
        BadMessage("slide_id that is not UTF-8", .quarantined(.malformedMetadata)) {
            $0.headers = table([(Array("slide_id".utf8), longString([0x53, 0xFF, 0x31]))])
        },
        BadMessage("slide_id twice", .quarantined(.malformedMetadata)) {
            let field = (name: Array("slide_id".utf8), value: longString(Array("S1".utf8)))
            $0.headers = table([field, field])
        },
        BadMessage("a header name that is not UTF-8", .quarantined(.malformedMetadata)) {
            $0.headers = table([([0xC3, 0x28], longString([0x41]))])
        },
        BadMessage("an unknown header twice", .recorded) {
            let field = (name: Array("note".utf8), value: longString(Array("a".utf8)))
            $0.headers = table([field, field])
        },
        BadMessage("an unknown header that is not UTF-8", .recorded) {
            $0.headers = table([(Array("note".utf8), longString([0xFF, 0xFE]))])
        },
        BadMessage("a header name of nothing", headers: [Field("", .text("a"))], .recorded),
        BadMessage("a header name with a NUL", headers: [Field("a\u{0}b", .int(1))], .recorded),
        BadMessage("an unknown header with a NUL", headers: [Field("note", .text("a\u{0}b"))], .recorded),
        BadMessage(
            "an unknown header of 100 kB", headers: [Field("note", .text(String(repeating: "n", count: 100_000)))],
            .recorded),
        BadMessage(
            "3,000 unknown headers", headers: (0..<3000).map { Field("note-\($0)", .int(Int64($0))) }, .recorded),
        BadMessage("25,000 nested arrays", .recorded) {
            $0.headers = table([(Array("note".utf8), nestedArrays(25_000))])
        },
        BadMessage("the broker's own death headers", headers: death, .recorded),
        BadMessage("every kind of header", headers: everyKind, .recorded),
        BadMessage("integers of every width", .recorded) { $0.headers = integers },
    ]

    static let properties: [BadMessage] = [
        BadMessage("an unknown content type", .quarantined(.unsupportedContentType)) {
            $0.contentType = Array("image/jpeg".utf8)
        },
        BadMessage("compressed, as it says", .quarantined(.unsupportedContentType)) {
            $0.contentEncoding = Array("gzip".utf8)
        },
        BadMessage("a content type that is not UTF-8", .quarantined(.malformedMetadata)) { $0.contentType = [0xFF] },
        BadMessage("no content type", .recorded) { $0.contentType = nil },
        BadMessage("a content type with a parameter", .recorded) {
            $0.contentType = Array("Image/PNG; version=2".utf8)
        },
        BadMessage("a content encoding that changes nothing", .recorded) { $0.contentEncoding = Array("binary".utf8) },
        BadMessage("message_id that is not UTF-8", .quarantined(.malformedMetadata)) { $0.messageID = [0x41, 0xFF] },
        BadMessage("message_id of 255 bytes that are not UTF-8", .quarantined(.malformedMetadata)) {
            $0.messageID = Array(repeating: 0xFE, count: 255)
        },
        BadMessage("message_id with a NUL", .quarantined(.malformedMetadata)) { $0.messageID = [0x41, 0, 0x42] },
        BadMessage("message_id of 255 bytes", .recorded) { $0.messageID = Array(repeating: 0x6D, count: 255) },
        BadMessage("message_id with control characters", .recorded) { $0.messageID = [0x41, 0x0A, 0x1B, 0x42] },
        BadMessage("no message_id", [9, 9, 9], .quarantined(.notPNG)).without(\.messageID),
        BadMessage("app_id that is not UTF-8", .quarantined(.malformedMetadata)) { $0.appID = [0xFF, 0xFF] },
        BadMessage("app_id with a NUL", .quarantined(.malformedMetadata)) { $0.appID = [0x41, 0] },
        BadMessage("correlation_id of 255 bytes that are not UTF-8", .quarantined(.malformedMetadata)) {
            $0.correlationID = Array(repeating: 0xFE, count: 255)
            $0.replyTo = Array(Laboratory.repliesQueue.utf8)
        },
        BadMessage("correlation_id with a NUL", .quarantined(.malformedMetadata)) {
            $0.correlationID = [0x41, 0, 0x42]
            $0.replyTo = Array(Laboratory.repliesQueue.utf8)
        },
        BadMessage("reply_to of 255 bytes that are not UTF-8", .quarantined(.malformedMetadata)) {
            $0.replyTo = Array(repeating: 0xFE, count: 255)
        },
        BadMessage("reply_to with a NUL", .quarantined(.malformedMetadata)) { $0.replyTo = [0x41, 0, 0x42] },
        BadMessage("reply_to that is no queue", .recorded) { $0.replyTo = Array("nobody".utf8) },
        BadMessage("reply_to that is the queue of jobs", .recorded) { $0.replyTo = Array("sentinode.patches".utf8) },
        BadMessage("type with a NUL", .quarantined(.malformedMetadata)) { $0.type = [0] },
        BadMessage("an expiry to come", .recorded) { $0.expiration = Array("600000".utf8) },
        BadMessage("a priority", .recorded) { $0.priority = 255 },
    ]

    /// What RabbitMQ adds to a message that it dead-letters and somebody sends again.
    private static let death = [
        Field("x-death", .array([.table([Field("queue", .text("sentinode.patches")), Field("count", .int(3))])])),
        Field("x-first-death-queue", .text("sentinode.patches")), Field("x-delivery-count", .int(7)),
    ]

    /// All that RabbitMQ's dialect knows, nested too.
    static let everyKind: [Field] = {
        let flat: [Field] = [
            Field("array", .array([.int(1), .text("two"), .void])), Field("bool", .bool(true)),
            Field("bytes", .bytes([0xFF, 0])), Field("decimal", .decimal(scale: 2, value: 314)),
            Field("double", .double(0.1)), Field("float", .float(0.5)), Field("int", .int(-1)),
            Field("text", .text("Größe \"5\"")), Field("timestamp", .timestamp(1_700_000_000)),
            Field("void", .void),
        ]
        return flat + [Field("a table", .table(flat + [Field("table", .table(flat))]))]
    }()

    /// 1 as each of the eight kinds of integer.
    static let integers = table(
        [("b", 1), ("B", 1), ("s", 2), ("u", 2), ("I", 4), ("i", 4), ("l", 8), ("L", 8)].map { letter, size in
            (Array("of \(letter)".utf8), Array(letter.utf8) + Array(repeating: 0, count: size - 1) + [1])
        })

    private static func nestedArrays(_ count: Int) -> [UInt8] {
        var writer = WireWriter()
        for level in 0..<count {
            writer.integer(FieldTable.Kind.array.rawValue)
            writer.integer(UInt32(5 * (count - level - 1)))
        }
        return writer.bytes
    }
}

extension BadMessage {
    func without(_ property: WritableKeyPath<WireProperties, [UInt8]?>) -> BadMessage {
        var message = self
        message.properties[keyPath: property] = nil
        return message
    }
}
