import AuditTrail
import Foundation
import Synchronization

@testable import Database
@testable import Evaluation

/// A database with the schema and the shipped model, active, which every test's own is copied from in a moment.
enum TemplateDatabase {
    /// The name of the shipped version.
    static let modelVersion = "sentinode-baseline-1"
    static let weights = Stack.packageRoot.appending(path: "models/sentinode-baseline-1.safetensors").path

    private static let made = Mutex<[String: String]>([:])

    /// The template's name on this server; made the first time.
    static func name(on stack: Stack) throws -> String {
        try made.withLock { made in
            if let name = made[stack.databaseURL] { return name }
            let name = try make(on: stack)
            made[stack.databaseURL] = name
            return name
        }
    }

    private static func make(on stack: Stack) throws -> String {
        let name = "template_" + randomName()
        try stack.administrator().run(script: "create database \(name)")
        let connection = try stack.connect(database: name)
        defer { connection.close() }
        try Migrator(folder: Stack.packageRoot.appending(path: "migrations").path).apply(connection)
        try CatalogueFingerprint(connection).recordAfterMigrating()
        let registry = try ModelRegistry(
            DatabaseSettings(url: try stack.databaseURL(database: name), applicationName: "sentinode tests"))
        _ = try registry.importModel(
            path: weights, name: modelVersion, rule: DecisionRule(OperatingPoint(threshold: 0.5)), card: nil)
        _ = try registry.activate(modelVersion, reason: "for tests")
        return name
    }
}

/// Letters and digits that no other test uses.
func randomName() -> String { UUID().uuidString.lowercased().replacing("-", with: "") }
