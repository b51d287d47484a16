import Evaluation
import Foundation
import Logging

/// A live line while the worker runs, and a summary at its end.
final class WorkDisplay {
    private let progress: WorkerProgress
    private let terminal: Terminal
    private let started = ContinuousClock.now
    private let timer: any DispatchSourceTimer

    init(_ progress: WorkerProgress, _ terminal: Terminal) {
        self.progress = progress
        self.terminal = terminal
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "display"))
        self.timer = timer
        guard terminal.isTerminal else {
            timer.activate()
            return
        }
        let started = started
        var before = 0
        timer.schedule(deadline: .now() + 1, repeating: 1)
        timer.setEventHandler {
            let settled = progress.counts.settled
            let minutes = Int((ContinuousClock.now - started) / .seconds(60))
            terminal.show("\(WorkDisplay.line(progress.counts)), \(settled - before)/s, \(minutes) min")
            before = settled
        }
        timer.activate()
    }

    /// Removes the live line and logs what was done: as a sentence, and as numbers where programs read along.
    func end(_ logger: Logger, _ format: LogFormat) {
        timer.cancel()
        terminal.show("")
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        switch format {
        case .text: logger.info("\(sentence(seconds))")
        case .json: logger.info("finished", metadata: numbers(seconds))
        }
    }

    private func sentence(_ seconds: Double) -> String {
        let counts = progress.counts
        var summary = WorkDisplay.line(counts)
        summary += ", in \(fixed(seconds, 1)) s (\(Int(Double(counts.settled) / max(seconds, 0.001)))/s)"
        if let p50 = progress.settlingTime(0.5), let p99 = progress.settlingTime(0.99) {
            summary +=
                "; settled within \(fixed(Double(p50) / 1000, 1)) ms (p50), \(fixed(Double(p99) / 1000, 1)) ms (p99)"
        }
        let rest: [(Int, String)] = [
            (counts.handedBack, "handed back"), (counts.outboxed, "announcements delayed"),
            (counts.repliesLost, "replies without a queue"), (counts.attributesDropped, "attributes dropped"),
            (counts.deadLettered, "dead-lettered"),
        ]
        for (count, what) in rest where count > 0 { summary += "; \(count) \(what)" }
        return summary
    }

    private func numbers(_ seconds: Double) -> Logger.Metadata {
        let counts = progress.counts
        let whole = [
            "recorded": counts.recorded, "tumor": counts.tumor, "normal": counts.normal, "uncertain": counts.uncertain,
            "already": counts.alreadyRecorded, "quarantined": counts.quarantined, "dead_lettered": counts.deadLettered,
            "handed_back": counts.handedBack, "outbox": counts.outboxed, "replies_lost": counts.repliesLost,
            "attributes_dropped": counts.attributesDropped,
        ]
        let times = [
            "seconds": seconds, "p50_ms": progress.settlingTime(0.5).map { Double($0) / 1000 },
            "p99_ms": progress.settlingTime(0.99).map { Double($0) / 1000 },
        ].compactMapValues { $0 }
        return whole.mapValues { .stringConvertible($0) }.merging(
            times.mapValues { .stringConvertible(($0 * 10).rounded() / 10) }
        ) { $1 }
    }

    private static func line(_ counts: WorkerCounts) -> String {
        "\(counts.recorded) predictions (\(counts.tumor) tumor, \(counts.normal) normal, \(counts.uncertain) uncertain), "
            + "\(counts.alreadyRecorded) repeated, \(counts.quarantined) quarantined"
    }
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }
