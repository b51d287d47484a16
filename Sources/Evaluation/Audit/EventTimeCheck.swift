import Database
import Foundation

/// Whether events were there when their time says: what happened before a checkpoint must be covered by it, or by one
/// not much later, for a transaction that was open meanwhile.
struct EventTimeCheck {
    private let checkpoints: [Checkpoint]
    private let patience: Double
    /// For every writer, how far its chain had come at which checkpoint (index), oldest first.
    private var milestones: [UUID: [(number: Int64, checkpoint: Int)]] = [:]

    /// `checkpoints` sorted by number; `patience` in seconds.
    init(_ checkpoints: [Checkpoint], patience: Double) {
        self.checkpoints = checkpoints
        self.patience = patience
        for (index, checkpoint) in checkpoints.enumerated() {
            for head in checkpoint.heads ?? [] { milestones[head.writer, default: []].append((head.number, index)) }
        }
    }

    func run(_ connection: DatabaseConnection, _ report: inout AnchorReport) throws {
        guard !checkpoints.isEmpty else { return }
        var (writer, seal) = (UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), Int64(-1))
        while true {
            let rows = try connection.query(
                """
                select writer, seal, case when isfinite(occurred_at) then occurred_at end as occurred_at from audit.events
                where (writer, seal) > ($1, $2) order by writer, seal limit 20000
                """, [.uuid(writer), .int8(seal)])
            for row in rows {
                (writer, seal) = (try row.uuid("writer"), try row.int8("seal"))
                check(writer, seal, at: try row.optionalTimestamp("occurred_at"), &report)
            }
            if rows.count < 20_000 { return }
        }
    }

    /// Without a time that can be, the event is another than was sealed, and reported as that.
    private func check(_ writer: UUID, _ seal: Int64, at time: Timestamp?, _ report: inout AnchorReport) {
        let covering = covering(writer, seal)
        if covering == nil { report.eventsSince += 1 }
        guard let time else { return }
        // The last one that was made without it.
        let without = (covering ?? checkpoints.count) - 1
        guard without >= 0 else { return }
        let document = checkpoints[without].document
        guard document.serverTime.microseconds - time.microseconds > Int64(patience * 1_000_000) else { return }
        report.findings.append(
            AnchorFinding(
                .eventBackdated,
                "event \(seal) of writer \(writer.text) says it happened at \(time), and checkpoint \(document.number) of "
                    + "\(document.signedAt) had not seen it: it was added later"))
    }

    /// The first checkpoint (index) that covers a seal; nil where none does.
    private func covering(_ writer: UUID, _ seal: Int64) -> Int? {
        guard let chain = milestones[writer] else { return nil }
        var (low, high) = (0, chain.count)
        while low < high {
            let middle = (low + high) / 2
            if chain[middle].number >= seal { high = middle } else { low = middle + 1 }
        }
        return low < chain.count ? chain[low].checkpoint : nil
    }
}
