import FoundationEssentials

/// Why a value cannot be sent; it says nothing about the value itself.
struct ValueRefusal: Error {
    let sqlstate: String
    let reason: String
}

/// A type whose binary form PostgreSQL and this program share (`typsend` and `typreceive` of PostgreSQL's catalogue).
///
/// Types are numbered by `pg_type.oid`, which is the same in every database for built-in types.
protocol BinaryValue {
    static var type: UInt32 { get }
    static var arrayType: UInt32 { get }
    static var typeName: String { get }
    func write(to bytes: inout [UInt8]) throws(ValueRefusal)
    /// Whether a column of this type can be read without loss.
    static func reads(_ type: UInt32) -> Bool
    /// Nil when the bytes are not what the type sends, or are outside of what this program can hold.
    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Self?
}

extension BinaryValue {
    static func reads(_ type: UInt32) -> Bool { type == Self.type }
}

extension [UInt8] {
    mutating func append(bigEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    mutating func overwrite(at position: Int, bigEndian number: Int32) {
        Swift.withUnsafeBytes(of: number.bigEndian) { new in
            withUnsafeMutableBytes { $0[position..<position + 4].copyBytes(from: new) }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The number that fills the whole buffer, or nil.
    func bigEndian<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number? {
        guard count == MemoryLayout<Number>.size else { return nil }
        return Number(bigEndian: loadUnaligned(as: Number.self))
    }
}

extension Bool: BinaryValue {
    static let type: UInt32 = 16
    static let arrayType: UInt32 = 1000
    static let typeName = "boolean"

    func write(to bytes: inout [UInt8]) {
        bytes.append(self ? 1 : 0)
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Bool? {
        bytes.count == 1 ? bytes[0] != 0 : nil
    }
}

/// smallint, integer and bigint; a narrower column can be read as a wider number.
protocol BinaryInteger: BinaryValue, FixedWidthInteger {}

extension BinaryInteger {
    func write(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: self)
    }

    static func reads(_ type: UInt32) -> Bool {
        switch type {
        case Int16.type: true
        case Int32.type: bitWidth >= 32
        case Int64.type, 26: bitWidth == 64  // 26 is oid, an unsigned number of 32 bits
        default: false
        }
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Self? {
        switch type {
        case Int16.type: bytes.bigEndian(Int16.self).map { Self($0) }
        case Int32.type: bytes.bigEndian(Int32.self).map { Self($0) }
        case Int64.type: bytes.bigEndian(Int64.self).map { Self($0) }
        default: bytes.bigEndian(UInt32.self).map { Self($0) }
        }
    }
}

extension Int16: BinaryInteger {
    static let type: UInt32 = 21
    static let arrayType: UInt32 = 1005
    static let typeName = "smallint"
}

extension Int32: BinaryInteger {
    static let type: UInt32 = 23
    static let arrayType: UInt32 = 1007
    static let typeName = "integer"
}

extension Int64: BinaryInteger {
    static let type: UInt32 = 20
    static let arrayType: UInt32 = 1016
    static let typeName = "bigint"
}

extension Float: BinaryValue {
    static let type: UInt32 = 700
    static let arrayType: UInt32 = 1021
    static let typeName = "real"

    func write(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: bitPattern)
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Float? {
        bytes.bigEndian(UInt32.self).map { Float(bitPattern: $0) }
    }
}

extension Double: BinaryValue {
    static let type: UInt32 = 701
    static let arrayType: UInt32 = 1022
    static let typeName = "double precision"

    func write(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: bitPattern)
    }

    static func reads(_ type: UInt32) -> Bool { type == Double.type || type == Float.type }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Double? {
        type == Float.type
            ? Float.read(bytes, type: type).map { Double($0) }
            : bytes.bigEndian(UInt64.self).map { Double(bitPattern: $0) }
    }
}

extension [UInt8]: BinaryValue {
    static let type: UInt32 = 17
    static let arrayType: UInt32 = 1001
    static let typeName = "bytea"

    func write(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: self)
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> [UInt8]? {
        [UInt8](bytes)
    }
}

extension UUID: BinaryValue {
    static let type: UInt32 = 2950
    static let arrayType: UInt32 = 2951
    static let typeName = "uuid"

    func write(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) }
    }

    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> UUID? {
        guard bytes.count == 16 else { return nil }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}

extension Timestamp: BinaryValue {
    static let type: UInt32 = 1184
    static let arrayType: UInt32 = 1185
    static let typeName = "timestamp with time zone"

    /// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970-01-01.
    private static let epoch: Int64 = 946_684_800_000_000

    func write(to bytes: inout [UInt8]) throws(ValueRefusal) {
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epoch)
        // The smallest number means minus infinity.
        guard !overflow, value != .min else {
            throw ValueRefusal(sqlstate: "22008", reason: "is a time before 4713 BC")
        }
        bytes.append(bigEndian: value)
    }

    /// Infinity, and the last 50 years before 294276 AD, do not fit and are nil.
    static func read(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Timestamp? {
        guard let value = bytes.bigEndian(Int64.self), value != .min, value != .max else { return nil }
        let (microseconds, overflow) = value.addingReportingOverflow(epoch)
        return overflow ? nil : Timestamp(microseconds: microseconds)
    }
}
