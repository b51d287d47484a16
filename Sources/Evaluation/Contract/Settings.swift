public import Database
public import Foundation
public import MessageBroker

/// Everything that was wrong with the configuration, all at once.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    public let problems: [String]
    public var description: String { problems.joined(separator: "; ") }

    public init(_ problems: [String]) {
        self.problems = problems
    }
}

/// `SENTINODE_*` variables, each also readable from the file that `SENTINODE_*_FILE` names.
///
/// Values are read once, at the entry point; what is wrong is gathered, so that a person mends everything in one go.
public struct Environment {
    private let variables: [String: String]
    public private(set) var problems: [String] = []

    public init(_ variables: [String: String] = ProcessInfo.processInfo.environment) {
        self.variables = variables
    }

    /// The variable's text, or the content of the file named by `<name>_FILE` without its last line break.
    public mutating func text(_ name: String) -> String? {
        if let value = variables[name], !value.isEmpty { return value }
        guard let path = variables[name + "_FILE"], !path.isEmpty else { return nil }
        do {
            let content = try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
            if content.isEmpty { problems.append("\(name)_FILE names a file that is empty: \(path)") }
            return content.isEmpty ? nil : content
        } catch {
            problems.append("\(name)_FILE names a file that cannot be read as UTF-8 text: \(path)")
            return nil
        }
    }

    /// A whole number in a range.
    public mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            problems.append("\(name) is not a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// A duration such as `2ms`, `30s`, `5m`, in seconds.
    public mutating func seconds(_ name: String) -> Double? {
        guard let text = text(name) else { return nil }
        guard let value = Environment.seconds(text) else {
            problems.append("\(name) is not a duration such as 2ms, 30s or 5m")
            return nil
        }
        return value
    }

    /// Longest duration that anybody can mean, seconds: 366 days.
    private static let longestDuration = 31_622_400.0

    /// Seconds of `2ms`, `30s`, `5m`, `1h` or a bare number; nil where it is none of these, or more than a year.
    public static func seconds(_ text: String) -> Double? {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
        for (suffix, factor) in units where text.hasSuffix(suffix) {
            guard let value = Double(text.dropLast(suffix.count)),
                (0...longestDuration).contains(value * factor)
            else { return nil }
            return value * factor
        }
        return nil
    }

    public mutating func require(_ name: String, example: String) -> String {
        if let value = text(name) { return value }
        if !problems.contains(where: { $0.hasPrefix(name) }) {
            problems.append("\(name) is not set: set it to something like \(example)")
        }
        return ""
    }

    public mutating func add(problem: String) {
        problems.append(problem)
    }

    public func check() throws(ConfigurationError) {
        if !problems.isEmpty { throw ConfigurationError(problems) }
    }
}

extension Environment {
    /// The broker, from `SENTINODE_AMQP_URL` and the TLS files beside it.
    public mutating func broker(connectionName: String) -> BrokerSettings? {
        let url = require("SENTINODE_AMQP_URL", example: "amqp://user:password@localhost:5672/")
        guard !url.isEmpty else { return nil }
        do throws(BrokerError) {
            return try BrokerSettings(
                url: url,
                certificateAuthority: text("SENTINODE_AMQP_CA"),
                clientCertificate: text("SENTINODE_AMQP_CERT"),
                clientKey: text("SENTINODE_AMQP_KEY"),
                heartbeat: integer("SENTINODE_AMQP_HEARTBEAT", in: 1...600) ?? 10,
                connectionName: connectionName)
        } catch {
            problems.append("SENTINODE_AMQP_URL: \(error.message)")
            return nil
        }
    }

    /// Whether topology is only checked, for brokers where this program may not declare.
    public mutating func declaresPassively() -> Bool {
        switch text("SENTINODE_AMQP_DECLARE") {
        case nil, "active": return false
        case "passive": return true
        case .some:
            problems.append("SENTINODE_AMQP_DECLARE is neither active nor passive")
            return false
        }
    }

    /// The database, from `SENTINODE_DATABASE_URL`; `statementTimeout` is in seconds.
    public mutating func database(applicationName: String, statementTimeout: Double = 30) -> DatabaseSettings? {
        let url = require("SENTINODE_DATABASE_URL", example: "postgresql://user:password@localhost/sentinode")
        guard !url.isEmpty else { return nil }
        let settings = DatabaseSettings(url: url, applicationName: applicationName, statementTimeout: statementTimeout)
        if let problem = settings.problem {
            problems.append("SENTINODE_DATABASE_URL: \(problem)")
            return nil
        }
        return settings
    }
}
