import Foundation
import MessageBroker
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

    @Test func `a session that holds back what figures can be asked of is named, with what to do about it`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let holder = try laboratory.database.query("select pg_backend_pid() as pid").onlyRow().int4("pid")
            /// Takes the lock of an act from so many seconds ago, looks, and gives it back.
            func look(_ shared: String, ago seconds: Int) throws -> (Program.End, String) {
                let second = "(extract(epoch from clock_timestamp()) - 1577836800 - \(seconds))::integer"
                try laboratory.database.run(script: "select pg_advisory_lock\(shared)(1397050965, \(second))")
                let seen = try examine(laboratory)
                try laboratory.database.run(script: "select pg_advisory_unlock_all()")
                return seen
            }
            let (_, recent) = try look("_shared", ago: 5)
            #expect(!recent.contains("acts:"))
            let (lingeringEnd, lingering) = try look("_shared", ago: 90)
            #expect(lingeringEnd == .exit(0))
            #expect(lingering.contains("look at  acts: the session with pid \(holder) of login "))
            #expect(lingering.contains("holds an act open since 20"))
            #expect(lingering.contains("pg_terminate_backend(\(holder))"))
            let (aloneEnd, alone) = try look("", ago: 0)
            #expect(aloneEnd == .exit(0))
            #expect(alone.contains("look at  acts: the session with pid \(holder) of login "))
            #expect(alone.contains("holds their lock alone, since 20") && alone.contains("0 wait"))
            #expect(try !examine(laboratory).1.contains("acts:"))
        }
    }

    @Test func `selected predictions that nobody would be served are told, and put back as advised`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 1}]"#)
            try laboratory.evaluateSlide("S", patches: 3)
            try laboratory.withReader { reader in
                let connection = try reader.connect()
                defer { connection.close() }
                try connection.query("select review.confirm(job_id, 'tumor', reason => 'seen') from review.claim(1)")
            }
            let unread = "worklist: 2 patches of site north wait for a reader, and nobody may read them"
            try laboratory.withReader { _ in
                let words = try examine(laboratory).1
                #expect(!words.contains("nobody may read them"))
            }
            #expect(try examine(laboratory).1.contains(unread))
            try laboratory.database.run(script: "update review.worklist_items set stage = 'adjudication'")
            try laboratory.withReader { _ in
                let words = try examine(laboratory).1
                #expect(words.contains("wait for an adjudicator, and nobody may read them"))
            }
            #expect(try !examine(laboratory).1.contains("not on the worklist"))
            try laboratory.database.run(script: "delete from review.worklist_items")
            let (end, words) = try examine(laboratory)
            #expect(end == .exit(0))
            #expect(
                words.contains(
                    "worklist: 2 predictions were selected for review, lack readings, and are not on the worklist"))
            let advice = try #require(words.firstMatch(of: #/SET ROLE sentinode_owner; SELECT .*/#)).output
            try laboratory.database.run(script: String(advice) + "; RESET ROLE")
            #expect(try !examine(laboratory).1.contains("not on the worklist"))
            #expect(try laboratory.count("select count(*) from review.worklist_items") == 2)
        }
    }

    @Test func `predictions are not compared with the worklist for longer than a while`() async throws {
        try await Laboratory.with { laboratory in
            let other = try DatabaseConnection(laboratory.settings)
            defer { other.close() }
            try laboratory.database.transaction { connection in
                try connection.query("lock table review.labels in access exclusive mode")
                let results = try Checkup().forgotten(other, patience: 1)
                #expect(results.map(\.detail) == ["not compared with the predictions: it takes longer than 1 s"])
            }
            #expect(try Checkup().forgotten(other, patience: 1).isEmpty)
        }
    }

    @Test func `a login that owns the database is not advised to become a worker`() async throws {
        try await Laboratory.with { laboratory in
            let (name, password) = ("login_" + randomName(), randomName())
            try laboratory.database.run(
                script: """
                    create role \(name) login password '\(password)' in role sentinode_worker; grant \(name) to current_user;
                    alter database \(laboratory.databaseName) owner to \(name)
                    """)
            let url = try laboratory.stack.databaseURL(
                database: laboratory.databaseName, user: name, password: password)
            let (end, words) = try examine(laboratory, environment: ["SENTINODE_DATABASE_URL": url])
            try laboratory.database.run(
                script: "alter database \(laboratory.databaseName) owner to current_user; drop role \(name)")
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

    private func lines(_ words: String) -> [Substring] { words.split(separator: "\n") }

    @Test func `a queue with other settings is a fault where workers declare it, and a question where they do not`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.stack.command(
                "rabbitmqctl", "--quiet", "delete_queue", "--vhost", laboratory.broker.virtualHost, BrokerNames.patches)
            try Topology(queues: [Topology.Queue(name: BrokerNames.patches)]).declare(at: laboratory.broker)
            let (active, words) = try examine(laboratory)
            #expect(active == .exit(69))
            #expect(words.contains("MEND     sentinode.patches: ") && words.contains("406"))
            #expect(try laboratory.start("work", "--drain").waitForEnd() == .exit(78))
            let (passive, others) = try examine(laboratory, environment: ["SENTINODE_AMQP_DECLARE": "passive"])
            #expect(passive == .exit(0))
            #expect(others.contains("look at  sentinode.patches: ") && !others.contains("MEND"))
        }
    }

    @Test func `a login that may not declare is told that settings are not compared`() async throws {
        try await Laboratory.with { laboratory in
            let user = "reader-" + randomName()
            let stack = laboratory.stack
            try stack.command("rabbitmqctl", "add_user", user, "secret")
            try stack.command(
                "rabbitmqctl", "set_permissions", "--vhost", laboratory.broker.virtualHost, user, "^$", ".*", ".*")
            var url = try #require(URLComponents(string: laboratory.brokerURL))
            (url.user, url.password) = (user, "secret")
            let (end, words) = try examine(
                laboratory, environment: ["SENTINODE_AMQP_URL": try #require(url.string)])
            try stack.command("rabbitmqctl", "delete_user", user)
            #expect(end == .exit(0))
            #expect(lines(words).count { $0.contains("not compared: this login may not declare it") } == 5)
        }
    }

    @Test func `a database that is newer is well for an old worker, and everything else is looked at`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.database.run(
                script: """
                    insert into sentinode.schema_migrations (number, name, checksum)
                    values (9999, 'the_future', repeat('0', 64))
                    """)
            let (end, words) = try examine(laboratory)
            #expect(end == .exit(0))
            #expect(words.contains("newer than this program, which does not know 9999_the_future.sql"))
            #expect(words.contains("ok       model"))
        }
    }

    @Test func `a database whose history was edited is a fault, and everything else is looked at`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.database.run(
                script: "update sentinode.schema_migrations set checksum = repeat('0', 64) where number = 3")
            let (end, words) = try examine(laboratory)
            #expect(end == .exit(69))
            #expect(words.contains("MEND     schema: 0003_"))
            #expect(words.contains("ok       model"))
        }
    }

    @Test func `a database without the schema is told once, with what to do`() async throws {
        try await Laboratory.with { laboratory in
            let empty = "empty_" + randomName()
            try laboratory.stack.administrator().run(script: "create database \(empty)")
            let (end, words) = try examine(
                laboratory,
                environment: ["SENTINODE_DATABASE_URL": try laboratory.stack.databaseURL(database: empty)])
            #expect(end == .exit(69))
            #expect(words.contains("ok       database"))
            #expect(lines(words).count { $0.contains("`sentinode migrate`") } == 1)
            try laboratory.stack.administrator().run(script: "drop database \(empty)")
        }
    }

    @Test func `a reader who was granted a role that sees every score later is warned of`() async throws {
        try await Laboratory.with { laboratory in
            let login = "login_" + randomName()
            try laboratory.database.run(
                script: """
                    create role \(login) login;
                    select review.add_reader('\(login)', 'Dr. Ada Lovelace', 'pathologist', array['*'])
                    """)
            #expect(!(try examine(laboratory).1.contains("readers:")))
            try laboratory.database.run(script: "grant sentinode_auditor to \(login)")
            let (end, words) = try examine(laboratory)
            try laboratory.database.run(script: "drop role \(login)")
            #expect(end == .exit(0))
            #expect(words.contains("readers: \(login) reviews and is a member of sentinode_auditor"))
        }
    }
}
