import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct LogTests {
    /// A log line as JSON; numbers are text.
    private func fields(of line: Substring) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
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
            let lines = try worker.logLines().filter { $0.hasPrefix("{") }.map(fields)
            let batches = lines.filter { $0["message"] == "batch" }
            #expect(batches.compactMap { Int($0["deliveries"] ?? "") }.reduce(0, +) == 102)
            let recorded = try laboratory.count(
                "select count(*) from audit.events where action = 'batch.recorded'")
            #expect(batches.count == recorded)
            #expect(batches.allSatisfy { $0["lane"] != nil && $0["ms"] != nil && $0["time"] != nil })
            #expect(lines.count { $0["message"] == "quarantined" && $0["reason"] == "not_png" } == 1)
            let log = try worker.log()
            for secret in secrets { #expect(!log.contains(secret)) }
            let password = try #require(URLComponents(string: laboratory.databaseURL)?.password)
            #expect(!log.contains(password))
        }
    }
}
