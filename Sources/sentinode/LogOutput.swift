import ArgumentParser
import Database
import Evaluation
import Foundation
import Glibc
import Logging
import Synchronization

enum LogFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// stderr, shared by log lines and a live line that stays below them.
final class Terminal: Sendable {
    let isTerminal = isatty(STDERR_FILENO) == 1
    private let live = Mutex("")

    /// Writes a line above the live one; in front of it, where some could not be written, the line that `notice` makes
    /// of how many.
    func write(_ line: String, notice: (Int) -> String) {
        live.withLock { live in
            let erase = live.isEmpty ? "" : "\r\u{1b}[K"
            let lost = StandardError.lostSoFar
            if lost > 0 { StandardError.write(notice: "\(erase)\(notice(lost))\n", of: lost) }
            StandardError.write("\(erase)\(line)\n\(live)")
        }
    }

    /// Replaces the live line; an empty text removes it.
    func show(_ text: String) {
        guard isTerminal else { return }
        live.withLock { live in
            live = text
            StandardError.write("\r\u{1b}[K\(text)")
        }
    }
}

/// Loggers that write one line an event to the terminal.
enum LogOutput {
    static func format(_ environment: inout Environment) -> LogFormat {
        guard let text = environment.text("SENTINODE_LOG_FORMAT") else { return .text }
        guard let format = LogFormat(rawValue: text) else {
            environment.add(problem: "SENTINODE_LOG_FORMAT is neither text nor json")
            return .text
        }
        return format
    }

    static func logger(format: LogFormat, level: String?, terminal: Terminal, problems: inout Environment) -> Logger {
        var logger = Logger(label: "sentinode") { _ in LineLogHandler(format: format, terminal: terminal) }
        logger.logLevel = .info
        if let level {
            if let level = Logger.Level(rawValue: level) {
                logger.logLevel = level
            } else {
                problems.add(problem: "the log level is none of debug, info, warning, error")
            }
        }
        return logger
    }
}

/// One line an event: for people, or as a JSON object.
private struct LineLogHandler: LogHandler {
    let format: LogFormat
    let terminal: Terminal
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        terminal.write(line(event.level, event.message, metadata.merging(event.metadata ?? [:]) { $1 })) { lost in
            line(.warning, "lines could not be written here", ["lines": .stringConvertible(lost)])
        }
    }

    private func line(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata) -> String {
        let all = metadata.sorted { $0.key < $1.key }
        let now = Timestamp.now.description
        switch format {
        case .text:
            let pairs = all.map { " \($0.key)=\($0.value)" }.joined()
            return "\(now) \(level) \(message)\(pairs)"
        case .json:
            var object = Dictionary(uniqueKeysWithValues: all.map { ($0.key, LogValue($0.value)) })
            object["time"] = .text(now)
            object["level"] = .text(level.rawValue)
            object["message"] = .text(message.description)
            return jsonLine(object)
        }
    }
}

/// A member of a log line in JSON.
private enum LogValue: Encodable {
    case text(String)
    case whole(Int)
    case real(Double)

    init(_ value: Logger.MetadataValue) {
        switch value {
        case .stringConvertible(let number as Int): self = .whole(number)
        case .stringConvertible(let number as Double): self = .real(number)
        case .stringConvertible, .string, .array, .dictionary: self = .text("\(value)")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .whole(let value): try container.encode(value)
        case .real(let value): try container.encode(value)
        }
    }
}

/// A JSON object on one line, keys sorted.
func jsonLine(_ object: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return String(decoding: try encoder.encode(object), as: UTF8.self)
    } catch {
        return "{\"message\":\"a line could not be written as JSON\"}"
    }
}
