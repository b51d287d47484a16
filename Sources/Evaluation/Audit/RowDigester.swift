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
        /// Whether something stands where an erasure would have cleared it.
        var holdsErasable: Bool
        var digest: Digest
    }

    /// What a column is to the verification, beside being digested.
    private enum Part { case writer, seal, leaf, salt, leaves, occurredAt, other }

    private struct Field {
        /// Length of the name, the name, the type tag.
        let prefix: [UInt8]
        let kind: AuditedTable.Kind
        let part: Part
        let isErasable: Bool
    }

    private let table: StampedTable
    private let fields: [Field]
    private let hash: Hash
    private let encoding = EncodingBuffer()
    private let headSize: Int
    /// Of the last row, where it is an event: its leaves and time. Valid until the next row.
    private(set) var leaves: [Digest]?
    private(set) var occurredAt: Timestamp?

    init(_ table: StampedTable, hash: Hash) {
        self.table = table
        self.hash = hash
        let erasable = Erasable.columns(of: table.name)
        fields = table.columns.map { column in
            let name = Array(column.name.utf8)
            return Field(
                prefix: bigEndian(UInt32(name.count)) + name + [column.kind.tag], kind: column.kind,
                part: RowDigester.part(column.name, isEvent: table.isEvents), isErasable: erasable.contains(column.name)
            )
        }
        encoding.append(Array("sentinode.row.v1".utf8))
        encoding.append(bigEndian(UInt32(table.name.utf8.count)) + Array(table.name.utf8))
        headSize = encoding.count
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
        encoding.cut(to: headSize)
        var writer: UUID?
        var seal: Int64?
        var leaf: Int32?
        var (hasSalt, holdsErasable) = (false, false)
        leaves = nil
        occurredAt = nil
        for field in fields {
            guard let value = try row.next() else { continue }
            switch field.part {
            case .writer: writer = uuid(value)
            case .seal: seal = number(value)
            case .leaf: leaf = number(value)
            case .salt: hasSalt = true
            case .leaves: leaves = digests(value)
            case .occurredAt: occurredAt = time(value)
            case .other: break
            }
            if field.isErasable { holdsErasable = true }
            append(value, field)
        }
        try hash.update(encoding.bytes)
        let digest = try hash.finalizeDigest()
        guard let writer, let seal else { return nil }
        return Stamped(
            position: EventPosition(writer: writer, seal: seal), leaf: table.isEvents ? 0 : leaf, hasSalt: hasSalt,
            holdsErasable: holdsErasable, digest: digest)
    }

    private func append(_ value: UnsafeRawBufferPointer, _ field: Field) {
        encoding.append(field.prefix)
        switch field.kind {
        case .smallint: appendNumber(number(value, as: Int16.self).map { Int64($0) }, value)
        case .integer: appendNumber(number(value, as: Int32.self).map { Int64($0) }, value)
        case .timestamptz: appendNumber(number(value, as: Int64.self).map { $0 &+ microsecondsTo2000 }, value)
        case .boolean, .bigint, .real, .double, .text, .bytea, .uuid: appendCounted(value)
        }
    }

    /// A value of another length than its type's is not one of ours; its digest then differs, as it should.
    private func appendNumber(_ number: Int64?, _ value: UnsafeRawBufferPointer) {
        guard let number else { return appendCounted(value) }
        encoding.append(bigEndian: UInt32(8))
        encoding.append(bigEndian: UInt64(bitPattern: number))
    }

    private func appendCounted(_ value: UnsafeRawBufferPointer) {
        encoding.append(bigEndian: UInt32(value.count))
        encoding.append(value)
    }
}

/// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970-01-01.
private let microsecondsTo2000: Int64 = 946_684_800_000_000

private func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// nil for the infinities, which are no times.
private func time(_ value: UnsafeRawBufferPointer) -> Timestamp? {
    guard let time = number(value, as: Int64.self), time != .min, time != .max else { return nil }
    return Timestamp(microseconds: time &+ microsecondsTo2000)
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

/// Bytes that are written again for every row, without allocating again.
private final class EncodingBuffer {
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    private(set) var count = 0

    deinit { memory.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    func cut(to count: Int) { self.count = count }

    func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    func append(bigEndian value: some FixedWidthInteger) { withUnsafeBytes(of: value.bigEndian) { append($0) } }

    func append(_ bytes: UnsafeRawBufferPointer) {
        if count + bytes.count > memory.count { grow(to: count + bytes.count) }
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    private func grow(to size: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 2 * memory.count), alignment: 16)
        larger.copyMemory(from: bytes)
        memory.deallocate()
        memory = larger
    }
}
