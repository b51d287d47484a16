import Foundation
import Synchronization
import Testing

@testable import Evaluation

@Suite struct `The gate for suspects` {
    /// What is inside the gate now, and whether that was ever wrong.
    private final class Inside: Sendable {
        private struct State {
            var ordinary = 0
            var alone = 0
            var mostOrdinary = 0
            var violations = 0
            var entries = 0
        }
        private let state = Mutex(State())

        func enter(alone: Bool) {
            state.withLock { state in
                if alone { state.alone += 1 } else { state.ordinary += 1 }
                if state.alone > 1 || state.alone == 1 && state.ordinary > 0 { state.violations += 1 }
                state.mostOrdinary = max(state.mostOrdinary, state.ordinary)
                state.entries += 1
            }
        }
        func leave(alone: Bool) {
            state.withLock { if alone { $0.alone -= 1 } else { $0.ordinary -= 1 } }
        }
        var violations: Int { state.withLock { $0.violations } }
        var mostOrdinary: Int { state.withLock { $0.mostOrdinary } }
        var entries: Int { state.withLock { $0.entries } }
        var ordinary: Int { state.withLock { $0.ordinary } }
    }

    /// Starts threads, and waits until all have ended.
    private func run(_ bodies: [@Sendable () -> Void]) {
        let group = DispatchGroup()
        for body in bodies {
            group.enter()
            Thread.detachNewThread {
                body()
                group.leave()
            }
        }
        #expect(group.wait(timeout: .now() + 60) == .success)
    }

    @Test func `lets nobody in beside a suspect, and many without one`() {
        let (gate, inside) = (SuspectGate(), Inside())
        run(
            (0..<8).map { lane in
                {
                    #expect(throws: Never.self) {
                        for round in 0..<200 {
                            let alone = (round + lane) % 5 == 0
                            let body = {
                                inside.enter(alone: alone)
                                usleep(50)
                                inside.leave(alone: alone)
                            }
                            if alone {
                                try gate.alone(meanwhile: {}, body)
                            } else {
                                try gate.ordinary(meanwhile: {}, body)
                            }
                        }
                    }
                }
            })
        #expect(inside.violations == 0)
        #expect(inside.entries == 1600)
    }

    @Test func `lets ordinary work run side by side`() {
        let (gate, inside) = (SuspectGate(), Inside())
        run(
            (0..<3).map { _ in
                {
                    #expect(throws: Never.self) {
                        try gate.ordinary(meanwhile: {}) {
                            inside.enter(alone: false)
                            // Each stays inside until all three are.
                            try wait(for: "the other lanes inside") { inside.mostOrdinary == 3 }
                            inside.leave(alone: false)
                        }
                    }
                }
            })
        #expect(inside.mostOrdinary == 3)
    }

    @Test func `holds new ordinary work back while a suspect waits, so that it gets its turn`() throws {
        let gate = SuspectGate()
        let order = Mutex<[String]>([])
        // A lane says so after a second of waiting: by then it surely stands in the line.
        let inLine = Mutex<Set<String>>([])
        @Sendable func waits(_ name: String) -> () -> Void { { inLine.withLock { _ = $0.insert(name) } } }
        @Sendable func enters(_ name: String) -> () -> Void { { order.withLock { $0.append(name) } } }
        try gate.ordinary(meanwhile: {}) {
            Thread.detachNewThread {
                #expect(throws: Never.self) { try gate.alone(meanwhile: waits("suspect"), enters("suspect")) }
            }
            try wait(for: "the suspect in the line") { inLine.withLock { $0.contains("suspect") } }
            Thread.detachNewThread {
                #expect(throws: Never.self) { try gate.ordinary(meanwhile: waits("other"), enters("other")) }
            }
            try wait(for: "the other lane in the line") { inLine.withLock { $0.contains("other") } }
        }
        try wait(for: "both") { order.withLock { $0.count } == 2 }
        #expect(order.withLock { $0 } == ["suspect", "other"])
    }

    @Test func `lets others in after a body or a wait that failed`() throws {
        struct Failure: Error {}
        let gate = SuspectGate()
        #expect(throws: Failure.self) { try gate.alone(meanwhile: {}) { throw Failure() } }
        #expect(throws: Failure.self) { try gate.ordinary(meanwhile: {}) { throw Failure() } }
        try gate.ordinary(meanwhile: {}) { () -> Void in
            // Gives up waiting, as a lane does whose broker has gone.
            #expect(throws: Failure.self) { try gate.alone(meanwhile: { throw Failure() }) {} }
        }
        #expect(try gate.ordinary(meanwhile: {}) { 1 } == 1)
        #expect(try gate.alone(meanwhile: {}) { 2 } == 2)
    }
}
