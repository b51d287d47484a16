import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct DoctorTests {
    private static let migrations = contractsFolder.deletingLastPathComponent().appending(path: "migrations").path

    /// What the doctor says, and the code it ends with.
    private func examine(_ laboratory: Laboratory, environment: [String: String] = [:]) throws -> (Program.End, String)
    {
        let doctor = try laboratory.start("doctor", "--migrations", Self.migrations, environment: environment)
        return (try doctor.waitForEnd(), try doctor.output())
    }

    @Test func `a login that is only a worker is well, and is not told what it may not know`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish([TestPatches.message([1, 2, 3], id: "bad")])
            try laboratory.drain()
            let (name, password) = ("login_" + randomName(), randomName())
            try laboratory.database.run(
                script: "create role \(name) login password '\(password)' in role sentinode_worker")
            let url = try laboratory.stack.databaseURL(
                database: laboratory.databaseName, user: name, password: password)
            let (end, words) = try examine(laboratory, environment: ["SENTINODE_DATABASE_URL": url])
            try laboratory.database.run(script: "drop role \(name)")
            #expect(end == .exit(0))
            #expect(!words.contains("MEND") && !words.contains("quarantine"))
        }
    }

    @Test func `whoever may decide on quarantined messages is told that some are open`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish([TestPatches.message([1, 2, 3], id: "bad")])
            try laboratory.drain()
            let (end, words) = try examine(laboratory)
            #expect(end == .exit(0))
            #expect(words.contains("quarantine: 1 messages are open"))
        }
    }

    @Test func `a database that does not answer is a fault to mend`() async throws {
        try await Laboratory.with { laboratory in
            let (end, words) = try examine(
                laboratory, environment: ["SENTINODE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
            #expect(end == .exit(69))
            #expect(words.contains("MEND     database"))
        }
    }
}
