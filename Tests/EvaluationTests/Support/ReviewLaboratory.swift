import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What tests of the selection for review do in a laboratory.
extension Laboratory {
    /// Sets a review policy as an administrator would.
    @discardableResult
    func setPolicy(_ rules: String, key: ReviewKey? = nil) throws -> Int64 {
        try database.query(
            "select review.set_policy($1::jsonb, 'a test', $2) as generation",
            [.jsonb(rules), .text(key?.commitmentText)]
        ).onlyRow().int8("generation")
    }

    /// Puts a version in charge that calls every patch tumor.
    func activateVersionThatSeesTumorEverywhere() throws {
        let registry = try registry()
        _ = try registry.importModel(
            path: TemplateDatabase.weights, name: "everything-1", rule: DecisionRule(OperatingPoint(threshold: 1e-30)),
            card: nil)
        #expect(try registry.activate("everything-1", reason: "a test"))
    }

    /// Puts a version in charge that leaves every patch to a person.
    func activateVersionThatIsNeverCertain() throws {
        let registry = try registry()
        _ = try registry.importModel(
            path: TemplateDatabase.weights, name: "never-1",
            rule: DecisionRule(OperatingPoint(threshold: 0.5, uncertain: 0..<1)), card: nil)
        #expect(try registry.activate("never-1", reason: "a test"))
    }

    /// A file with the key, as a worker's operator would lay it down.
    func keyFile(_ key: ReviewKey) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(databaseName).\(randomName()).key")
        try Data((key.secretText + "\n").utf8).write(to: file)
        return file.path
    }
}
