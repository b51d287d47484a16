import AuditTrail

/// JSON as text, written once in the order given.
///
/// Announcements and stored sources are digested and compared as bytes, so their writer must not reorder or reformat.
enum JSONText {
    case null
    case boolean(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case real(Float)
    case double(Double)
    case string(String)
    case array([JSONText])
    case object([(String, JSONText)])

    /// nil becomes null.
    static func string(optional text: String?) -> JSONText { text.map { .string($0) } ?? .null }

    var text: String {
        var text: [UInt8] = []
        text.reserveCapacity(1024)
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Whether a name or a string holds a NUL, which the database's jsonb cannot.
    var holdsNUL: Bool {
        switch self {
        case .null, .boolean, .integer, .unsigned, .real, .double: false
        case .string(let value): value.utf8.contains(0)
        case .array(let values): values.contains(where: \.holdsNUL)
        case .object(let members): members.contains { $0.0.utf8.contains(0) || $0.1.holdsNUL }
        }
    }

    private func write(to text: inout [UInt8]) {
        switch self {
        case .null: text.append(contentsOf: "null".utf8)
        case .boolean(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): text.append(contentsOf: String(value).utf8)
        case .unsigned(let value): text.append(contentsOf: String(value).utf8)
        case .real(let value): text.append(contentsOf: (value.isFinite ? "\(value)" : "\"\(value)\"").utf8)
        case .double(let value): text.append(contentsOf: (value.isFinite ? "\(value)" : "\"\(value)\"").utf8)
        case .string(let value): JSONText.write(value, to: &text)
        case .array(let values):
            text.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                value.write(to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                JSONText.write(member.0, to: &text)
                text.append(UInt8(ascii: ":"))
                member.1.write(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    /// RFC 8259, section 7.
    private static func write(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        var string = string
        string.withUTF8 { bytes in
            var start = 0
            for (index, byte) in bytes.enumerated() {
                guard let escape = escape(byte) else { continue }
                text.append(contentsOf: bytes[start..<index])
                text.append(contentsOf: escape.utf8)
                start = index + 1
            }
            text.append(contentsOf: bytes[start...])
        }
        text.append(UInt8(ascii: "\""))
    }

    /// nil where a byte stands for itself.
    private static func escape(_ byte: UInt8) -> String? {
        switch byte {
        case UInt8(ascii: "\""): "\\\""
        case UInt8(ascii: "\\"): "\\\\"
        case 0..<32: "\\u00" + hexadecimal([byte])
        default: nil
        }
    }
}
