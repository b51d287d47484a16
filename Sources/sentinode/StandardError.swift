import Foundation
import Synchronization

/// Standard error, for whatever a command says there.
///
/// It can refuse what is written to it: its disk is full, or its reader is gone. Nobody is left to be told then, and the
/// work goes on; it is counted, so that a log which can be written again says so.
enum StandardError {
    private static let lost = Mutex(0)

    static func write(_ text: String) {
        do {
            try FileHandle.standardError.write(contentsOf: Data(text.utf8))
        } catch {
            lost.withLock { $0 += 1 }
        }
    }

    /// How often something could not be written since the last call.
    static func takeLost() -> Int {
        lost.withLock { lost in
            defer { lost = 0 }
            return lost
        }
    }
}
