import AuditTrail

/// Which checkpoints can be trusted, starting from one public key.
///
/// A checkpoint counts when a trusted key has signed it, or when a checkpoint that counts names its digest as the one
/// before. A checkpoint that counts can hand over to the next key.
struct CheckpointTrust {
    private(set) var trusted: Set<[UInt8]> = []

    /// `checkpoints` in any order, from the database and from outside.
    init(in publicKey: VerifyingKey, over checkpoints: [Checkpoint]) throws {
        let byNumber = checkpoints.sorted { $0.document.number < $1.document.number }
        var keys: Set<[UInt8]> = [publicKey.bytes]
        for checkpoint in byNumber where keys.contains(checkpoint.document.key) && checkpoint.isSigned {
            trusted.insert(try checkpoint.document.digest())
            if let next = checkpoint.document.nextKey { keys.insert(next) }
        }
        for checkpoint in byNumber.reversed() where trusted.contains(try checkpoint.document.digest()) {
            if let previous = checkpoint.document.previous { trusted.insert(previous) }
            if let base = checkpoint.document.restoration?.base { trusted.insert(base.digest) }
        }
    }

    func contains(_ checkpoint: Checkpoint) throws -> Bool {
        trusted.contains(try checkpoint.document.digest())
    }
}
