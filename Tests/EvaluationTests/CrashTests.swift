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
            #expect(try crashesUntilDrained(laboratory, lanes: 4) == 4)
            #expect(try laboratory.quarantine() == [TestPatches.jobID("poison"): ["crashed_worker"]])
            try laboratory.expectExactlyOnce(jobs: 500)
        }
    }

    @Test func `a message that is replayed is tried as often as a new one, and is open again where it still kills`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.publish([TestPatches.message(try TestPatches.png(99), id: "poison")])
            #expect(try crashesUntilDrained(laboratory) == 4)
            let job = try TestPatches.jobID("poison").uuidString
            let replay = try laboratory.start("quarantine", "replay", job, "--reason", "the worker was mended")
            #expect(try replay.waitForEnd() == .exit(0))
            #expect(try crashesUntilDrained(laboratory) == 4)
            #expect(
                try laboratory.count(
                    "select count(*) from review.quarantine where state = 'open' and occurrences = 2") == 1)
            // Mended, it becomes a prediction although it killed eight workers before.
            let again = try laboratory.start("quarantine", "replay", job, "--reason", "mended at last")
            #expect(try again.waitForEnd() == .exit(0))
            try laboratory.drain()
            #expect(try laboratory.predictions() == 1)
        }
    }

    @Test func `nothing is kept of attempts that a worker survived`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(20))
            let worker = try laboratory.start(
                "work", "--lanes", "1", environment: ["SENTINODE_TEST_DIE_BEFORE": "record"])
            #expect(try worker.waitForEnd() == .signal(SIGKILL))
            try laboratory.database.run(
                script: """
                    create table attempts_made (attempt_id uuid);
                    create function note_attempt() returns trigger language plpgsql security definer as
                        'begin insert into public.attempts_made values (new.attempt_id); return new; end';
                    create trigger note_attempt after insert on sentinode.attempts
                        for each row execute function note_attempt();
                    """)
            try laboratory.drain()
            #expect(try laboratory.predictions() == 20)
            #expect(try laboratory.count("select count(*) from attempts_made") == 20)
            #expect(try laboratory.count("select count(*) from sentinode.attempts") == 0)
        }
    }

    /// Starts workers, which the message `poison` kills, until one ends well; how many died.
    private func crashesUntilDrained(_ laboratory: Laboratory, lanes: Int = 1) throws -> Int {
        var crashes = 0
        while true {
            let worker = try laboratory.start(
                "work", "--drain", "--lanes", "\(lanes)", environment: ["SENTINODE_TEST_CRASH_ON": "poison"])
            let end = try worker.waitForEnd()
            if end == .exit(0) { return crashes }
            #expect(end == .signal(SIGABRT))
            crashes += 1
            try #require(crashes <= 10, "the message goes on killing workers")
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
