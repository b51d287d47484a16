/// A SHA-256 as a plain value: millions of them are compared and kept while a trail is verified.
public struct Digest: Sendable, Hashable {
    /// The 32 bytes as they lie in memory.
    let words: SIMD4<UInt64>

    init(words: SIMD4<UInt64>) {
        self.words = words
    }

    /// nil unless there are 32 bytes.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Digest.size else { return nil }
        words = bytes.loadUnaligned(as: SIMD4<UInt64>.self)
    }

    /// Its length in bytes.
    public static let size = 32
    /// What stands for the seal before the first.
    public static let zero = Digest(words: .zero)

    public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }
}

/// Merkle tree hashing as `MerkleTree` does it, over digests that lie one after another.
public struct DigestTree {
    private let hash: Hash
    private var level: [Digest] = []

    public init(hash: Hash) {
        self.hash = hash
    }

    /// The root over a first leaf and those behind it.
    public mutating func root(over first: Digest, _ others: some Collection<Digest>) throws(HashingError) -> Digest {
        level.removeAll(keepingCapacity: true)
        level.append(try node(0, first, nil))
        for leaf in others { level.append(try node(0, leaf, nil)) }
        var count = level.count
        while count > 1 {
            for pair in 0..<(count / 2) {
                level[pair] = try node(1, level[2 * pair], level[2 * pair + 1])
            }
            // An odd last node rises as it is.
            if count % 2 == 1 { level[count / 2] = level[count - 1] }
            count = (count + 1) / 2
        }
        return level[0]
    }

    /// SHA-256 over a prefix byte and one or two digests.
    private func node(_ prefix: UInt8, _ left: Digest, _ right: Digest?) throws(HashingError) -> Digest {
        try withUnsafeBytes(of: prefix) { bytes throws(HashingError) in try hash.update(bytes) }
        try hash.update(left)
        if let right { try hash.update(right) }
        return try hash.finalizeDigest()
    }
}
