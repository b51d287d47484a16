/// Merkle tree hashing over row digests.
///
/// RFC 9162, section 2.1.1, with SHA-256: a leaf is hashed behind a zero byte, a pair behind a one byte, and the tree
/// splits at the largest power of two below the number of leaves.
public struct MerkleTree {
    private let hash: Hash

    public init(hash: Hash) {
        self.hash = hash
    }

    /// The root over at least one leaf; each leaf is 32 bytes.
    public func root(over leaves: [[UInt8]]) throws(HashingError) -> [UInt8] {
        var level: [[UInt8]] = []
        level.reserveCapacity(leaves.count)
        for leaf in leaves { level.append(try hash.digest(of: [0] + leaf)) }
        // Pairing neighbours level by level, an odd last node rising as it is, gives the RFC's recursive split.
        while level.count > 1 {
            var above: [[UInt8]] = []
            for left in stride(from: 0, to: level.count, by: 2) {
                let isPair = left + 1 < level.count
                above.append(isPair ? try hash.digest(of: [1] + level[left] + level[left + 1]) : level[left])
            }
            level = above
        }
        guard let root = level.first else { return try hash.digest(of: []) }
        return root
    }
}
