import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// A person stops the workers, by SQL.
@Suite(.needsStack) struct StopTests {
    @Test func `a reader's pause stops a worker at its commit, is announced, and a resume lets it go on`() async throws
    {
        try await Laboratory.with { laboratory in
            let login = "login_" + randomName()
            let password = randomName()
            try laboratory.database.run(script: "create role \(login) login password '\(password)'")
            defer {
                do { try laboratory.database.run(script: "drop role \(login)") } catch { Issue.record(error) }
            }
            try laboratory.database.run(
                script: "select review.add_reader('\(login)', 'Dr. Stop', 'pathologist', array['*'])")
            let url = try laboratory.stack.databaseURL(
                database: laboratory.databaseName, user: login, password: password)
            let connection = try DatabaseConnection(DatabaseSettings(url: url, applicationName: "sentinode tests"))
            defer { connection.close() }
            let reader = Session(login: login, connection: connection)

            try laboratory.publish(try TestPatches.jobs(1500))
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            #expect(try reader.value("select review.pause('scanner out of order')") == "t")
            let stopped = try laboratory.predictions()
            try wait(for: "both lanes to pause") {
                try worker.log().components(separatedBy: "work is paused").count == 3
            }
            #expect(try laboratory.predictions() == stopped)
            #expect(stopped < 1500)
            #expect(try reader.value("select review.resume('scanner mended')") == "t")
            try wait(for: "all predictions") { try laboratory.predictions() == 1500 }
            try wait(for: "the outbox") { try laboratory.count("select count(*) from sentinode.outbox") == 0 }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            let kinds = Set(try laboratory.takeEvents().map(\.routingKey))
            #expect(kinds.isSuperset(of: ["work.paused", "work.resumed"]))
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `a stop needs a reason, changes nothing twice, and names who made it`() async throws {
        try await ReviewRoom.with { room in
            let reader = try room.makeReader("Dr. Stop")
            for (call, words) in [("pause", "pausing needs a reason"), ("resume", "resuming needs a reason")] {
                try expectRefusal("SN007", words, reader, "select review.\(call)(' ')")
                try expectRefusal("SN007", words, reader, "select review.\(call)(null)")
            }
            #expect(try reader.value("select review.resume('x')") == "f")
            #expect(try reader.value("select review.pause('x')") == "t")
            #expect(try reader.value("select review.pause('y')") == "f")
            #expect(
                reader.connection.takeNotices().contains {
                    $0.hasPrefix("work is paused already, since 20") && $0.contains(" by Dr. Stop: x")
                })
            #expect(try room.administrator().value("select review.resume('z')") == "t")
            let rows = try room.operatorSession.rows(
                """
                select action, person, reason, actor from audit.events where action like 'work.%' order by occurred_at
                """)
            #expect(
                rows == [
                    ["work.paused", "Dr. Stop", "x", reader.login],
                    ["work.resumed", nil, "z", try room.administrator().login],
                ])
            let control = try room.operatorSession.rows(
                "select paused, reason, active_version is not null from sentinode.control order by generation desc limit 2"
            )
            #expect(control == [["f", "z", "t"], ["t", "x", "t"]])
            #expect(try room.auditProblems() == [])
        }
    }
}
