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
        let group = DispatchGroup()
        let failures = LaneFailures()
        for number in 1...settings.lanes {
            group.enter()
            let thread = Thread { [settings, surroundings, logger] in
                Thread.current.name = "lane \(number)"
                do {
                    try EvaluationWorker(settings, surroundings, log: WorkerLog(logger, lane: number)).run()
                } catch {
                    failures.add(error)
                    surroundings.stop.request()
                }
                group.leave()
            }
            // Headers nested 25,000 deep overflow an ordinary stack inside the broker library.
            thread.stackSize = 64 << 20
            thread.start()
        }
        group.wait()
        if let first = failures.first { throw first }
    }
}

/// Collects what ended lanes.
private final class LaneFailures: Sendable {
    private let failures = Mutex<[any Error]>([])

    var first: (any Error)? { failures.withLock { $0.first } }

    func add(_ error: any Error) { failures.withLock { $0.append(error) } }
}
