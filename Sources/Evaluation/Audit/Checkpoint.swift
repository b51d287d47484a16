import AuditTrail
import Foundation

/// A signed statement of where every chain stands.
public struct Checkpoint: Sendable, Equatable {
    public let document: CheckpointDocument
    /// Ed25519, 64 bytes.
    public let signature: [UInt8]
    /// The heads of the chains that have grown since the checkpoint before, sorted by writer; nil where this copy was
    /// kept without them.
    public let heads: [SignedHead]?

    /// Whether the key that the document names has signed it.
    public var isSigned: Bool {
        VerifyingKey(bytes: document.key)?.verifies(signature, over: Array(document.text.utf8)) ?? false
    }

    /// Whether the heads are those that the document was signed over; true where this copy has none.
    public func matchesHeads() throws -> Bool {
        guard let heads else { return true }
        let isSorted = zip(heads, heads.dropFirst()).allSatisfy { $0.writer.text < $1.writer.text }
        return try isSorted && Int64(heads.count) == document.heads
            && Checkpoint.root(over: heads) == document.headsRoot
    }

    /// Merkle tree hash over the packed heads.
    static func root(over heads: [SignedHead]) throws -> [UInt8] {
        try MerkleTree(hash: Hash()).root(over: heads.map(\.packed))
    }

    /// As it stands in a file: the document, an empty line, the signature, the heads.
    public var text: String {
        var text = document.text + "\nsignature \(hexadecimal(signature))\n"
        for head in heads ?? [] { text += "head \(head.writer.text) \(head.number) \(hexadecimal(head.seal))\n" }
        return text
    }
}
