import Testing

@testable import AuditTrail

struct DigestTests {
    @Test(arguments: 1...70)
    func `the tree over plain digests has the root of the tree over bytes`(count: Int) throws {
        let leaves = try (0..<count).map { try Hash.sha256([UInt8($0)]) }
        let digests = leaves.compactMap { leaf in leaf.withUnsafeBytes { Digest($0) } }
        var tree = DigestTree(hash: try Hash())
        let root = try tree.root(over: digests[0], digests.dropFirst())
        #expect(try root.bytes == MerkleTree(hash: Hash()).root(over: leaves))
        let alone = try tree.root(over: digests[0], [])
        #expect(try alone.bytes == MerkleTree(hash: Hash()).root(over: [leaves[0]]))
    }

    @Test func `only 32 bytes are a digest`() {
        for count in [0, 31, 33] {
            #expect([UInt8](repeating: 1, count: count).withUnsafeBytes { Digest($0) } == nil)
        }
        #expect([UInt8](repeating: 0, count: 32).withUnsafeBytes { Digest($0) } == .zero)
    }
}
