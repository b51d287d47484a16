import AuditTrail
import Foundation

/// Whether the stored checkpoints follow one another, from the first to the last.
struct CheckpointChain {
    private(set) var findings: [AnchorFinding] = []
    /// Numbers that are not stored although they must have been, each range once.
    private(set) var gaps: [ClosedRange<Int64>] = []
    /// Numbers that a signed restoration explains.
    private(set) var restored: [(numbers: ClosedRange<Int64>, by: CheckpointDocument)] = []
    /// The newest head of every chain, as the checkpoints name them one after the other.
    private var newest: [UUID: Int64] = [:]

    /// The number of the one looked at last, and its document where it can be trusted.
    private var last: Int64 = 0
    private var before: CheckpointDocument?

    /// `stored` sorted by number; what cannot be trusted only takes its place.
    init(_ stored: [Checkpoint], _ trust: CheckpointTrust) throws {
        for checkpoint in stored {
            let document = checkpoint.document
            let isTrusted = try trust.contains(checkpoint)
            if isTrusted {
                if !checkpoint.isSigned { report(.checkpointBroken, document, "has a signature that is not its key's") }
                if try !checkpoint.matchesHeads() {
                    report(.checkpointBroken, document, "has other heads than those it was signed over")
                }
                try follow(document)
                count(checkpoint)
            }
            (last, before) = (document.number, isTrusted ? document : nil)
        }
    }

    private mutating func follow(_ document: CheckpointDocument) throws {
        if let restoration = document.restoration {
            if restoration.base?.digest != (try before?.digest()) {
                report(.checkpointBroken, document, "was restored on another checkpoint than the one before it here")
            }
            if document.number > last + 1 { restored.append((last + 1...document.number - 1, document)) }
            return
        }
        if document.number > last + 1 { gaps.append(last + 1...document.number - 1) }
        guard document.number == last + 1 else { return }
        if document.previous != (try before?.digest()) {
            report(.checkpointBroken, document, "does not follow checkpoint \(last) as it is stored")
        }
        if let before, document.key != before.nextSigner {
            report(
                .checkpointUntrusted, document,
                "is signed by key \(hexadecimal(document.key.prefix(8)))..., to which checkpoint \(last) did not hand over"
            )
        }
    }

    /// Holds the totals against the heads, which say how far every chain has come.
    private mutating func count(_ checkpoint: Checkpoint) {
        let document = checkpoint.document
        var (chains, seals) = (before?.chains ?? 0, before?.seals ?? 0)
        for head in checkpoint.heads ?? [] {
            let known = newest.updateValue(head.number, forKey: head.writer)
            chains += known == nil ? 1 : 0
            // Heads that were not signed may hold any number.
            seals &+= head.number &- (known ?? -1)
            if let known, known >= head.number {
                report(.checkpointBroken, document, "lets the chain of \(head.writer.text) grow backwards")
            }
        }
        // Behind one that is missing or not to be trusted the totals cannot be known.
        let isComparable =
            before.map { $0.number + 1 == document.number || document.restoration != nil }
            ?? (document.number == 1 || document.restoration != nil)
        if isComparable, (chains, seals) != (document.chains, document.seals) {
            report(
                .checkpointBroken, document,
                "counts \(document.chains) chains of \(document.seals) seals, and its heads make \(chains) of \(seals): "
                    + "seals were removed before they were signed")
        }
    }

    private mutating func report(_ code: AnchorFinding.Code, _ document: CheckpointDocument, _ what: String) {
        findings.append(AnchorFinding(code, "checkpoint \(document.number) of \(document.signedAt) \(what)"))
    }
}
