import Database
import Foundation
import MessageBroker
import Testing

@testable import Evaluation

/// Answers to `reply_to`, and what addresses that lead nowhere may not do to others.
@Suite(.needsStack) struct ReplyTests {
    @Test(arguments: [
        "amq.rabbitmq.reply-to", "amq.rabbitmq.reply-to.", "amq.rabbitmq.reply-to.AA.b", "amq.rabbitmq.reply-to.!.b",
        "amq.rabbitmq.reply-to.AA", "amq.rabbitmq.reply-to.g1g=.b",
        // An atom of no length, a process id that is cut, and one with a byte too many.
        "amq.rabbitmq.reply-to.g1h3AAAAAAAAAAAAAAAAAA==.b", "amq.rabbitmq.reply-to.g1h3A2FAYgAAAAEAAAAAAAAA.b",
        "amq.rabbitmq.reply-to.g1h3A2FAYgAAAAEAAAAAAAAAAAA=.b",
    ])
    func `an address that no broker has given out is no direct reply`(queue: String) {
        #expect(BrokerNames.isUnreachable(queue))
    }

    @Test func `addresses that the broker gives out are direct replies`() async throws {
        #expect(!BrokerNames.isUnreachable("amq.rabbitmq.reply-to.g1h3A2FAYgAAAAEAAAAAAAAAAA==.b"))
        try await onDedicatedThread {
            for version in ["v1", "v2"] {
                let address = try brokersOwnAddress(try #require(Stack.ofTheRun), version)
                #expect(!BrokerNames.isUnreachable(address), "\(address)")
            }
        }
    }

    @Test func `who waits for a direct reply gets it`() async throws {
        try await Laboratory.with { laboratory in
            let sender = try WirePublisher(url: laboratory.brokerURL)
            try sender.consumeReplies()
            var message = BadMessage("asks", try TestPatches.png(1), .recorded)
            message.properties.replyTo = Array("amq.rabbitmq.reply-to".utf8)
            try sender.publish(
                message.properties.encoded, body: message.body, exchange: BrokerNames.jobs,
                routingKey: BrokerNames.patchesKey)
            try sender.waitForConfirms()
            try laboratory.drain()
            try sender.waitForReply()
        }
    }

    @Test func `a flood of malformed direct replies costs no connection and keeps no other answer back`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(
                try TestPatches.jobs(120).enumerated().map { number, job in
                    job.answered(number % 6 == 0 ? Laboratory.repliesQueue : "amq.rabbitmq.reply-to.AA.b")
                })
            let worker = try laboratory.drain()
            #expect(try worker.log().contains("\"replies_lost\":100,"))
            #expect(try !worker.log().contains("the publishing connection is lost"))
            #expect(try laboratory.take(from: Laboratory.repliesQueue).count == 20)
            try laboratory.expectExactlyOnce(jobs: 120)
        }
    }

    @Test func `a direct reply to a connection that is gone keeps no other answer back`() async throws {
        try await Laboratory.with { laboratory in
            let gone = try brokersOwnAddress(laboratory.stack, "v2")
            try laboratory.publish(try TestPatches.jobs(20).map { $0.answered(gone) })
            let worker = try laboratory.drain()
            #expect(try !worker.log().contains("the publishing connection is lost"))
            try laboratory.expectExactlyOnce(jobs: 20)
        }
    }

    @Test func `replies that a full queue rejects wait in the outbox, hold up no drain, and come once there is room`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let full = "test.full"
            let topology = Topology(queues: [
                Topology.Queue(
                    name: full,
                    arguments: [Field("x-max-length", .int(1)), Field("x-overflow", .text("reject-publish"))])
            ])
            try Publisher(laboratory.broker, topology: topology).close()
            try laboratory.publish(try TestPatches.jobs(3).map { $0.answered(full) })
            try laboratory.drain()
            #expect(try laboratory.predictions() == 3)
            #expect(try Set(laboratory.takeEvents().filter(\.isPrediction).compactMap(\.content.job_id)).count == 3)
            #expect(
                try laboratory.count(
                    "select count(*) from sentinode.outbox where routing_key = $1 and refusals >= 3", [.text(full)])
                    == 2)

            // As a clock that was ahead until now leaves them: they do not wait for that time.
            try laboratory.database.run(script: "update sentinode.outbox set due_at = due_at + interval '1 day'")
            _ = try laboratory.start("work", "--lanes", "1")
            var answered: Set<UUID> = []
            try wait(for: "every reply", within: 60) {
                answered.formUnion(
                    try laboratory.take(from: full, quiet: 0.1).map(Event.init).compactMap(\.content.job_id))
                return answered.count == 3
            }
            try wait(for: "an empty outbox") { try laboratory.count("select count(*) from sentinode.outbox") == 0 }
        }
    }
}

/// An address as the broker itself makes it, of a process that ends at once.
private func brokersOwnAddress(_ stack: Stack, _ version: String) throws -> String {
    let answer = try stack.command(
        "rabbitmqctl", "--quiet", "eval",
        "element(2, rabbit_direct_reply_to:compute_key_and_suffix_\(version)(self())).")
    return "amq.rabbitmq.reply-to." + answer.filter { !"<>\"\n ".contains($0) }
}

extension OutgoingMessage {
    fileprivate func answered(_ queue: String) -> OutgoingMessage {
        var message = self
        message.properties.replyTo = queue
        return message
    }
}
