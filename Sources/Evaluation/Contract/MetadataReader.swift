import Database
import MessageBroker

/// Reads what a sender says about a patch out of headers, or out of the members of a JSON body.
struct MetadataReader {
    /// Names of other headers that are kept as attributes; nil keeps all.
    let attributesAllowed: Set<String>?
    /// Largest attributes object, bytes of JSON.
    static let attributesLimit = 4096

    struct Reading {
        var metadata = PatchMetadata()
        var attributes: String?
        var attributesDropped = 0
    }

    /// Headers of the contract; every other one is an attribute.
    static let names: Set<String> = [
        "slide_id", "x", "y", "level", "mpp", "site", "scanner", "stain", "case_pseudonym", "sent_at",
    ]

    /// Refuses a known header of the wrong kind or range; other headers never refuse a patch. A known one without value,
    /// null in JSON and void in AMQP, is absent.
    func read(_ fields: [Field], timestamp: UInt64?) throws(Refusal) -> Reading {
        var reading = Reading()
        var others: [Field] = []
        var seen: Set<String> = []
        for field in fields where !MetadataReader.belongsToBroker(field.name) {
            if field.value == .void, MetadataReader.names.contains(field.name) { continue }
            guard try MetadataReader.set(field, in: &reading.metadata) else {
                others.append(field)
                continue
            }
            guard seen.insert(field.name).inserted else {
                throw Refusal(.malformedMetadata, "\(field.name) is given twice: once is expected")
            }
        }
        if reading.metadata.enqueuedAt == nil, let timestamp {
            reading.metadata.enqueuedAt = try MetadataReader.instant(seconds: timestamp)
        }
        collect(others, into: &reading)
        return reading
    }

    /// Bookkeeping that a broker adds when it returns or dead-letters a message.
    static func belongsToBroker(_ name: String) -> Bool {
        name.hasPrefix("x-death") || name.hasPrefix("x-first-death") || name.hasPrefix("x-last-death")
            || name == "x-delivery-count" || name == "x-acquired-count"
    }

    /// False where the name is not one of the contract's.
    private static func set(_ field: Field, in metadata: inout PatchMetadata) throws(Refusal) -> Bool {
        switch field.name {
        case "slide_id": metadata.slideID = try text(field)
        case "x": metadata.x = try integer(field, in: 0...10_000_000)
        case "y": metadata.y = try integer(field, in: 0...10_000_000)
        case "level": metadata.level = Int16(try integer(field, in: 0...99))
        case "mpp": metadata.mpp = try micrometresAPixel(field)
        case "site": metadata.site = try text(field)
        case "scanner": metadata.scanner = try text(field)
        case "stain": metadata.stain = try text(field)
        case "case_pseudonym": metadata.casePseudonym = try text(field)
        case "sent_at": metadata.enqueuedAt = try instant(field)
        default: return false
        }
        return true
    }

    private static func text(_ field: Field) throws(Refusal) -> String {
        guard case .text(let text) = field.value else { throw wrongKind(field, expected: "UTF-8 text") }
        guard (1...255).contains(text.utf8.count) else {
            throw Refusal(
                .malformedMetadata, "\(field.name) has \(text.utf8.count) bytes: 1 to 255 bytes are expected")
        }
        guard !text.utf8.contains(where: { $0 < 32 }) else {
            throw Refusal(.malformedMetadata, "\(field.name) holds control characters: plain text is expected")
        }
        return text
    }

    private static func integer(_ field: Field, in range: ClosedRange<Int64>) throws(Refusal) -> Int64 {
        let value: Int64?
        switch field.value {
        case .int(let number): value = number
        case .uint(let number): value = Int64(exactly: number)
        case .bool, .float, .double, .decimal, .text, .bytes, .timestamp, .array, .table, .void, .tooDeep:
            throw wrongKind(field, expected: "an integer")
        }
        guard let value, range.contains(value) else {
            throw Refusal(
                .malformedMetadata,
                "\(field.name) is out of range: \(range.lowerBound) to \(range.upperBound) is expected")
        }
        return value
    }

    private static func micrometresAPixel(_ field: Field) throws(Refusal) -> Double {
        let value: Double
        switch field.value {
        case .double(let number): value = number
        case .float(let number): value = Double(number)
        case .int(let number): value = Double(number)
        case .uint(let number): value = Double(number)
        case .decimal(let scale, let unscaled): value = decimal(unscaled, scale: scale)
        case .bool, .text, .bytes, .timestamp, .array, .table, .void, .tooDeep:
            throw wrongKind(field, expected: "a number of micrometres a pixel")
        }
        guard value > 0, value < 1000 else {
            throw Refusal(.malformedMetadata, "\(field.name) is out of range: above 0 and below 1000 is expected")
        }
        return value
    }

    private static func decimal(_ unscaled: some BinaryInteger, scale: UInt8) -> Double {
        // One division rounds once: 0.243 is then the number that everybody else reads in "0.243".
        var power = 1.0
        for _ in 0..<scale { power *= 10 }
        return Double(unscaled) / power
    }

    private static func instant(_ field: Field) throws(Refusal) -> Timestamp {
        switch field.value {
        case .text(let text):
            guard let instant = Timestamp(rfc3339: text) else {
                throw Refusal(
                    .malformedMetadata,
                    "\(field.name) is not RFC 3339: a time such as 2026-05-04T10:20:30.125Z is expected")
            }
            return instant
        case .timestamp(let seconds): return try instant(seconds: seconds)
        case .bool, .int, .uint, .float, .double, .decimal, .bytes, .array, .table, .void, .tooDeep:
            throw wrongKind(field, expected: "a time as RFC 3339 text or an AMQP timestamp")
        }
    }

    /// Years up to 9999, which RFC 3339 and the database can both write.
    private static func instant(seconds: UInt64) throws(Refusal) -> Timestamp {
        guard seconds < 253_402_300_800 else {
            throw Refusal(.malformedMetadata, "timestamp is out of range: seconds since 1970 are expected")
        }
        return Timestamp(microseconds: Int64(seconds) * 1_000_000)
    }

    private static func wrongKind(_ field: Field, expected: String) -> Refusal {
        Refusal(.malformedMetadata, "\(field.name) has the wrong kind (\(field.value.kind)): \(expected) is expected")
    }

    /// Keeps what is allowed and fits, in the order of names; counts the rest.
    private func collect(_ fields: [Field], into reading: inout Reading) {
        var kept: [(String, JSONText)] = []
        var names: Set<String> = []
        var size = 1
        for field in fields.sorted(by: { $0.name < $1.name }) {
            let isAllowed = attributesAllowed?.contains(field.name) ?? true
            let value = field.value.json
            let member = JSONText.object([(field.name, value)])
            // Its own braces stand for the comma, or for the brace that ends the object.
            let memberSize = member.text.utf8.count - 1
            guard isAllowed, !names.contains(field.name), !member.holdsNUL,
                size + memberSize <= MetadataReader.attributesLimit
            else {
                reading.attributesDropped += 1
                continue
            }
            size += memberSize
            names.insert(field.name)
            kept.append((field.name, value))
        }
        if !kept.isEmpty { reading.attributes = JSONText.object(kept).text }
    }
}
