public import AuditTrail
public import Database
import Foundation

/// Holds a database against checkpoints that were kept outside of it.
///
/// Finds what recomputing alone cannot: that the newest part was deleted, that an old backup was put in place, that
/// keys and chains were replaced together, that events were added later under an earlier time.
public struct CheckpointVerification {
    private let publicKey: VerifyingKey
    private let outside: [Checkpoint]
    /// Longest time, seconds, that a transaction may stay open before its event counts as added later.
    private let patience: Double

    /// `outside` in any order; without it the checkpoints in the database are all there is to go by.
    public init(publicKey: VerifyingKey, outside: [Checkpoint], patience: Double = 3600) {
        self.publicKey = publicKey
        self.outside = outside
        self.patience = patience
    }

    /// Only reads: any login that may read `audit`, on a replica as well. Inside a transaction of the caller's, or not.
    public func run(_ connection: DatabaseConnection) throws -> AnchorReport {
        var report = AnchorReport()
        try run(connection, &report)
        return report
    }

    /// Adds what it finds to a report, which holds it also where this throws.
    func run(_ connection: DatabaseConnection, _ report: inout AnchorReport) throws {
        let stored = try storedCheckpoints(connection, &report)
        let trust = try CheckpointTrust(in: publicKey, over: stored + outside)
        let chain = try CheckpointChain(stored, trust)
        report.findings += chain.findings
        report.checkpoints = stored.count

        let vouched = try vouchedFor(stored, trust, &report)
        try compareOutside(stored, chain, trust, &report)
        try SignedHeadCheck(vouched, restored: chain.restored).run(connection, &report)
        let inForce = vouched.filter { checkpoint in
            !chain.restored.contains { $0.numbers.contains(checkpoint.document.number) }
        }
        try EventTimeCheck(inForce, patience: patience).run(connection, &report)
    }

    private func storedCheckpoints(
        _ connection: DatabaseConnection, _ report: inout AnchorReport
    ) throws -> [Checkpoint] {
        var stored: [Checkpoint] = []
        var last: Int64 = .min
        while true {
            let rows = try connection.query(
                """
                select number, document, signature, heads from audit.checkpoints
                where number > $1 order by number limit 500
                """, [.int8(last)])
            for row in rows {
                let each = try StoredCheckpoint(row)
                last = each.number
                switch each.content {
                case .success(let checkpoint): stored.append(checkpoint)
                case .failure(let fault):
                    report.findings.append(
                        AnchorFinding(.checkpointBroken, "checkpoint \(last) cannot be read: \(fault)"))
                }
            }
            if rows.count < 500 { return stored }
        }
    }

    /// The checkpoints whose word counts, by number, each once; what else there is becomes a finding.
    private func vouchedFor(
        _ stored: [Checkpoint], _ trust: CheckpointTrust, _ report: inout AnchorReport
    ) throws -> [Checkpoint] {
        var vouched: [[UInt8]: Checkpoint] = [:]
        for (place, checkpoints) in [("the database", stored), ("outside", outside)] {
            for checkpoint in checkpoints {
                let document = checkpoint.document
                guard try trust.contains(checkpoint) else {
                    report.findings.append(
                        AnchorFinding(
                            .checkpointUntrusted,
                            "checkpoint \(document.number) of \(document.signedAt), \(place), is signed by key "
                                + "\(hexadecimal(document.key.prefix(8)))..., for which the public key given does not vouch"
                        ))
                    continue
                }
                // One without heads, or with others than were signed, must not hide one that has them.
                let isComplete = try checkpoint.heads != nil && checkpoint.matchesHeads()
                if isComplete { vouched[try document.digest()] = checkpoint }
            }
        }
        return vouched.values.sorted { $0.document.number < $1.document.number }
    }

    private func compareOutside(
        _ stored: [Checkpoint], _ chain: CheckpointChain, _ trust: CheckpointTrust, _ report: inout AnchorReport
    ) throws {
        let byNumber = Dictionary(stored.map { ($0.document.number, $0.document) }, uniquingKeysWith: { $1 })
        var missing = chain.gaps
        for document in outside.map(\.document) {
            guard try trust.trusted.contains(document.digest()) else { continue }
            if document.number > report.anchor?.checkpoint ?? 0 {
                report.anchor = AnchorReport.Anchor(checkpoint: document.number, time: document.signedAt)
            }
            if let same = byNumber[document.number] {
                if same != document {
                    report.findings.append(
                        AnchorFinding(
                            .checkpointReplaced,
                            "checkpoint \(document.number) of \(document.signedAt), signed outside, is another in the "
                                + "database"))
                }
            } else if !chain.restored.contains(where: { $0.numbers.contains(document.number) }) {
                missing.append(document.number...document.number)
            }
        }
        report.findings += CheckpointVerification.joined(missing).map { range in
            let names =
                range.count == 1
                ? "checkpoint \(range.lowerBound) is" : "checkpoints \(range.lowerBound) to \(range.upperBound) are"
            return AnchorFinding(
                .checkpointMissing,
                "\(names) not in the database: the newest part was deleted, or an old backup was put in place")
        }
        for (numbers, document) in chain.restored {
            report.notes.append(
                "checkpoint \(document.number) of \(document.signedAt) says that a backup was restored "
                    + "(\(document.restoration?.reason ?? "")); checkpoints \(numbers.lowerBound) to "
                    + "\(numbers.upperBound) are gone with what they covered")
        }
    }

    /// The ranges sorted, and those that touch each other joined.
    private static func joined(_ ranges: [ClosedRange<Int64>]) -> [ClosedRange<Int64>] {
        ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { joined, range in
            if let last = joined.last, range.lowerBound <= last.upperBound + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
    }
}
