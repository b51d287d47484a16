import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct CrashTests {
    @Test(arguments: ["decode", "classify", "record", "announce", "acknowledge", "acknowledged"])
    func `a worker killed before a step loses nothing and decides nothing twice`(step: String) async throws {
        try await Laboratory.with { laboratory in
            let jobs = try TestPatches.jobs(150)
            try laboratory.publish(jobs)
            let worker = try laboratory.start(
                "work", "--lanes", "1", environment: ["SENTINODE_TEST_DIE_BEFORE": step])
            #expect(try worker.waitForEnd() == .signal(SIGKILL))
            try laboratory.drain()
            try laboratory.expectExactlyOnce(jobs: 150)
        }
    }

    @Test func `a message that kills workers ends in quarantine alone, and 500 others are predicted`() async throws {
        try await Laboratory.with { laboratory in
            var jobs = try TestPatches.jobs(500)
            jobs.insert(TestPatches.message(try TestPatches.png(99), id: "poison"), at: 250)
            try laboratory.publish(jobs)
            var crashes = 0
            while true {
                let worker = try laboratory.start(
                    "work", "--drain", "--lanes", "4", environment: ["SENTINODE_TEST_CRASH_ON": "poison"])
                let end = try worker.waitForEnd()
                if end == .exit(0) { break }
                #expect(end == .signal(SIGABRT))
                crashes += 1
                try #require(crashes <= 10, "the message goes on killing workers")
            }
            #expect(crashes == 4)
            #expect(try laboratory.quarantine() == [TestPatches.jobID("poison"): ["crashed_worker"]])
            try laboratory.expectExactlyOnce(jobs: 500)
        }
    }
}

extension Laboratory {
    /// Every job `job-0`, `job-1`, ... has one prediction, one event at least and always the same; nothing else is left.
    func expectExactlyOnce(jobs: Int) throws {
        let expected = Set(try (0..<jobs).map { try TestPatches.jobID("job-\($0)") })
        let stored = try database.query("select job_id from sentinode.predictions").map { try $0.uuid("job_id") }
        #expect(Set(stored) == expected)
        #expect(stored.count == jobs)
        let events = try takeEvents().filter(\.isPrediction)
        #expect(Set(events.compactMap(\.content.job_id)) == expected)
        let bodies = Dictionary(grouping: events, by: \.content.event_id).mapValues { Set($0.map(\.body)).count }
        #expect(bodies.count == jobs)
        #expect(bodies.values.allSatisfy { $0 == 1 })
        #expect(try depth(of: BrokerNames.patches) == 0)
        #expect(try depth(of: BrokerNames.deadPatches) == 0)
        #expect(try count("select count(*) from sentinode.outbox") == 0)
        let findings = try AuditVerifier(database: database).verify()
        #expect(findings.problems == [])
    }
}
