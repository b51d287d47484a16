public import Database
public import Logging
import MessageBroker

/// Removes kept patches whose time is over, as the login of its database connection.
public struct ImageRetention: Sendable {
    /// Patches removed in one transaction, an audited act each.
    static let batch: Int32 = 1000

    private let settings: DatabaseSettings
    private let stop: StopRequest
    private let logger: Logger

    public init(_ settings: DatabaseSettings, stop: StopRequest, logger: Logger) {
        self.settings = settings
        self.stop = stop
        self.logger = logger
    }

    /// Removes everything that is due, with one log line.
    public func run() throws {
        let began = ContinuousClock.now
        let connection = try DatabaseConnection(settings)
        defer { connection.close() }
        var removed = 0
        var latest: Int32
        repeat {
            let rows = try connection.query("select review.prune_images($1) as pruned", [.int4(ImageRetention.batch)])
            latest = try rows.onlyRow().int4("pruned")
            removed += Int(latest)
        } while latest > 0 && !stop.isRequested
        let milliseconds = Int((ContinuousClock.now - began) / .milliseconds(1))
        logger.info(
            "patches whose time was over are removed",
            metadata: [
                LogKey.removed.rawValue: .stringConvertible(removed),
                LogKey.milliseconds.rawValue: .stringConvertible(milliseconds),
            ])
    }

    /// Runs every so many seconds until a stop is requested. While the database is away it tries again, later and later.
    ///
    /// - Throws: what a person has to mend.
    public func run(every seconds: Double) throws {
        var failures = 0
        while !stop.isRequested {
            do {
                try run()
                failures = 0
                waitOrStop(seconds)
            } catch let error as DatabaseError where error.isTransient {
                failures += 1
                let pause = min(seconds, Backoff().delay(afterAttempt: failures, jitter: .random(in: 0..<1)))
                logger.warning(
                    "patches could not be removed, trying again",
                    metadata: [LogKey.error.rawValue: "\(error)", LogKey.wait.rawValue: "\(pause)"])
                waitOrStop(pause)
            }
        }
    }

    private func waitOrStop(_ seconds: Double) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        // One wait of a stop request is an hour at most.
        while ContinuousClock.now < deadline, !stop.wait(seconds: (deadline - .now) / .seconds(1)) {}
    }
}
