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

    @Test func `SIGTERM ends a worker however early it comes`() async throws {
        try await Laboratory.with { laboratory in
            for _ in 0..<10 {
                let worker = try laboratory.start("work", "--lanes", "1")
                try wait(for: "a worker that waits for signals", every: 0) { try worker.blocks(SIGTERM) }
                worker.send(SIGTERM)
                #expect(try worker.waitForEnd() == .exit(0))
            }
        }
    }

    @Test func `SIGTERM while the database lets nothing through ends with 69 after the grace`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(300))
            try laboratory.holdControl()
            let worker = try laboratory.start("work", "--lanes", "1", "--grace", "1s")
            try wait(for: "a lane that waits for the database") { try laboratory.isALaneWaiting() }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(69))
            #expect(worker.lastWords().joined().contains("nothing is lost"))
            #expect(try laboratory.predictions() == 0)
            try laboratory.releaseControl()
            try laboratory.drain()
            try laboratory.expectExactlyOnce(jobs: 300)
        }
    }

    @Test func `the time to finish runs from the signal, however long the database was away before`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(300))
            try laboratory.holdControl()
            // Two tries last 5 s at least and a third longer than the grace, which it may not be counted against.
            let worker = try laboratory.start(
                "work", "--lanes", "1", "--grace", "7s",
                environment: ["SENTINODE_DATABASE_URL": laboratory.databaseURL(lockTimeout: "2500ms")])
            func tries() throws -> Int { try worker.log().components(separatedBy: "the database is away").count - 1 }
            try wait(for: "two tries") { try tries() == 2 }
            worker.send(SIGTERM)
            try wait(for: "a third") { try !worker.isRunning || tries() == 3 }
            try laboratory.releaseControl()
            #expect(try worker.waitForEnd() == .exit(0))
            #expect(try laboratory.predictions() > 0)
            try laboratory.drain()
            try laboratory.expectExactlyOnce(jobs: 300)
        }
    }

    @Test func `SIGTERM with no database and nothing in hand ends with 0, long before the grace is over`() async throws
    {
        try await Laboratory.with { laboratory in
            let worker = try laboratory.start(
                "work", "--lanes", "2", "--grace", "1h",
                environment: ["SENTINODE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
            try wait(for: "both lanes to notice") {
                try worker.log().components(separatedBy: "the database is away").count > 2
            }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
        }
    }

    @Test func `a second signal ends the worker at once`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(300))
            try laboratory.holdControl()
            let worker = try laboratory.start("work", "--lanes", "1", "--grace", "1h")
            try wait(for: "a lane that waits for the database") { try laboratory.isALaneWaiting() }
            worker.send(SIGTERM)
            try wait(for: "the first signal to be seen") { try worker.log().contains("once more to stop at once") }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(128 + SIGTERM))
            try laboratory.releaseControl()
            try laboratory.drain()
            try laboratory.expectExactlyOnce(jobs: 300)
        }
    }
}

extension Laboratory {
    /// The database's URL with another limit on waits for locks.
    fileprivate func databaseURL(lockTimeout: String) -> String {
        databaseURL + (databaseURL.contains("?") ? "&" : "?") + "options=-c%20lock_timeout%3D" + lockTimeout
    }

    /// Holds the lock that every decision shares: from now on no lane can record anything.
    func holdControl() throws { try database.query("select pg_advisory_lock(1397050964, 1)") }
    func releaseControl() throws { try database.query("select pg_advisory_unlock(1397050964, 1)") }

    /// Sessions that wait for it.
    func lockWaiters() throws -> Int {
        try count(
            """
            select count(*) from pg_locks where locktype = 'advisory' and not granted
                and database = (select oid from pg_database where datname = current_database())
            """)
    }

    func isALaneWaiting() throws -> Bool { try lockWaiters() > 0 }
}
