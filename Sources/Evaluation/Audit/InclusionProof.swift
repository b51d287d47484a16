import AuditTrail
import Database
import Foundation

/// Everything that a third party needs to see, with a hash tool alone, that a row is part of the record: from the row
/// through its leaf, the root, the seal and the chain to a signed checkpoint.
public struct InclusionProof {
    /// A later seal of the same chain, on the way to the one that a checkpoint names.
    struct Link {
        let number: Int64
        let leafCount: Int64
        let root: [UInt8]
        let seal: [UInt8]
    }

    /// The checkpoint that covers the seal, and the way from the chain's head to the root that it signs.
    struct Anchor {
        let checkpoint: Checkpoint
        let head: SignedHead
        let path: InclusionPath
    }

    let row: SealedRow
    let position: LeafPosition
    let digest: [UInt8]
    let leafCount: Int64
    let path: InclusionPath
    let root: [UInt8]
    let seal: [UInt8]
    /// nil for the first of its chain.
    let previous: [UInt8]?
    let links: [Link]
    /// nil where no checkpoint covers the seal yet.
    let anchor: Anchor?

    /// As one JSON object.
    public var json: String {
        JSONText.object([
            ("table", .string(row.table)),
            ("row", .object(row.columns.map { ($0.name, $0.value.json) })),
            ("encoding", .string(hexadecimal(row.encoding))),
            ("digest", .string(hexadecimal(digest))),
            ("writer", .string(position.writer.text)), ("number", .integer(position.seal)),
            ("leaf", .integer(Int64(position.leaf))), ("leaf_count", .integer(leafCount)),
            ("path", path.json), ("root", .string(hexadecimal(root))),
            ("previous", previous.map { .string(hexadecimal($0)) } ?? .null), ("seal", .string(hexadecimal(seal))),
            ("chain", .array(links.map(\.json))), ("checkpoint", anchor?.json ?? .null),
        ]).text
    }
}

extension InclusionPath {
    fileprivate var json: JSONText {
        .array(
            steps.map { step in
                switch step {
                case .left(let hash): .object([("left", .string(hexadecimal(hash)))])
                case .right(let hash): .object([("right", .string(hexadecimal(hash)))])
                }
            })
    }
}

extension InclusionProof.Link {
    fileprivate var json: JSONText {
        .object([
            ("number", .integer(number)), ("leaf_count", .integer(leafCount)), ("root", .string(hexadecimal(root))),
            ("seal", .string(hexadecimal(seal))),
        ])
    }
}

extension InclusionProof.Anchor {
    fileprivate var json: JSONText {
        .object([
            ("document", .string(checkpoint.document.text)), ("signature", .string(hexadecimal(checkpoint.signature))),
            ("head", .string(hexadecimal(head.packed))), ("path", path.json),
        ])
    }
}
