import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// Bodies that are stored nowhere else, on a queue that drops what is rejected.
@Suite(.needsStack) struct DeadLettersTests {
    private static let passive = ["SENTINODE_AMQP_DECLARE": "passive", "SENTINODE_BODY_LIMIT": "100000"]

    /// Puts a queue in place of the product's that has no dead-letter exchange.
    private func dropDeadLetters(in laboratory: Laboratory) throws {
        try laboratory.stack.command(
            "rabbitmqctl", "--quiet", "delete_queue", "--vhost", laboratory.broker.virtualHost, BrokerNames.patches)
        let queue = Topology.Queue(
            name: BrokerNames.patches, arguments: [Field("x-queue-type", .text("quorum"))])
        let binding = Topology.Binding(
            queue: BrokerNames.patches, exchange: BrokerNames.jobs, routingKey: BrokerNames.patchesKey)
        try Topology(queues: [queue], bindings: [binding]).declare(at: laboratory.broker)
    }

    /// On a connection of its own: the laboratory's may have been idle for too long.
    private func publish(_ messages: [OutgoingMessage], in laboratory: Laboratory) throws {
        let publisher = try Publisher(laboratory.broker)
        defer { publisher.close() }
        try #require(try publisher.publish(messages, deadline: 30).allSatisfy { $0 == .confirmed })
    }

    @Test func `a body over the limit is copied whole to the dead-letter queue before it is acknowledged`() async throws
    {
        try await Laboratory.with { laboratory in
            try dropDeadLetters(in: laboratory)
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            var large = TestPatches.message(body, id: "large", headers: [Field("slide_id", .text("S-1"))])
            large.properties.correlationID = "c-1"
            try publish([large] + TestPatches.jobs(20), in: laboratory)
            try laboratory.drain(environment: Self.passive)
            #expect(try laboratory.quarantine() == [TestPatches.jobID("large"): ["too_large"]])
            #expect(try laboratory.predictions() == 20)
            let dead = try laboratory.take(from: BrokerNames.deadPatches)
            #expect(dead.count == 1)
            let isWhole = dead.first?.body == .bytes(body)
            #expect(isWhole)
            #expect(dead.first?.properties.messageID == "large" && dead.first?.properties.correlationID == "c-1")
            #expect(dead.first?.properties.header("slide_id") == .text("S-1"))
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
        }
    }

    @Test func `a body that cannot be copied is not acknowledged`() async throws {
        try await Laboratory.with { laboratory in
            try dropDeadLetters(in: laboratory)
            // A queue that is always full, and says so.
            try laboratory.stack.command(
                "rabbitmqctl", "--quiet", "delete_queue", "--vhost", laboratory.broker.virtualHost,
                BrokerNames.deadPatches)
            let full = [Field("x-max-length", .int(0)), Field("x-overflow", .text("reject-publish"))]
            try Topology(queues: [Topology.Queue(name: BrokerNames.deadPatches, arguments: full)]).declare(
                at: laboratory.broker)
            let large = TestPatches.message([UInt8](repeating: 7, count: 200_000), id: "large")
            try publish([large], in: laboratory)
            let worker = try laboratory.start("work", "--lanes", "1", environment: Self.passive)
            try wait(for: "a refused copy") { try worker.log().contains("the queue is full") }
            worker.stop()
            try wait(for: "the message in its queue") { try laboratory.depth(of: BrokerNames.patches) == 1 }
        }
    }

    @Test func `what cannot even be quarantined is copied there too`() async throws {
        try await Laboratory.with { laboratory in
            try dropDeadLetters(in: laboratory)
            try laboratory.database.run(
                script: """
                    alter table sentinode.quarantined_messages add check (reason <> 'unstorable');
                    alter table sentinode.predictions add check (slide_id <> 'S-refused')
                    """)
            let png = try TestPatches.png(1)
            let refused = TestPatches.message(png, id: "refused", headers: [Field("slide_id", .text("S-refused"))])
            try publish([refused] + TestPatches.jobs(20), in: laboratory)
            try laboratory.drain(environment: Self.passive)
            #expect(try laboratory.predictions() == 20)
            let dead = try laboratory.take(from: BrokerNames.deadPatches)
            #expect(dead.map(\.properties.messageID) == ["refused"])
            #expect(dead.first?.body == .bytes(png))
        }
    }
}
