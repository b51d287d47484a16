import Foundation
import Testing

@testable import Database

/// The server that tests may create databases and roles in.
enum TestServer {
    static let url = ProcessInfo.processInfo.environment["SENTINODE_DATABASE_URL"]

    static func settings(database: String? = nil) throws -> DatabaseSettings {
        DatabaseSettings(url: try address(database: database).absoluteString, applicationName: "sentinode tests")
    }

    /// The server's URL with parts of it replaced.
    static func address(
        database: String? = nil, host: String? = nil, port: Int? = nil, user: String? = nil, password: String? = nil
    ) throws -> URL {
        let url = try #require(url)
        var parts = try #require(URLComponents(string: url))
        if let database { parts.path = "/\(database)" }
        if let host { parts.host = host }
        if let port { parts.port = port }
        if let user { parts.user = user }
        if let password { parts.password = password }
        return try #require(parts.url)
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips, with the reason, where no server is at hand.
    static var needsServer: Self {
        .enabled(if: TestServer.url != nil, "SENTINODE_DATABASE_URL is not set: start a server with scripts/stack")
    }
}

/// A database of its own for one test, dropped when the test is over.
struct ScratchDatabase {
    let name: String

    var settings: DatabaseSettings {
        get throws { try TestServer.settings(database: name) }
    }

    func connect() throws -> DatabaseConnection {
        try DatabaseConnection(try settings)
    }

    static func with<T>(_ body: (ScratchDatabase) async throws -> T) async throws -> T {
        let database = ScratchDatabase(
            name: "test_" + UUID().uuidString.lowercased().replacing("-", with: "_"))
        let administrator = try DatabaseConnection(try TestServer.settings())
        try administrator.run(script: "create database \(database.name) template template0")
        let outcome: Result<T, any Error>
        do {
            outcome = .success(try await body(database))
        } catch {
            outcome = .failure(error)
        }
        try administrator.run(script: "drop database \(database.name) with (force)")
        return try outcome.get()
    }

    static func withConnection<T>(_ body: (DatabaseConnection) throws -> T) async throws -> T {
        try await with { try body(try $0.connect()) }
    }
}

/// Runs blocking code on a thread of its own, as lanes do.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}

/// Asks every 5 ms until the condition holds; fails after 10 s.
func wait(for what: String, until condition: () throws -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try !condition() {
        try #require(ContinuousClock.now < deadline, "waited in vain for \(what)")
        usleep(5000)
    }
}

/// The error that the body throws.
func databaseError<T>(_ body: () throws -> T) throws -> DatabaseError {
    try #require(throws: DatabaseError.self) { _ = try body() }
}
