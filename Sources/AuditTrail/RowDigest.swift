public import Foundation

/// The value of one column, as its digest sees it. NULL columns are left out of a digest.
public enum ColumnValue: Sendable, Equatable {
    case boolean(Bool)
    /// smallint, integer and bigint alike.
    case integer(Int64)
    case real(Float)
    case double(Double)
    case text(String)
    case bytes([UInt8])
    case uuid(UUID)
    /// Microseconds since 1970-01-01 00:00 UTC.
    case timestamp(Int64)
}

/// One column of a row.
public struct Column: Sendable, Equatable {
    public let name: String
    public let value: ColumnValue

    public init(_ name: String, _ value: ColumnValue) {
        self.name = name
        self.value = value
    }
}

/// The bytes that stand for a row in the audit trail.
///
/// `sentinode.row.v1`, the table's qualified name, then every column that is not NULL, sorted by the bytes of its name:
/// name, type tag, value. Name, table and value are each preceded by their length in 4 bytes; numbers are big-endian,
/// floats their IEEE 754 bits. JSON enters as the text column it came in (`..._source`), never as jsonb.
public struct RowEncoding {
    public private(set) var bytes: [UInt8]

    /// Columns in any order; each name once.
    public init(table: String, columns: [Column]) {
        bytes = Array("sentinode.row.v1".utf8)
        bytes.reserveCapacity(2048)
        appendCounted(table)
        if RowEncoding.isSorted(columns) {
            for column in columns { append(column) }
        } else {
            for column in columns.sorted(by: RowEncoding.precedes) { append(column) }
        }
    }

    private static func precedes(_ left: Column, _ right: Column) -> Bool {
        left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }

    private static func isSorted(_ columns: [Column]) -> Bool {
        zip(columns, columns.dropFirst()).allSatisfy { precedes($0, $1) }
    }

    private mutating func append(_ column: Column) {
        appendCounted(column.name)
        switch column.value {
        case .boolean(let value): append(tag: "b", [value ? 1 : 0])
        case .integer(let value): append(tag: "i", bigEndian: UInt64(bitPattern: value))
        case .real(let value): append(tag: "f", bigEndian: value.bitPattern)
        case .double(let value): append(tag: "d", bigEndian: value.bitPattern)
        case .text(let value):
            bytes.append(UInt8(ascii: "t"))
            appendCounted(value)
        case .bytes(let value): append(tag: "y", value)
        case .uuid(let value): withUnsafeBytes(of: value.uuid) { append(tag: "u", $0) }
        case .timestamp(let value): append(tag: "z", bigEndian: UInt64(bitPattern: value))
        }
    }

    private mutating func append(tag: Unicode.Scalar, _ value: some Collection<UInt8>) {
        bytes.append(UInt8(ascii: tag))
        append(bigEndian: UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func append(tag: Unicode.Scalar, bigEndian value: some FixedWidthInteger) {
        bytes.append(UInt8(ascii: tag))
        append(bigEndian: UInt32(value.bitWidth / 8))
        append(bigEndian: value)
    }

    private mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private mutating func appendCounted(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            append(bigEndian: UInt32(utf8.count))
            bytes.append(contentsOf: utf8)
        }
    }
}
