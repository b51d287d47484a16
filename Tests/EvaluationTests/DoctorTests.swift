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

    @Test func `a session that keeps every worker from deciding is named, with what to do about it`() async throws {
        try await Laboratory.with { laboratory in
            let holder = try laboratory.database.query("select pg_backend_pid() as pid").onlyRow().int4("pid")
            try laboratory.holdControl()
            let (end, words) = try examine(laboratory)
            #expect(end == .exit(69))
            #expect(words.contains("MEND     control lock: the session with pid \(holder) of login "))
            #expect(words.contains(" holds it since 20"))
            #expect(words.contains("pg_terminate_backend(\(holder))"))
            try laboratory.releaseControl()
            let (endAfter, wordsAfter) = try examine(laboratory)
            #expect(endAfter == .exit(0))
            #expect(!wordsAfter.contains("control lock"))
        }
    }

    @Test func `a login that owns the database's objects is not advised to become a worker`() async throws {
        try await Laboratory.with { laboratory in
            let (name, password) = ("login_" + randomName(), randomName())
            try laboratory.database.run(
                script: "create role \(name) login password '\(password)' in role sentinode_owner")
            let url = try laboratory.stack.databaseURL(
                database: laboratory.databaseName, user: name, password: password)
            let (end, words) = try examine(laboratory, environment: ["SENTINODE_DATABASE_URL": url])
            try laboratory.database.run(script: "drop role \(name)")
            #expect(end == .exit(0))
            #expect(words.contains("look at  login: \(name) owns"))
            #expect(!words.contains("grant sentinode_worker"))
        }
    }

    @Test func `a policy's key is compared with the one at hand`() async throws {
        try await Laboratory.with { laboratory in
            let key = try ReviewKey.random()
            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 0.5}]"#, key: key)
            let (end, words) = try examine(laboratory, environment: ["SENTINODE_REVIEW_KEY": key.secretText])
            #expect(end == .exit(0))
            #expect(words.contains("policy 1 is in force, and SENTINODE_REVIEW_KEY is its key"))
            #expect(words.contains("0 patches wait to be read"))
            let (without, missing) = try examine(laboratory)
            #expect(without == .exit(69))
            #expect(missing.contains("MEND     review") && missing.contains("is not set"))
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
