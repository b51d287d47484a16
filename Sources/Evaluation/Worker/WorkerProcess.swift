import Foundation
public import Logging
import Synchronization

/// All the lanes of one process.
public struct WorkerProcess: Sendable {
    private let settings: WorkerSettings
    private let logger: Logger
    private let surroundings: LaneSurroundings

    public init(_ settings: WorkerSettings, stop: StopRequest, progress: WorkerProgress, logger: Logger) {
        self.settings = settings
        self.logger = logger
        surroundings = LaneSurroundings(
            stop: stop, policies: PolicyShelf(key: settings.reviewKey), progress: progress)
    }

    /// Runs every lane on a thread of its own and returns when all have ended. A lane that fails for good stops the rest.
    ///
    /// - Throws: the first error that ended a lane.
    public func run() throws {
        let failures = LaneFailures()
        var lanes: [JoinedThread] = []
        do {
            for number in 1...settings.lanes { lanes.append(try start(lane: number, failures)) }
        } catch {
            failures.add(error)
            surroundings.stop.request()
        }
        for lane in lanes { lane.join() }
        if let first = failures.first { throw first }
    }

    private func start(lane number: Int, _ failures: LaneFailures) throws -> JoinedThread {
        // Headers nested 25,000 deep overflow an ordinary stack inside the broker library.
        try JoinedThread(named: "lane \(number)", stackSize: 64 << 20) { [settings, surroundings, logger] in
            do {
                try EvaluationWorker(settings, surroundings, log: WorkerLog(logger, lane: number)).run()
            } catch {
                failures.add(error)
                surroundings.stop.request()
            }
        }
    }
}

/// Collects what ended lanes.
private final class LaneFailures: Sendable {
    private let failures = Mutex<[any Error]>([])

    var first: (any Error)? { failures.withLock { $0.first } }

    func add(_ error: any Error) { failures.withLock { $0.append(error) } }
}
