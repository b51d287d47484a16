import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack, .ownStack, .serialized) struct WorkerOutageTests {
    /// What goes away in the middle, and comes back.
    enum Outage: String, CaseIterable, CustomTestStringConvertible {
        case databaseStopped = "PostgreSQL stopped for 10 s"
        case brokerRestarted = "RabbitMQ restarted"
        case brokerKilled = "RabbitMQ killed and started"
        case both = "PostgreSQL stopped and RabbitMQ restarted meanwhile"

        var testDescription: String { rawValue }

        func happen(to stack: Stack) throws {
            switch self {
            case .databaseStopped:
                try stack.command("stop", "postgres")
                sleep(10)
                try stack.command("start", "postgres")
            case .brokerRestarted: try stack.command("restart", "rabbitmq")
            case .brokerKilled:
                try stack.command("kill", "rabbitmq")
                try stack.command("start", "rabbitmq")
            case .both:
                try stack.command("stop", "postgres")
                try stack.command("restart", "rabbitmq")
                try stack.command("start", "postgres")
            }
        }
    }

    @Test(arguments: Outage.allCases)
    func `an outage while 5,000 jobs flow loses nothing and decides nothing twice`(outage: Outage) async throws {
        try await Laboratory.with(try OwnStack.required()) { laboratory in
            try laboratory.publish(try TestPatches.jobs(5000))
            // Small batches, so that the work lasts longer than it takes to stop a service.
            let worker = try laboratory.start("work", "--drain", "--lanes", "1", "--batch", "16")
            try wait(for: "the first predictions") { try laboratory.predictions() > 200 }
            // A broker takes half a minute to stop in order and serves meanwhile: the work must not be over by then.
            if outage == .brokerRestarted { try laboratory.holdControl() }
            try outage.happen(to: laboratory.stack)
            try laboratory.reconnect()
            #expect(try worker.waitForEnd(within: 120) == .exit(0))
            let missing = outage == .databaseStopped || outage == .both ? "the database is away" : "the broker is away"
            #expect(try worker.log().contains(missing), "the work was over before the outage")
            try laboratory.expectExactlyOnce(jobs: 5000)
            #expect(try laboratory.quarantine().isEmpty)
        }
    }

    @Test(arguments: ["60s", "1s"])
    func `an outage longer than the broker's consumer timeout loses nothing`(patience: String) async throws {
        let stack = try OwnStack.required()
        try stack.evaluate("application:set_env(rabbit, consumer_timeout, 3000).")
        try stack.evaluate("application:set_env(rabbit, channel_tick_interval, 1000).")
        try await Laboratory.with(stack) { laboratory in
            try laboratory.publish(try TestPatches.jobs(1000))
            let worker = try laboratory.start(
                "work", "--drain", "--lanes", "2", environment: ["SENTINODE_PATIENCE": patience])
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            try stack.command("stop", "postgres")
            try wait(for: "messages that came back") {
                let words = patience == "1s" ? "gave messages back" : "the broker is away"
                return try worker.log().contains(words)
            }
            try stack.command("start", "postgres")
            try laboratory.reconnect()
            #expect(try worker.waitForEnd(within: 120) == .exit(0))
            try laboratory.expectExactlyOnce(jobs: 1000)
            #expect(try laboratory.quarantine().isEmpty)
        }
        try stack.evaluate("application:set_env(rabbit, consumer_timeout, 1800000).")
    }

    @Test func `results that a broker in alarm does not take wait in the outbox and come later`() async throws {
        let stack = try OwnStack.required()
        try await Laboratory.with(stack) { laboratory in
            try laboratory.publish(try TestPatches.jobs(2000))
            try stack.command("rabbitmqctl", "set_vm_memory_high_watermark", "0")
            let worker = try laboratory.start("work", "--lanes", "1")
            // The first batch waits for its confirms in vain; the others need not.
            try wait(for: "all predictions", within: 60) { try laboratory.predictions() == 2000 }
            try wait(for: "acknowledgements") {
                try laboratory.count("select count(*) from sentinode.outbox where routing_key like 'prediction.%'")
                    == 2000
            }
            try stack.command("rabbitmqctl", "set_vm_memory_high_watermark", "0.4")
            try wait(for: "an empty outbox") {
                try laboratory.count("select count(*) from sentinode.outbox") == 0
            }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            try laboratory.expectExactlyOnce(jobs: 2000)
        }
    }

    @Test func `SIGTERM to idle lanes while the database is down ends with 0`() async throws {
        let stack = try OwnStack.required()
        try await Laboratory.with(stack) { laboratory in
            try laboratory.publish(try TestPatches.jobs(100))
            let worker = try laboratory.start("work", "--lanes", "1", "--grace", "1h")
            try wait(for: "nothing left to do") {
                try laboratory.predictions() == 100 && laboratory.count("select count(*) from sentinode.outbox") == 0
            }
            try stack.command("stop", "postgres")
            try wait(for: "the outage to be noticed") { try worker.log().contains("the outbox could not be read") }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            try stack.command("start", "postgres")
            try laboratory.reconnect()
            try laboratory.expectExactlyOnce(jobs: 100)
        }
    }

    @Test func `work that is paused outlasts a database that is away for longer than a lane is patient`() async throws {
        let stack = try OwnStack.required()
        try await Laboratory.with(stack) { laboratory in
            #expect(try laboratory.runToEnd("pause", "--reason", "maintenance").end == .exit(0))
            let environment = ["SENTINODE_PATIENCE": "1s"]
            let (worker, other) = (
                try laboratory.start("work", "--lanes", "1", environment: environment),
                try laboratory.start("work", "--lanes", "1", "--grace", "1h", environment: environment)
            )
            for worker in [worker, other] {
                try wait(for: "the pause to be seen") { try worker.log().contains("work is paused") }
            }
            try stack.command("stop", "postgres")
            for worker in [worker, other] {
                try wait(for: "the patience to end") { try worker.log().contains("the database is still away") }
            }
            other.send(SIGTERM)
            #expect(try other.waitForEnd() == .exit(0))
            try stack.command("start", "postgres")
            try laboratory.reconnect()
            try laboratory.publish(try TestPatches.jobs(50))
            #expect(try laboratory.runToEnd("resume", "--reason", "it is over").end == .exit(0))
            // What the broker does not confirm in time is left in the outbox, for the next worker too.
            try wait(for: "the work to go on") {
                try laboratory.predictions() == 50 && laboratory.count("select count(*) from sentinode.outbox") == 0
            }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            try laboratory.expectExactlyOnce(jobs: 50)
        }
    }

    @Test func `SIGTERM while the database is down ends with 69, and nothing is lost`() async throws {
        let stack = try OwnStack.required()
        try await Laboratory.with(stack) { laboratory in
            try laboratory.publish(try TestPatches.jobs(2000))
            let worker = try laboratory.start("work", "--lanes", "2", "--grace", "2s")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            try stack.command("stop", "postgres")
            try wait(for: "the outage to be noticed") { try worker.log().contains("the database is away") }
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(69))
            #expect(worker.lastWords().joined().contains("nothing is lost"))
            try stack.command("start", "postgres")
            try laboratory.reconnect()
            try laboratory.drain(lanes: 2)
            try laboratory.expectExactlyOnce(jobs: 2000)
        }
    }
}
