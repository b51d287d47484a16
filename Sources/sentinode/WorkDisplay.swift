import Evaluation
import Foundation

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

    /// Removes the live line and says what was done.
    func end() {
        timer.cancel()
        terminal.show("")
        let counts = progress.counts
        let seconds = (ContinuousClock.now - started) / .seconds(1)
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
        terminal.write(summary)
    }

    private static func line(_ counts: WorkerCounts) -> String {
        "\(counts.recorded) predictions (\(counts.tumor) tumor, \(counts.normal) normal, \(counts.uncertain) uncertain), "
            + "\(counts.alreadyRecorded) repeated, \(counts.quarantined) quarantined"
    }
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }
