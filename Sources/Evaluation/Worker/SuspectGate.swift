import Foundation

/// Lets either any number of lanes decode and classify, or one lane try one suspect alone.
///
/// A process that dies must have died of one known message: so while a suspect is tried, no other lane works on one.
/// All state is read and written under the condition's lock, which is why sharing it between threads is safe.
final class SuspectGate: @unchecked Sendable {
    private let condition = NSCondition()
    private var working = 0
    private var trying = false
    private var waitingToTry = 0

    /// Runs `body` beside other lanes' ordinary work. `meanwhile` is called every second of waiting.
    func ordinary<Value>(meanwhile: () throws -> Void, _ body: () throws -> Value) throws -> Value {
        try enter(meanwhile: meanwhile, isOpen: { !trying && waitingToTry == 0 }, take: { working += 1 })
        defer { leave { working -= 1 } }
        return try body()
    }

    /// Runs `body` while no other lane is inside. `meanwhile` is called every second of waiting.
    func alone<Value>(meanwhile: () throws -> Void, _ body: () throws -> Value) throws -> Value {
        leave { waitingToTry += 1 }
        do {
            try enter(meanwhile: meanwhile, isOpen: { !trying && working == 0 }, take: { trying = true })
        } catch {
            leave { waitingToTry -= 1 }
            throw error
        }
        leave { waitingToTry -= 1 }
        defer { leave { trying = false } }
        return try body()
    }

    private func enter(meanwhile: () throws -> Void, isOpen: () -> Bool, take: () -> Void) throws {
        condition.lock()
        var nextCall = Date(timeIntervalSinceNow: 1)
        while !isOpen() {
            // Many suspects in a row wake this many times a second: the time runs on meanwhile.
            if condition.wait(until: nextCall) { continue }
            condition.unlock()
            try meanwhile()
            nextCall = Date(timeIntervalSinceNow: 1)
            condition.lock()
        }
        take()
        condition.unlock()
    }

    private func leave(_ change: () -> Void) {
        condition.lock()
        change()
        condition.broadcast()
        condition.unlock()
    }
}
