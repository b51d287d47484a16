import Foundation
import Testing

/// What a test waited for did not come.
struct WaitedInVain: Error, CustomStringConvertible {
    let what: String
    let seconds: Double
    var description: String { "waited \(seconds) s in vain for \(what)" }
}

/// Asks every 20 ms until the condition holds. Long enough for a machine that is busy with other tests.
func wait(
    for what: String, within seconds: Double = 90, every pause: Double = 0.02, until condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try !condition() {
        guard ContinuousClock.now < deadline else { throw WaitedInVain(what: what, seconds: seconds) }
        usleep(UInt32(pause * 1e6))
    }
}
