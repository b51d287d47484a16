import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct PrivilegeTests {
    @Test func `a login that is only a worker can do a worker's whole job`() async throws {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_worker")
            defer { laboratory.drop(login) }
            let key = try ReviewKey.random()
            try laboratory.activateVersionThatSeesTumorEverywhere()
            try laboratory.setPolicy(
                #"[{"reason": "positive", "top_per_slide": 2, "rate": 0.5}, {"reason": "audit", "rate": 0.5}]"#,
                key: key)
            try laboratory.publish(
                try TestPatches.jobs(49) + [
                    TestPatches.message(try TestPatches.png(49), id: "slide", headers: [Field("slide_id", .text("S"))]),
                    TestPatches.message([1, 2, 3], id: "bad"), TestPatches.message([], id: nil),
                ])
            let worker = try laboratory.start(
                "work", "--lanes", "1",
                environment: ["SENTINODE_TEST_DIE_BEFORE": "record", "SENTINODE_REVIEW_KEY": key.secretText])
            #expect(try worker.waitForEnd() == .signal(SIGKILL))
            // Suspects now, so that attempts are written as well.
            try laboratory.drain(environment: [
                "SENTINODE_DATABASE_URL": login.url, "SENTINODE_REVIEW_KEY": key.secretText,
            ])
            #expect(try laboratory.predictions() == 50)
            #expect(try laboratory.quarantine().count == 2)
            #expect(try laboratory.count("select count(*) from sentinode.patch_images") > 0)
            #expect(try laboratory.count("select count(*) from audit.events where actor = $1", [.text(login.name)]) > 0)
        }
    }

    @Test func `an event carries the name of the person whom the login belongs to`() async throws {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_reviewer")
            defer { laboratory.drop(login) }
            try laboratory.database.query(
                "select review.add_reader($1, 'Ann Lee', 'consultant pathologist', array['*'])", [.text(login.name)])
            try laboratory.database.run(script: "grant sentinode_worker to \(login.name)")
            try laboratory.publish(try TestPatches.jobs(1))
            try laboratory.drain(environment: ["SENTINODE_DATABASE_URL": login.url])
            try laboratory.publish(try TestPatches.jobs(1, prefix: "nobody"))
            try laboratory.drain()
            let persons = try laboratory.database.query(
                "select person from audit.events where action = 'batch.recorded' order by occurred_at"
            ).map { try $0.optionalText("person") }
            #expect(persons == ["Ann Lee", nil])
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `a worker's login can neither change nor remove what is stored, nor put a version in charge`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_worker")
            defer { laboratory.drop(login) }
            for statement in [
                "update sentinode.predictions set decision = 'normal'", "delete from sentinode.predictions",
                "truncate sentinode.predictions", "insert into sentinode.control select * from sentinode.control",
                "update audit.events set actor = 'nobody'", "delete from audit.seals",
                "select * from review.predictions", "drop table sentinode.attempts",
            ] {
                #expect(try laboratory.sqlstate(of: statement, as: login) == "42501", "\(statement)")
            }
        }
    }

    @Test func `a login that is only an administrator decides about quarantined messages`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish([
                TestPatches.message([1, 2, 3], id: "to replay"), TestPatches.message([4, 5, 6], id: "to discard"),
            ])
            try laboratory.drain()
            // Who may look and not decide sends nothing.
            let auditor = try laboratory.makeLogin(in: "sentinode_auditor")
            defer { laboratory.drop(auditor) }
            let replay = try laboratory.start(
                ["quarantine", "replay", try TestPatches.jobID("to replay").uuidString, "--reason", "a test"],
                environment: ["SENTINODE_DATABASE_URL": auditor.url])
            #expect(try replay.waitForEnd() != .exit(0))
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
            let login = try laboratory.makeLogin(in: "sentinode_admin")
            defer { laboratory.drop(login) }
            for (verb, message) in [("replay", "to replay"), ("discard", "to discard"), ("show", "to discard")] {
                var arguments = ["quarantine", verb, try TestPatches.jobID(message).uuidString]
                if verb != "show" { arguments += ["--reason", "a test"] }
                let program = try laboratory.start(
                    arguments, environment: ["SENTINODE_DATABASE_URL": login.url])
                #expect(try program.waitForEnd() == .exit(0), "\(verb): \(program.lastWords())")
            }
            let decided = try laboratory.database.query(
                "select state from review.quarantine where decided_by = $1 order by state", [.text(login.name)])
            #expect(try decided.map { try $0.text("state") } == ["discarded", "replayed"])
            #expect(try laboratory.depth(of: BrokerNames.patches) == 1)
        }
    }

    @Test func `no part of the predictions can be emptied, by their owner neither`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(40))
            try laboratory.drain()
            for table in ["predictions"] + (0..<8).map({ "predictions_\($0)" }) {
                let error = try #require(throws: DatabaseError.self) {
                    try laboratory.database.run(script: "set role sentinode_owner; truncate sentinode.\(table) cascade")
                }
                #expect(error.sqlstate == "42501" && error.message.contains("\(table) is append-only"), "\(error)")
            }
            #expect(
                try laboratory.count(
                    "select count(*) from pg_inherits where inhparent = 'sentinode.predictions'::regclass") == 8)
            #expect(try laboratory.predictions() == 40)
        }
    }

    @Test func `nobody changes what workers follow in another's name`() async throws {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_admin")
            defer { laboratory.drop(login) }
            let connection = try laboratory.connect(as: login)
            defer { connection.close() }
            func change(by author: String) throws -> String {
                """
                begin;
                insert into sentinode.control
                    (generation, active_version, paused, reason, changed_at, changed_by, writer, seal, leaf, salt)
                select generation + 1, active_version, true, 'a test', now(), '\(author)', gen_random_uuid(), 0, 1, salt
                from sentinode.control order by generation desc limit 1;
                rollback
                """
            }
            let error = try #require(throws: DatabaseError.self) {
                try connection.run(script: try change(by: "somebody_else"))
            }
            #expect(error.sqlstate == "42501" && error.message.contains("names its own login"), "\(error)")
            try connection.run(script: "rollback")
            // The same in its own name would have been taken.
            try connection.run(script: try change(by: login.name))
        }
    }

    @Test func `a login that belongs to a reader reads predictions, and one that does not reads none`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(3))
            try laboratory.drain()
            let login = try laboratory.makeLogin(in: "sentinode_reviewer")
            defer { laboratory.drop(login) }
            let connection = try laboratory.connect(as: login)
            let before = try connection.query("select from review.predictions")
            #expect(before.isEmpty, "nobody has added it as a reader yet")
            try laboratory.database.run(
                script: "select review.add_reader('\(login.name)', 'A', 'B', array['*'])")
            let rows = try connection.query("select decision, p_tumor::real as p, notice from review.predictions")
            #expect(rows.count == 3)
            #expect(try rows.allSatisfy { try $0.text("notice") == notice })
            connection.close()
        }
    }

    @Test func `a reviewer's login reads and changes no table of the program`() async throws {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_reviewer")
            defer { laboratory.drop(login) }
            for statement in [
                "select job_id from sentinode.predictions", "select png from sentinode.patch_images",
                "select * from review.policies", "select * from review.worklist_items",
                "select * from sentinode.quarantined_messages",
                "select * from audit.events", "select weights from sentinode.models", "select * from sentinode.control",
                "insert into sentinode.predictions (job_id) values (gen_random_uuid())",
                "update sentinode.predictions set decision = 'normal'", "delete from sentinode.predictions",
                "select * from sentinode.outbox", "insert into sentinode.attempts default values",
            ] {
                #expect(try laboratory.sqlstate(of: statement, as: login) == "42501", "\(statement)")
            }
        }
    }
}

/// A database login made for one test.
struct Login {
    let name: String
    let url: String
}

extension Laboratory {
    func makeLogin(in role: String) throws -> Login {
        let (name, password) = ("login_" + randomName(), randomName())
        try database.run(script: "create role \(name) login password '\(password)' in role \(role)")
        return Login(name: name, url: try stack.databaseURL(database: databaseName, user: name, password: password))
    }

    func drop(_ login: Login) {
        do {
            try database.run(script: "drop role \(login.name)")
        } catch {
            Issue.record(error)
        }
    }

    func connect(as login: Login) throws -> DatabaseConnection {
        try DatabaseConnection(DatabaseSettings(url: login.url, applicationName: "sentinode tests"))
    }

    /// The SQLSTATE with which the statement is refused; nil where it is not.
    func sqlstate(of statement: String, as login: Login) throws -> String? {
        let connection = try connect(as: login)
        defer { connection.close() }
        do {
            try connection.run(script: statement)
            return nil
        } catch {
            return error.sqlstate
        }
    }
}
