import Foundation
import Synchronization

/// Standard error, for whatever a command says there.
///
/// It can refuse what is written to it: its disk is full, or its reader is gone. Nobody is left to be told then, and the
/// work goes on; it is counted, so that a log which can be written again says so.
enum StandardError {
    private static let lost = Mutex(0)

    /// How often something could not be written.
    static var lostSoFar: Int { lost.withLock { $0 } }

    static func write(_ text: String) {
        if !isWritten(text) { lost.withLock { $0 += 1 } }
    }

    /// Writes what says how often something was lost, and begins to count anew where that can be written.
    static func write(notice: String, of count: Int) {
        if isWritten(notice) { lost.withLock { $0 -= count } }
    }

    private static func isWritten(_ text: String) -> Bool {
        do {
            try FileHandle.standardError.write(contentsOf: Data(text.utf8))
            return true
        } catch {
            return false
        }
    }
}
