import MessageBroker

/// Reads JSON as RFC 8259 has it, and strictly: UTF-8, every name once, few levels, nothing behind the end.
///
/// A patch whose text can be read in two ways must not be decided, so nothing is mended but a byte order mark.
struct JSONReader {
    /// Levels of arrays and objects that are read.
    static let deepestLevel = 64

    private let bytes: [UInt8]
    private var offset = 0

    /// The members of the object that the body is, in their order.
    static func members(of body: [UInt8]) throws(Refusal) -> [Field] {
        var reader = JSONReader(bytes: body)
        guard String(validating: body, as: UTF8.self) != nil else { throw reader.fault("it is not UTF-8") }
        if body.starts(with: [0xEF, 0xBB, 0xBF]) { reader.offset = 3 }
        let value = try reader.value(level: 1)
        guard reader.next() == nil else { throw reader.fault("something follows its end") }
        guard case .table(let members) = value else { throw reader.fault("it is not an object") }
        return members
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func fault(_ what: String) -> Refusal {
        Refusal(
            .malformedJSON,
            "the body is not the JSON that is expected, {\"image_base64\": ...}: \(what) (byte \(offset))")
    }

    // MARK: Values

    private mutating func value(level: Int) throws(Refusal) -> FieldValue {
        guard level <= JSONReader.deepestLevel else {
            throw fault("it nests deeper than \(JSONReader.deepestLevel) levels")
        }
        switch next() {
        case UInt8(ascii: "{"): return .table(try object(level: level))
        case UInt8(ascii: "["): return .array(try array(level: level))
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .void)
        case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?: return try number()
        case nil: throw fault("it ends too early")
        case .some: throw fault("a value is expected")
        }
    }

    private mutating func object(level: Int) throws(Refusal) -> [Field] {
        offset += 1
        var members: [Field] = []
        var names: Set<String> = []
        guard !skips(UInt8(ascii: "}")) else { return [] }
        repeat {
            guard next() == UInt8(ascii: "\"") else { throw fault("a name is expected") }
            let name = try string()
            guard names.insert(name).inserted else { throw fault("a name is given twice") }
            guard skips(UInt8(ascii: ":")) else { throw fault("a colon is expected") }
            members.append(Field(name, try value(level: level + 1)))
        } while skips(UInt8(ascii: ","))
        guard skips(UInt8(ascii: "}")) else { throw fault("the end of an object is expected") }
        return members
    }

    private mutating func array(level: Int) throws(Refusal) -> [FieldValue] {
        offset += 1
        var values: [FieldValue] = []
        guard !skips(UInt8(ascii: "]")) else { return [] }
        repeat { values.append(try value(level: level + 1)) } while skips(UInt8(ascii: ","))
        guard skips(UInt8(ascii: "]")) else { throw fault("the end of an array is expected") }
        return values
    }

    private mutating func word(_ word: String, _ value: FieldValue) throws(Refusal) -> FieldValue {
        guard bytes[offset...].starts(with: word.utf8) else { throw fault("a value is expected") }
        offset += word.utf8.count
        return value
    }

    // MARK: Numbers

    /// Whole numbers become integers however they are written; what no double holds stays text.
    private mutating func number() throws(Refusal) -> FieldValue {
        let start = offset
        if at(offset) == UInt8(ascii: "-") { offset += 1 }
        if at(offset) == UInt8(ascii: "0") { offset += 1 } else { try digits() }
        if at(offset) == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if let letter = at(offset), letter | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if let sign = at(offset), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if let whole = Int64(text) { return .int(whole) }
        if let whole = UInt64(text) { return .uint(whole) }
        guard let value = Double(text), value.isFinite else { return .text(text) }
        return abs(value) < 0x1p53 ? Int64(exactly: value).map { .int($0) } ?? .double(value) : .double(value)
    }

    private mutating func digits() throws(Refusal) {
        let start = offset
        while let byte = at(offset), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        guard offset > start else { throw fault("a digit is expected") }
    }

    // MARK: Strings

    private mutating func string() throws(Refusal) -> String {
        offset += 1
        var text: [UInt8] = []
        while true {
            let start = offset
            while let byte = at(offset), byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                offset += 1
            }
            text += bytes[start..<offset]
            switch at(offset) {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += String(try escaped()).utf8
            case nil: throw fault("it ends inside a string")
            case .some: throw fault("a string holds a control character")
            }
        }
    }

    private mutating func escaped() throws(Refusal) -> Unicode.Scalar {
        offset += 2
        switch at(offset - 1) {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try scalar()
        case .some, nil: throw fault("an escape is expected")
        }
    }

    /// Four hexadecimal digits, or twice four for what UTF-16 writes as a pair of surrogates.
    private mutating func scalar() throws(Refusal) -> Unicode.Scalar {
        let first = try fourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800...0xDBFF).contains(first), at(offset) == UInt8(ascii: "\\"), at(offset + 1) == UInt8(ascii: "u")
        else { throw fault("half a pair of surrogates") }
        offset += 2
        let second = try fourDigits()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw fault("half a pair of surrogates") }
        return scalar
    }

    private mutating func fourDigits() throws(Refusal) -> UInt32 {
        let digits = bytes[min(offset, bytes.count)...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw fault("four hexadecimal digits are expected") }
        offset += 4
        return value
    }

    // MARK: Bytes

    private func at(_ offset: Int) -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// The next byte that is no white space, which stays the next one.
    private mutating func next() -> UInt8? {
        while let byte = at(offset), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
        return at(offset)
    }

    /// Whether the next byte is this one; then it is behind.
    private mutating func skips(_ byte: UInt8) -> Bool {
        guard next() == byte else { return false }
        offset += 1
        return true
    }
}
