public import Foundation

/// Where a row's leaf stands: the writer, its seal, and the leaf's index under that seal.
public struct LeafPosition: Sendable, Equatable {
    public let writer: UUID
    public let seal: Int64
    public let leaf: Int32

    public init(writer: UUID, seal: Int64, leaf: Int32) {
        self.writer = writer
        self.seal = seal
        self.leaf = leaf
    }
}

/// The root over one transaction's leaves, chained to the same writer's seal before.
public struct Seal: Sendable, Equatable {
    public let writer: UUID
    public let number: Int64
    /// The seal before in the chain; nil for number 0.
    public let previous: [UInt8]?
    public let leafCount: Int
    public let root: [UInt8]
    public let value: [UInt8]
}

/// The seals of one writer. A writer is one database connection: it draws a random name and never shares it.
///
/// A seal counts only once its transaction has committed: `next` does not move the chain, `advance` does.
public struct SealChain {
    public let writer: UUID
    public private(set) var nextNumber: Int64 = 0
    private var last: [UInt8]?

    public init(writer: UUID = UUID()) {
        self.writer = writer
    }

    /// The seal over `leaves` (row digests, 32 bytes each, the event's first) that would come next.
    public func next(over leaves: [[UInt8]], hash: Hash) throws(HashingError) -> Seal {
        let root = try MerkleTree(hash: hash).root(over: leaves)
        var bytes = Array("sentinode.seal.v1".utf8)
        withUnsafeBytes(of: writer.uuid) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: nextNumber.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: last ?? [UInt8](repeating: 0, count: 32))
        withUnsafeBytes(of: Int64(leaves.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: root)
        return Seal(
            writer: writer, number: nextNumber, previous: last, leafCount: leaves.count, root: root,
            value: try hash.digest(of: bytes))
    }

    /// Called when the transaction that stored `seal` has committed.
    public mutating func advance(past seal: Seal) {
        last = seal.value
        nextNumber = seal.number + 1
    }
}
