import Foundation
import MessageBroker
import Testing

@testable import Database

/// A RabbitMQ and a PostgreSQL of `scripts/stack`.
struct Stack: Sendable {
    /// The top of the checkout.
    static let packageRoot = URL(filePath: #filePath).appending(path: "../../../..").standardized

    let folder: String
    let databaseURL: String

    /// The stack that `scripts/test` started; nil where there is none.
    static let ofTheRun: Stack? = {
        let environment = ProcessInfo.processInfo.environment
        guard let folder = environment["SENTINODE_STACK_DIR"], environment["SENTINODE_AMQP_URL"] != nil,
            let url = environment["SENTINODE_DATABASE_URL"]
        else { return nil }
        return Stack(folder: folder, databaseURL: url)
    }()

    init(folder: String, databaseURL: String) {
        self.folder = folder
        self.databaseURL = databaseURL
    }

    /// Starts a stack of its own, which the caller destroys.
    init(startedIn folder: String, environment: [String: String] = [:]) throws {
        try Stack.command(folder, ["start"], within: 180, environment: environment)
        let lines = try Stack.command(folder, ["env"]).split(separator: "\n")
        let prefix = "export SENTINODE_DATABASE_URL='"
        let line = try #require(lines.first { $0.hasPrefix(prefix) })
        self.init(folder: folder, databaseURL: String(line.dropFirst(prefix.count).dropLast()))
    }

    /// Runs `scripts/stack` and returns what it printed.
    @discardableResult
    func command(_ arguments: String..., within seconds: Double = 90) throws -> String {
        try command(arguments, within: seconds)
    }

    @discardableResult
    func command(_ arguments: [String], within seconds: Double = 90) throws -> String {
        try Stack.command(folder, arguments, within: seconds)
    }

    /// Whether it is the one that `scripts/test` started.
    var isOfTheRun: Bool { folder == Stack.ofTheRun?.folder }

    /// Evaluates Erlang in the broker.
    func evaluate(_ erlang: String) throws { try command("rabbitmqctl", "--quiet", "eval", erlang) }

    /// The server's URL with other parts.
    func databaseURL(database: String, user: String? = nil, password: String? = nil) throws -> String {
        var parts = try #require(URLComponents(string: databaseURL))
        parts.path = "/" + database
        if let user { parts.user = user }
        if let password { parts.password = password }
        return try #require(parts.string)
    }

    func connect(database: String) throws -> DatabaseConnection {
        try DatabaseConnection(
            DatabaseSettings(url: try databaseURL(database: database), applicationName: "sentinode tests"))
    }

    /// A connection to the server's first database, to make others.
    func administrator() throws -> DatabaseConnection {
        try DatabaseConnection(DatabaseSettings(url: databaseURL, applicationName: "sentinode tests"))
    }

    @discardableResult
    private static func command(
        _ folder: String, _ arguments: [String], within seconds: Double = 90, environment: [String: String] = [:]
    ) throws -> String {
        let process = Process()
        let output = Pipe()
        let ended = DispatchSemaphore(value: 0)
        process.executableURL = packageRoot.appending(path: "scripts/stack")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
            .merging(["SENTINODE_STACK_DIR": folder]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.terminationHandler = { _ in ended.signal() }
        try process.run()
        // What `stack` starts closes its outputs, so the end of this one is the end of the command.
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        let what = "scripts/stack \(arguments.first ?? "")"
        guard ended.wait(timeout: .now() + seconds) == .success else {
            throw WaitedInVain(what: what, seconds: seconds)
        }
        try #require(process.terminationStatus == 0, "\(what) failed")
        return String(decoding: printed, as: UTF8.self)
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips, with the reason, where no broker and database are at hand.
    static var needsStack: Self {
        .enabled(if: Stack.ofTheRun != nil, "SENTINODE_STACK_DIR and its URLs are not set: run scripts/test")
    }
}
