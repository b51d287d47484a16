import Logging

/// Keys of structured log lines. Values are ids, counts, codes and times: never payloads or what a sender wrote.
enum LogKey: String {
    case lane, job, reason, version, deliveries, recorded, already, quarantined, deadLettered = "dead_lettered"
    case milliseconds = "ms"
    case error, wait, outbox, messages, generation, removed
}

/// A lane's log: one line a batch, one a failure.
struct WorkerLog: Sendable {
    private let logger: Logger

    init(_ logger: Logger, lane: Int) {
        var logger = logger
        logger[metadataKey: LogKey.lane.rawValue] = "\(lane)"
        self.logger = logger
    }

    func info(_ message: Logger.Message, _ metadata: [LogKey: String] = [:]) {
        logger.info(message, metadata: WorkerLog.named(metadata))
    }

    func warning(_ message: Logger.Message, _ metadata: [LogKey: String] = [:]) {
        logger.warning(message, metadata: WorkerLog.named(metadata))
    }

    func error(_ message: Logger.Message, _ metadata: [LogKey: String] = [:]) {
        logger.error(message, metadata: WorkerLog.named(metadata))
    }

    private static func named(_ metadata: [LogKey: String]) -> Logger.Metadata {
        Logger.Metadata(uniqueKeysWithValues: metadata.map { ($0.key.rawValue, .string($0.value)) })
    }
}
