import Foundation
import Glibc

/// A line on the terminal that says how far something is; nothing where stderr is no terminal.
final class ProgressLine {
    private let total: Int
    private let unit: String
    private let isShown = isatty(STDERR_FILENO) == 1
    private let started = ContinuousClock.now
    private var line = ""

    init(total: Int, unit: String) {
        self.total = total
        self.unit = unit
    }

    /// `done` may pass the total, which grew meanwhile.
    func show(done: Int) {
        guard isShown else { return }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        let rate = seconds > 0 ? Int(Double(done) / seconds) : 0
        let filled = total > 0 ? 30 * min(done, total) / total : 30
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
        write("\r[\(bar)] \(done) of \(total) \(unit), \(rate)/s\u{1b}[K")
    }

    /// Clears the line, runs `body`, which may print, and shows the line again.
    func interrupt(_ body: () -> Void) {
        let shown = line
        if isShown { StandardError.write("\r\u{1b}[K") }
        body()
        if isShown, !shown.isEmpty { write(shown) }
    }

    func end() {
        if isShown, !line.isEmpty { StandardError.write("\n") }
        line = ""
    }

    private func write(_ text: String) {
        line = text
        StandardError.write(text)
    }
}
