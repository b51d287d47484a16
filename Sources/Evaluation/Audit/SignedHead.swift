public import Foundation

/// The newest seal of one writer's chain, as a checkpoint names it.
public struct SignedHead: Sendable, Equatable {
    public let writer: UUID
    /// Position in the chain, from 0.
    public let number: Int64
    public let seal: [UInt8]

    /// Bytes of one head, packed.
    static let size = 56

    init(writer: UUID, number: Int64, seal: [UInt8]) {
        self.writer = writer
        self.number = number
        self.seal = seal
    }

    /// Writer, number (big-endian) and seal: a leaf of the checkpoint's tree, and what the database stores.
    var packed: [UInt8] {
        var bytes = withUnsafeBytes(of: writer.uuid) { Array($0) }
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        return bytes + seal
    }

    /// Reads what `packed` wrote; nil where it is not `size` bytes.
    init?(packed bytes: ArraySlice<UInt8>) {
        guard bytes.count == SignedHead.size else { return nil }
        let (first, middle) = (bytes.startIndex, bytes.startIndex + 16)
        writer = bytes[first..<middle].withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
        number = bytes[middle..<middle + 8].reduce(0) { $0 << 8 | Int64($1) }
        seal = Array(bytes[(middle + 8)...])
    }

    /// Reads any number of heads, one after another.
    static func all(packed bytes: [UInt8]) -> [SignedHead]? {
        guard bytes.count % size == 0 else { return nil }
        return stride(from: 0, to: bytes.count, by: size).compactMap { SignedHead(packed: bytes[$0..<$0 + size]) }
    }
}

extension UUID {
    /// None lies before it.
    static let lowest = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
}
