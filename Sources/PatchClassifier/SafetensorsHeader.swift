/// The JSON header of a safetensors file, read by the format's own grammar: an object of tensors and at most one
/// `__metadata__` object of texts. Duplicate keys, which JSON parsers resolve differently, are refused.
struct SafetensorsHeader {
    /// What the header says about one tensor; nothing is checked yet. `begin` and `end` count from the values' start.
    struct Entry {
        let name: String
        let type: String
        let shape: [Int]
        let begin: Int
        let end: Int
    }

    private var cursor: ByteCursor

    init(_ bytes: [UInt8], in range: Range<Int>) {
        cursor = ByteCursor(bytes, in: range, subject: "the safetensors header")
    }

    mutating func entries() throws(WeightsError) -> [Entry] {
        guard cursor.next == UInt8(ascii: "{") else { throw expected("'{' as its first byte") }
        var entries: [Entry] = []
        try object { header, name throws(WeightsError) in
            if name == "__metadata__" {
                try header.object { header, _ throws(WeightsError) in _ = try header.string() }
            } else {
                entries.append(try header.entry(name))
            }
        }
        while cursor.remaining > 0 {
            guard try cursor.byte() == UInt8(ascii: " ") else { throw expected("only spaces after its object") }
        }
        return entries
    }

    private mutating func entry(_ name: String) throws(WeightsError) -> Entry {
        var (type, shape, offsets): (String?, [Int]?, [Int]?)
        try object { header, key throws(WeightsError) in
            switch key {
            case "dtype": type = try header.string()
            case "shape": shape = try header.integers()
            case "data_offsets": offsets = try header.integers()
            default: throw header.expected("'dtype', 'shape' or 'data_offsets' instead of \(quoted(key))")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw expected("dtype, shape and two data_offsets for tensor \(quoted(name))")
        }
        return Entry(name: name, type: type, shape: shape, begin: offsets[0], end: offsets[1])
    }

    /// `{ "key": value, … }`; `value` is called after each colon with the key before it.
    private mutating func object(
        value: (inout SafetensorsHeader, String) throws(WeightsError) -> Void
    ) throws(WeightsError) {
        var keys = Set<String>()
        try list(from: "{", to: "}") { header throws(WeightsError) in
            let key = try header.string()
            guard keys.insert(key).inserted else {
                throw WeightsError(
                    .duplicateName, "the safetensors header holds \(quoted(key)) twice, once was expected")
            }
            try header.require(":")
            try value(&header, key)
        }
    }

    private mutating func integers() throws(WeightsError) -> [Int] {
        var integers: [Int] = []
        try list(from: "[", to: "]") { header throws(WeightsError) in integers.append(try header.integer()) }
        return integers
    }

    private mutating func list(
        from opening: Unicode.Scalar, to closing: Unicode.Scalar,
        element: (inout SafetensorsHeader) throws(WeightsError) -> Void
    ) throws(WeightsError) {
        try require(opening)
        skipWhitespace()
        if cursor.next == UInt8(ascii: closing) { return try require(closing) }
        while true {
            try element(&self)
            skipWhitespace()
            if cursor.next != UInt8(ascii: ",") { return try require(closing) }
            try require(",")
        }
    }

    /// A count: digits without sign, fraction, exponent or leading zero.
    private mutating func integer() throws(WeightsError) -> Int {
        skipWhitespace()
        var digits = ""
        while let byte = cursor.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            digits.unicodeScalars.append(Unicode.Scalar(try cursor.byte()))
        }
        guard let value = Int(digits), digits == "0" || !digits.hasPrefix("0") else {
            throw expected("a whole number of at most 63 bits")
        }
        return value
    }

    private mutating func string() throws(WeightsError) -> String {
        try require("\"")
        var utf8: [UInt8] = []
        while true {
            let byte = try cursor.byte()
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: utf8, as: UTF8.self) else { throw expected("text in UTF-8") }
                return text
            case UInt8(ascii: "\\"): utf8 += try escape()
            case 0..<0x20: throw expected("text without control characters")
            default: utf8.append(byte)
            }
        }
    }

    /// The UTF-8 bytes of an escape, after its backslash.
    private mutating func escape() throws(WeightsError) -> [UInt8] {
        switch Unicode.Scalar(try cursor.byte()) {
        case "\"": [0x22]
        case "\\": [0x5C]
        case "/": [0x2F]
        case "b": [0x08]
        case "f": [0x0C]
        case "n": [0x0A]
        case "r": [0x0D]
        case "t": [0x09]
        case "u": try unicodeEscape()
        default: throw expected("an escape of JSON")
        }
    }

    private mutating func unicodeEscape() throws(WeightsError) -> [UInt8] {
        var units = [try hexadecimalUnit()]
        if UTF16.isLeadSurrogate(units[0]) {
            guard try cursor.byte() == UInt8(ascii: "\\"), try cursor.byte() == UInt8(ascii: "u") else {
                throw expected("the second half of a surrogate pair")
            }
            units.append(try hexadecimalUnit())
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw expected("a Unicode character") }
        return Array(text.utf8)
    }

    private mutating func hexadecimalUnit() throws(WeightsError) -> UInt16 {
        let digits = try cursor.text(4)
        guard digits.utf8.first != UInt8(ascii: "+"), let unit = UInt16(digits, radix: 16) else {
            throw expected("four hexadecimal digits")
        }
        return unit
    }

    private mutating func require(_ character: Unicode.Scalar) throws(WeightsError) {
        skipWhitespace()
        guard try cursor.byte() == UInt8(ascii: character) else { throw expected("'\(character)'") }
    }

    private mutating func skipWhitespace() {
        while let byte = cursor.next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { cursor.skip() }
    }

    private func expected(_ what: String) -> WeightsError {
        WeightsError(.malformed, "the safetensors header is malformed near byte \(cursor.position): expected \(what)")
    }
}
