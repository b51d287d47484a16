import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ShutdownTests {
    @Test func `SIGTERM in the middle ends with 0, nothing lost and nothing given back`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(2000))
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            let done = try laboratory.predictions()
            let rest = try laboratory.take(from: BrokerNames.patches)
            #expect(done + rest.count == 2000)
            #expect(rest.count > 0)
            #expect(rest.count { $0.redelivered || $0.deliveryCount != nil } == 0)
            let events = try laboratory.takeEvents().filter(\.isPrediction)
            #expect(events.count == done)
            #expect(try laboratory.depth(of: BrokerNames.deadPatches) == 0)
        }
    }

    @Test func `an idle worker ends when it is asked to`() async throws {
        try await Laboratory.with { laboratory in
            let worker = try laboratory.start("work", "--lanes", "2")
            try wait(for: "two lanes") { try worker.log().components(separatedBy: "\"ready\"").count > 2 }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
        }
    }

    @Test func `SIGTERM while the database lets nothing through ends with 69 after the grace`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(300))
            try laboratory.holdControl()
            let worker = try laboratory.start("work", "--lanes", "1", "--grace", "1s")
            try wait(for: "a lane that waits for the database") { try laboratory.isALaneWaiting() }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd(within: 25) == .exit(69))
            #expect(worker.lastWords().joined().contains("nothing is lost"))
            #expect(try laboratory.predictions() == 0)
            try laboratory.releaseControl()
            try laboratory.drain()
            try laboratory.expectExactlyOnce(jobs: 300)
        }
    }

    @Test func `a second signal ends the worker at once`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(300))
            try laboratory.holdControl()
            let worker = try laboratory.start("work", "--lanes", "1", "--grace", "60s")
            try wait(for: "a lane that waits for the database") { try laboratory.isALaneWaiting() }
            worker.send(SIGTERM)
            try wait(for: "the first signal to be seen") { try worker.log().contains("once more to stop at once") }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd(within: 2) == .exit(128 + SIGTERM))
            try laboratory.releaseControl()
            try laboratory.drain()
            try laboratory.expectExactlyOnce(jobs: 300)
        }
    }
}

extension Laboratory {
    /// Holds the lock that every decision shares: from now on no lane can record anything.
    func holdControl() throws { try database.query("select pg_advisory_lock(1397050964, 1)") }
    func releaseControl() throws { try database.query("select pg_advisory_unlock(1397050964, 1)") }

    func isALaneWaiting() throws -> Bool {
        try count(
            """
            select count(*) from pg_locks where locktype = 'advisory' and not granted
                and database = (select oid from pg_database where datname = current_database())
            """) > 0
    }
}
