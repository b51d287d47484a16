extension String: BinaryValue {
    static let type: UInt32 = 25
    static let arrayType: UInt32 = 1009
    static let typeName = "text"

    func write(to bytes: inout [UInt8]) throws(ValueRefusal) {
        let start = bytes.count
        bytes.append(contentsOf: utf8)
        guard !bytes[start...].contains(0) else {
            throw ValueRefusal(sqlstate: "22021", reason: "contains the character NUL, which PostgreSQL cannot store")
        }
    }

    /// text, "char", name, json, xml, varchar, char(n), unknown; and enumerations, whose numbers start at 16384.
    static func reads(_ type: UInt32) -> Bool {
        [25, 18, 19, 114, 142, 1042, 1043, 705, JSONBText.type].contains(type) || type >= 16_384
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> String? {
        guard type == JSONBText.type else { return String(validating: bytes, as: UTF8.self) }
        guard bytes.first == JSONBText.version else { return nil }
        return String(validating: bytes.dropFirst(), as: UTF8.self)
    }
}

/// A text sent as json; checked by PostgreSQL.
struct JSONText: BinaryValue {
    static let type: UInt32 = 114
    static let arrayType: UInt32 = 199
    static let typeName = "json"
    let text: String

    func write(to bytes: inout [UInt8]) throws(ValueRefusal) {
        try text.write(to: &bytes)
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> JSONText? {
        String.read(bytes, type: type).map { JSONText(text: $0) }
    }
}

/// A text sent as jsonb, whose binary form is a version byte and the text.
struct JSONBText: BinaryValue {
    static let type: UInt32 = 3802
    static let arrayType: UInt32 = 3807
    static let typeName = "jsonb"
    static let version: UInt8 = 1
    let text: String

    func write(to bytes: inout [UInt8]) throws(ValueRefusal) {
        bytes.append(Self.version)
        try text.write(to: &bytes)
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> JSONBText? {
        String.read(bytes, type: type).map { JSONBText(text: $0) }
    }
}
