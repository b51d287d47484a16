import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct LogTests {
    /// A member of a line.
    private enum Value: Decodable, Equatable {
        case number(Double)
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            do {
                self = .number(try container.decode(Double.self))
            } catch {
                self = .text(try container.decode(String.self))
            }
        }

        var number: Double? { if case .number(let value) = self { value } else { nil } }
        var text: String? { if case .text(let value) = self { value } else { nil } }
    }

    /// Every line of a log as a JSON object.
    private func lines(of program: Program) throws -> [[String: Value]] {
        try program.logLines().map { try JSONDecoder().decode([String: Value].self, from: Data($0.utf8)) }
    }

    @Test func `every batch leaves one line, and no line tells what senders wrote`() async throws {
        try await Laboratory.with { laboratory in
            let secrets = ["S-4711", "Jane", "secret-message", "secret-reply", "secret-text"]
            var jobs = try TestPatches.jobs(100)
            jobs.append(
                TestPatches.message(
                    try TestPatches.png(3), id: secrets[2],
                    headers: [Field("slide_id", .text(secrets[0])), Field("patient", .text(secrets[1]))]))
            jobs.append(TestPatches.message(Array(secrets[4].utf8), id: secrets[2] + "2"))
            jobs[0].properties.replyTo = secrets[3]
            try laboratory.publish(jobs)
            let worker = try laboratory.drain(lanes: 2)
            let lines = try lines(of: worker)
            let batches = lines.filter { $0["message"] == .text("batch") }
            #expect(batches.compactMap { $0["deliveries"]?.number }.reduce(0, +) == 102)
            let recorded = try laboratory.count(
                "select count(*) from audit.events where action = 'batch.recorded'")
            #expect(batches.count == recorded)
            #expect(
                batches.allSatisfy { $0["lane"]?.number != nil && $0["ms"]?.number != nil && $0["time"]?.text != nil })
            let refusal = try #require(lines.first { $0["message"] == .text("quarantined") })
            let job = try TestPatches.jobID(secrets[2] + "2").uuidString.lowercased()
            #expect(refusal["reason"] == .text("not_png") && refusal["job"] == .text(job))
            let end = try #require(lines.last)
            #expect(end["message"] == .text("finished") && end["recorded"] == .number(101))
            #expect(end["quarantined"] == .number(1) && end["seconds"]?.number != nil)
            let log = try worker.log()
            for secret in secrets { #expect(!log.contains(secret)) }
            let password = try #require(URLComponents(string: laboratory.databaseURL)?.password)
            #expect(!log.contains(password))
        }
    }

    @Test func `every line of a worker that is stopped while nothing answers is JSON, and says only what happened`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let nowhere = "postgresql://nobody@127.0.0.1:1/none"
            let worker = try laboratory.start(
                "work", "--lanes", "1",
                environment: ["SENTINODE_DATABASE_URL": nowhere, "SENTINODE_LANE": "2"])
            try wait(for: "the outage to be noticed") { try worker.log().contains("the database is away") }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            let lines = try lines(of: worker)
            let messages = lines.compactMap { $0["message"]?.text }
            #expect(messages.first?.contains("SENTINODE_LANE (is SENTINODE_LANES meant?)") == true)
            #expect(messages.contains("finishing what was begun; once more to stop at once"))
            #expect(messages.last == "finished")
            #expect(!messages.contains { $0.contains("gave") })
            let waits = lines.compactMap { $0["wait"] }
            #expect(!waits.isEmpty)
            #expect(waits.allSatisfy { ($0.number ?? 0.001) * 100 - (($0.number ?? 0.001) * 100).rounded() < 1e-9 })
        }
    }

    @Test func `why a worker cannot begin is a line of JSON too`() async throws {
        try await Laboratory.with { laboratory in
            let worker = try laboratory.start("work", "--lanes", "0")
            #expect(try worker.waitForEnd() == .exit(78))
            let line = try #require(try lines(of: worker).first)
            #expect(line["message"] == .text("--lanes is not from 1 to 256") && line["level"] == .text("error"))
            let lost = try laboratory.start(
                "work", environment: ["SENTINODE_DATABASE_URL": laboratory.databaseURL + "?sslmode=bogus"])
            #expect(try lost.waitForEnd() == .exit(78))
            #expect(try lines(of: lost).contains { $0["message"]?.text?.contains("sslmode and sslrootcert") == true })
        }
    }
}
