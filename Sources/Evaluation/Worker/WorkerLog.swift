import Logging

/// Keys of structured log lines. Values are ids, counts, codes and times: never payloads or what a sender wrote.
enum LogKey: String {
    case lane, job, reason, version, deliveries, recorded, already, quarantined, deadLettered = "dead_lettered"
    case milliseconds = "ms"
    case error, wait, outbox, messages, generation, removed

    /// Counts and times as numbers, ids as SQL writes them.
    fileprivate func value(of text: String) -> Logger.MetadataValue {
        switch self {
        case .lane, .deliveries, .recorded, .already, .quarantined, .deadLettered, .milliseconds, .outbox, .messages,
            .generation, .removed:
            Int(text).map { .stringConvertible($0) } ?? .string(text)
        case .wait: Double(text).map { .stringConvertible(($0 * 100).rounded() / 100) } ?? .string(text)
        case .job: .string(text.lowercased())
        case .reason, .version, .error: .string(text)
        }
    }
}

/// A lane's log: one line a batch, one a failure.
struct WorkerLog: Sendable {
    private let logger: Logger

    init(_ logger: Logger, lane: Int) {
        var logger = logger
        logger[metadataKey: LogKey.lane.rawValue] = .stringConvertible(lane)
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
        Logger.Metadata(uniqueKeysWithValues: metadata.map { ($0.rawValue, $0.value(of: $1)) })
    }
}
