/// The way from one leaf of a Merkle tree to its root: RFC 9162, section 2.1.3.
public struct InclusionPath: Sendable, Equatable {
    /// A neighbour to hash with, and the side on which it stands.
    public enum Step: Sendable, Equatable {
        case left([UInt8])
        case right([UInt8])
    }

    public let steps: [Step]

    /// The path from `leaves[index]`. The leaves are those that `MerkleTree.root(over:)` is given.
    public init(to index: Int, over leaves: [[UInt8]], hash: Hash) throws(HashingError) {
        precondition(leaves.indices.contains(index))
        var steps: [Step] = []
        var level: [[UInt8]] = []
        for leaf in leaves { level.append(try hash.digest(of: [0] + leaf)) }
        var position = index
        while level.count > 1 {
            // An odd last node rises as it is, without a neighbour.
            if position % 2 == 1 {
                steps.append(.left(level[position - 1]))
            } else if position + 1 < level.count {
                steps.append(.right(level[position + 1]))
            }
            var above: [[UInt8]] = []
            for left in stride(from: 0, to: level.count, by: 2) {
                let isPair = left + 1 < level.count
                above.append(isPair ? try hash.digest(of: [1] + level[left] + level[left + 1]) : level[left])
            }
            level = above
            position /= 2
        }
        self.steps = steps
    }

    /// The root that the path leads to from this leaf.
    public func root(from leaf: [UInt8], hash: Hash) throws(HashingError) -> [UInt8] {
        var node = try hash.digest(of: [0] + leaf)
        for step in steps {
            switch step {
            case .left(let neighbour): node = try hash.digest(of: [1] + neighbour + node)
            case .right(let neighbour): node = try hash.digest(of: [1] + node + neighbour)
            }
        }
        return node
    }
}
