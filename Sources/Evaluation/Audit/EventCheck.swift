import AuditTrail
import Database
import Foundation

/// Holds one event after another against its seal, and its rows against its leaves.
struct EventCheck {
    private let tables: [StampedTable]
    private let erasures: [LeafPlace: ErasedRemainder]
    private let hash: Hash
    private var tree: DigestTree
    private(set) var findings = FindingList()
    /// Rows that an erasure has cleared.
    private(set) var erased = 0

    init(tables: [StampedTable], erasures: [LeafPlace: ErasedRemainder], hash: Hash) {
        (self.tables, self.erasures, self.hash) = (tables, erasures, hash)
        tree = DigestTree(hash: hash)
    }

    /// Whether a seal is the hash of its own fields.
    func isWhole(_ seal: StoredSeal) throws -> Bool {
        guard let count = seal.leafCount, let root = seal.root, (seal.previous == nil) == (seal.position.seal == 0)
        else { return false }
        try sealHead.withUnsafeBytes { try hash.update($0) }
        try withUnsafeBytes(of: seal.position.writer.uuid) { try hash.update($0) }
        try withUnsafeBytes(of: seal.position.seal.bigEndian) { try hash.update($0) }
        try hash.update(seal.previous ?? .zero)
        try withUnsafeBytes(of: Int64(count).bigEndian) { try hash.update($0) }
        try hash.update(root)
        return try hash.finalizeDigest() == seal.value
    }

    /// An event that does not give its seal's root has changed, and then its leaves say nothing about rows.
    mutating func check(
        _ event: StoredEvent, _ rows: ArraySlice<StoredLeaf>, under seal: StoredSeal, isWhole: Bool
    ) throws {
        if isWhole {
            let root = try tree.root(over: event.digest, event.leaves)
            guard root == seal.root, Int(seal.leafCount ?? 0) == 1 + event.leaves.count else {
                return findings.add(AuditFinding(.eventChanged, position: event.position, at: event.at))
            }
        }
        compare(rows, with: event)
    }

    /// Rows are sorted by leaf; each leaf must have exactly its row, and each row its leaf.
    private mutating func compare(_ rows: ArraySlice<StoredLeaf>, with event: StoredEvent) {
        var rest = rows
        for (leaf, digest) in zip(Int32(1)..., event.leaves) {
            while let row = rest.first, (row.leaf ?? .min) < leaf {
                report(row, .rowWithoutLeaf, event)
                rest.removeFirst()
            }
            let claimants = rest.prefix { $0.leaf == leaf }
            rest = rest[claimants.endIndex...]
            if claimants.count == 1, claimants[claimants.startIndex].digest == digest { continue }
            settle(leaf, digest, claimants, event)
        }
        for row in rest { report(row, .rowWithoutLeaf, event) }
    }

    private mutating func settle(
        _ leaf: Int32, _ digest: Digest, _ claimants: ArraySlice<StoredLeaf>, _ event: StoredEvent
    ) {
        guard let first = claimants.first else {
            return findings.add(AuditFinding(.rowMissing, position: event.position, leaf: leaf, at: event.at))
        }
        let owner = claimants.first { $0.digest == digest } ?? claimants.first { erasure(of: $0) != nil } ?? first
        var isOwnerMet = false
        for row in claimants {
            if !isOwnerMet, row.table == owner.table, row.digest == owner.digest {
                isOwnerMet = true
                judge(row, digest, event)
            } else {
                report(row, .rowWithoutLeaf, event)
            }
        }
    }

    private mutating func judge(_ row: StoredLeaf, _ digest: Digest, _ event: StoredEvent) {
        if row.digest == digest { return }
        guard let erasure = erasure(of: row) else {
            return report(row, row.hasSalt ? .rowChanged : .rowErasedWithoutEvent, event)
        }
        erased += 1
        if erasure.remainder != row.digest { report(row, .rowChanged, event) }
    }

    /// Without its salt nobody can compute the digest again: the leaf stays as what was sealed. An erasure clears all that
    /// it names, so that its name covers nothing else.
    private func erasure(of row: StoredLeaf) -> ErasedRemainder? {
        guard !row.hasSalt, !row.holdsErasable, let leaf = row.leaf,
            let erasure = erasures[LeafPlace(position: row.position, leaf: leaf)],
            erasure.relation == tables[row.table].name
        else { return nil }
        return erasure
    }

    /// Rows under a seal that does not exist.
    mutating func report(strays rows: ArraySlice<StoredLeaf>) {
        for row in rows { report(row, .rowWithoutLeaf, nil) }
    }

    private mutating func report(_ row: StoredLeaf, _ kind: AuditFinding.Kind, _ event: StoredEvent?) {
        var finding = AuditFinding(
            kind, table: tables[row.table].name, position: row.position, leaf: row.leaf, at: event?.at)
        finding.digest = row.digest
        findings.add(finding)
    }
}

private let sealHead = Array("sentinode.seal.v1".utf8)
