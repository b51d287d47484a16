import AuditTrail
import Database
import Foundation

/// Recomputes the digests of one table's rows from what COPY sends, which is nearly what digests cover.
///
/// Both write a value big-endian behind its length in 4 bytes; a digest has the column's name and a type tag before it,
/// leaves NULL out, makes every whole number 8 bytes wide, and counts time from 1970 instead of 2000.
final class RowDigester {
    /// One row: where it says that its leaf stands, and its digest.
    struct Stamped {
        var position: EventPosition
        var leaf: Int32?
        var hasSalt: Bool
        /// Whether all that an erasure clears is NULL, in a table whose rows can be erased.
        var isCleared: Bool
        var digest: Digest
    }

    /// What a column is to the verification, beside being digested.
    private enum Part { case writer, seal, leaf, salt, leaves, occurredAt, other }

    private struct Field {
        /// Where in `template` its prefix lies: length of the name, the name, the type tag.
        let prefix: Range<Int>
        let kind: AuditedTable.Kind
        let part: Part
        /// Whether an erasure clears it.
        let isErasable: Bool
    }

    private let table: StampedTable
    private let fields: [Field]
    private let canBeErased: Bool
    private let hash: Hash
    /// What every row begins with, then the prefixes of all fields.
    private let template: [UInt8]
    private let headSize: Int
    private let encoding = RowBuffer()
    /// Of the last row, where it is an event: its leaves and time. Valid until the next row.
    private(set) var leaves: [Digest]?
    private(set) var occurredAt: Timestamp?

    init(_ table: StampedTable, hash: Hash) {
        self.table = table
        self.hash = hash
        canBeErased = ErasedColumns.list(of: table.name) != nil
        let erasable = ErasedColumns.names(of: table.name)
        var template = Array("sentinode.row.v1".utf8) + counted(table.name)
        headSize = template.count
        fields = table.columns.map { column in
            let start = template.count
            template += counted(column.name) + [column.kind.tag]
            return Field(
                prefix: start..<template.count, kind: column.kind,
                part: RowDigester.part(column.name, isEvent: table.isEvents),
                isErasable: erasable.contains(column.name))
        }
        self.template = template
    }

    private static func part(_ column: String, isEvent: Bool) -> Part {
        switch column {
        case "writer": .writer
        case "seal": .seal
        case "leaf": .leaf
        case "salt": .salt
        case "leaves" where isEvent: .leaves
        case "occurred_at" where isEvent: .occurredAt
        default: .other
        }
    }

    /// Reads the table's columns from the row; nil where writer or seal is NULL, so that no leaf can be its.
    func read(_ row: inout CopiedRow) throws -> Stamped? {
        var writer: UUID?
        var seal: Int64?
        var leaf: Int32?
        var hasSalt = false
        var isCleared = canBeErased
        var leaves: [Digest]?
        var occurredAt: Timestamp?
        // A value becomes at most six bytes longer, where a smallint is written as 8 bytes.
        var output = encoding.writer(room: template.count + row.size + fields.count * 6)
        try template.withUnsafeBytes { template in
            output.append(template[..<headSize])
            for field in fields {
                guard let value = try row.next() else { continue }
                if field.isErasable { isCleared = false }
                switch field.part {
                case .writer: writer = uuid(value)
                case .seal: seal = number(value)
                case .leaf: leaf = number(value)
                case .salt: hasSalt = true
                case .leaves: leaves = digests(value)
                case .occurredAt: occurredAt = number(value).map { Timestamp(microseconds: $0 &+ microsecondsTo2000) }
                case .other: break
                }
                output.append(template[field.prefix])
                output.append(value, field.kind)
            }
        }
        (self.leaves, self.occurredAt) = (leaves, occurredAt)
        try hash.update(output.bytes)
        let digest = try hash.finalizeDigest()
        guard let writer, let seal else { return nil }
        return Stamped(
            position: EventPosition(writer: writer, seal: seal), leaf: table.isEvents ? 0 : leaf, hasSalt: hasSalt,
            isCleared: isCleared, digest: digest)
    }
}

/// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970-01-01.
private let microsecondsTo2000: Int64 = 946_684_800_000_000

private func counted(_ name: String) -> [UInt8] {
    withUnsafeBytes(of: UInt32(name.utf8.count).bigEndian) { Array($0) } + Array(name.utf8)
}

/// The number that fills the whole value; nil where it has another size.
func number<Number: FixedWidthInteger>(_ value: UnsafeRawBufferPointer, as _: Number.Type = Number.self) -> Number? {
    guard value.count == MemoryLayout<Number>.size else { return nil }
    return Number(bigEndian: value.loadUnaligned(as: Number.self))
}

func uuid(_ value: UnsafeRawBufferPointer) -> UUID? {
    value.count == 16 ? UUID(uuid: value.loadUnaligned(as: uuid_t.self)) : nil
}

/// Digests that lie one after another; nil where the last is not whole.
private func digests(_ value: UnsafeRawBufferPointer) -> [Digest]? {
    guard value.count % Digest.size == 0 else { return nil }
    return stride(from: 0, to: value.count, by: Digest.size).compactMap { start in
        Digest(UnsafeRawBufferPointer(rebasing: value[start..<start + Digest.size]))
    }
}

/// Memory that is written again for every row, without allocating again.
private final class RowBuffer {
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    deinit { memory.deallocate() }

    /// Begins a row of at most so many bytes. The writer is valid until the next row.
    func writer(room: Int) -> RowWriter {
        if room > memory.count {
            memory.deallocate()
            memory = .allocate(byteCount: max(room, 2 * memory.count), alignment: 16)
        }
        return RowWriter(memory)
    }
}

/// Writes the encoding of one row, field after field, into memory that has room for all of it.
private struct RowWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private var rest: UnsafeMutableRawBufferPointer

    init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
        rest = memory
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<(memory.count - rest.count)]) }

    mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) { append(UnsafeRawBufferPointer(rebasing: bytes)) }

    /// The value behind its length. One of another length than its type's is not one of ours; its digest then differs,
    /// as it should.
    mutating func append(_ value: UnsafeRawBufferPointer, _ kind: AuditedTable.Kind) {
        let wide: Int64?
        switch kind {
        case .smallint: wide = number(value, as: Int16.self).map { Int64($0) }
        case .integer: wide = number(value, as: Int32.self).map { Int64($0) }
        case .timestamptz: wide = number(value, as: Int64.self).map { $0 &+ microsecondsTo2000 }
        case .boolean, .bigint, .real, .double, .text, .bytea, .uuid: wide = nil
        }
        if let wide {
            append(bigEndian: UInt32(8))
            append(bigEndian: UInt64(bitPattern: wide))
        } else {
            append(bigEndian: UInt32(value.count))
            append(value)
        }
    }

    private mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { append($0) }
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        rest.copyMemory(from: bytes)
        rest = UnsafeMutableRawBufferPointer(rebasing: rest[bytes.count...])
    }
}
