import Foundation
import Synchronization
import Testing

@testable import MessageBroker

@Suite(.needsBroker) struct ConsumerTests {
    @Test func `a message with every kind of header makes the round trip unchanged`() async throws {
        try await LiveBroker.withVhost { vhost in
            var sent = try MessageProperties(encodedHeaders: WireSamples.table(WireSamples.everyKind))
            sent.contentType = "image/png"
            sent.messageID = "m-1"
            sent.correlationIDBytes = [0xFF, 0x00, 0x80]
            sent.timestamp = 1_700_000_000
            sent.priority = 3
            try vhost.publish([[7, 8, 9]], properties: sent)
            let consumer = try vhost.consumer()
            let delivery = try #require(try consumer.receive(upTo: 64, wait: 60, linger: 0).first)
            #expect(delivery.properties.headers == sent.headers)
            #expect(delivery.properties.encodedHeaders() == sent.encodedHeaders())
            #expect(delivery.properties.correlationIDBytes == [0xFF, 0x00, 0x80])
            #expect(delivery.properties.malformedText)
            #expect(delivery.properties.messageID == "m-1" && delivery.properties.timestamp == 1_700_000_000)
            #expect(delivery.body == .bytes([7, 8, 9]))
            #expect(delivery.routingKey == vhost.queue && delivery.exchange.isEmpty)
            #expect(!delivery.redelivered && delivery.deliveryCount == nil)
            try consumer.acknowledge([delivery.tag])
            consumer.close()
            #expect(try vhost.holds(0))
        }
    }

    @Test func `batches are filled up to their count and nothing is lost between them`() async throws {
        try await LiveBroker.withVhost { vhost in
            try vhost.publish((0..<150).map { [UInt8($0)] })
            let consumer = try vhost.consumer()
            var seen: [Body] = []
            for _ in 0..<20 where seen.count < 150 {
                let batch = try consumer.receive(upTo: 64, wait: 5, linger: 0.5)
                #expect(batch.count <= 64)
                seen += batch.map(\.body)
                try consumer.acknowledge(batch.map(\.tag).shuffled())
            }
            #expect(seen == (0..<150).map { .bytes([UInt8($0)]) })
            #expect(consumer.unsettledCount == 0)
            consumer.close()
            #expect(try vhost.holds(0))
        }
    }

    @Test func `waiting for nothing ends, and waiting for something does not end before it`() async throws {
        try await LiveBroker.withVhost { vhost in
            let rounds = Mutex<[Int]>([])
            LiveBroker.beside {
                let consumer = try vhost.consumer()
                rounds.withLock { $0.append(0) }
                let nothing = try consumer.receive(upTo: 64, wait: 0.3, linger: 600).count
                rounds.withLock { $0.append(nothing) }
                let something = try consumer.receive(upTo: 1, wait: 600, linger: 0).count
                rounds.withLock { $0.append(something) }
            }
            #expect(LiveBroker.eventually { rounds.withLock { $0.count } == 2 })
            try vhost.publish([[1]])
            #expect(LiveBroker.eventually { rounds.withLock { $0 } == [0, 0, 1] })
        }
    }

    @Test func `a byte in the wake pipe ends the wait before its time`() async throws {
        try await LiveBroker.withVhost { vhost in
            let pipe = Pipe()
            pipe.fileHandleForWriting.write(Data([1]))
            let wake = pipe.fileHandleForReading.fileDescriptor
            let received = Mutex<Int?>(nil)
            LiveBroker.beside {
                let count = try vhost.consumer().receive(upTo: 64, wait: 3600, linger: 0, wake: wake).count
                received.withLock { $0 = count }
            }
            #expect(LiveBroker.eventually { received.withLock { $0 } == 0 })
            withExtendedLifetime(pipe) {}
        }
    }

    @Test func `what was not acknowledged comes back marked and counted`() async throws {
        try await LiveBroker.withVhost { vhost in
            try vhost.publish([[1], [2]])
            let first = try vhost.consumer()
            let batch = try first.receive(upTo: 2, wait: 60, linger: 60)
            #expect(batch.map(\.redelivered) == [false, false])
            try first.acknowledge([batch[0].tag])
            first.close()
            let second = try vhost.consumer()
            let again = try second.receive(upTo: 2, wait: 60, linger: 0.3)
            #expect(again.map(\.body) == [.bytes([2])])
            #expect(again[0].redelivered && again[0].deliveryCount == 1)
        }
    }

    @Test func `a tag of an earlier connection or a settled one is refused and never sent`() async throws {
        try await LiveBroker.withVhost { vhost in
            try vhost.publish([[1]])
            let first = try vhost.consumer()
            let stale = try #require(try first.receive(upTo: 1, wait: 60, linger: 0).first)
            first.close()
            let second = try vhost.consumer()
            let fresh = try #require(try second.receive(upTo: 1, wait: 60, linger: 0).first)
            let error = try #require(throws: BrokerError.self) { try second.acknowledge([fresh.tag, stale.tag]) }
            #expect(error.message.contains("earlier connection"))
            #expect(throws: BrokerError.self) { try second.reject(stale.tag, requeue: false) }
            #expect(second.unsettledCount == 1)
            try second.acknowledge([fresh.tag])
            #expect(throws: BrokerError.self) { try second.acknowledge([fresh.tag]) }
            try second.service()
            second.close()
            #expect(try vhost.holds(0))
        }
    }

    @Test func `a rejected delivery goes to the dead-letter queue or back`() async throws {
        try await LiveBroker.withVhost { vhost in
            try vhost.publish([[1]])
            let consumer = try vhost.consumer()
            let once = try #require(try consumer.receive(upTo: 1, wait: 60, linger: 0).first)
            try consumer.reject(once.tag, requeue: true)
            let twice = try #require(try consumer.receive(upTo: 1, wait: 60, linger: 0).first)
            #expect(twice.redelivered)
            try consumer.reject(twice.tag, requeue: false)
            #expect(try vhost.holds(1, in: "dead"))
            #expect(try vhost.holds(0))
        }
    }

    @Test func `after cancelling, what was sent ahead is handed out and the rest stays in the queue unmarked`()
        async throws
    {
        try await LiveBroker.withVhost { vhost in
            try vhost.publish((0..<20).map { [UInt8($0)] })
            let consumer = try vhost.consumer(prefetch: 10)
            var taken = try consumer.receive(upTo: 4, wait: 60, linger: 60)
            try consumer.cancel()
            while case let more = try consumer.receive(upTo: 4, wait: 0.3, linger: 0), !more.isEmpty { taken += more }
            #expect(taken.map(\.body) == (0..<10).map { .bytes([UInt8($0)]) })
            try consumer.acknowledge(taken.map(\.tag))
            consumer.close()
            #expect(try vhost.holds(10))
            let next = try vhost.consumer()
            let rest = try next.receive(upTo: 10, wait: 60, linger: 60)
            #expect(rest.count == 10 && rest.allSatisfy { !$0.redelivered })
        }
    }

    @Test func `a deleted queue ends the consumer with a sentence that says so`() async throws {
        try await LiveBroker.withVhost { vhost in
            let consumer = try vhost.consumer()
            try vhost.rabbitmqctl("delete_queue", "-p", vhost.name, vhost.queue)
            let error = try #require(throws: BrokerError.self) {
                try consumer.receive(upTo: 1, wait: 20, linger: 0)
            }
            #expect(error.description.contains(vhost.queue) && error.message.contains("deleted"))
            #expect(error.isTransient)
            #expect(throws: error) { try consumer.service() }
        }
    }

    @Test func `an idle consumer that is serviced outlives many heartbeats`() async throws {
        try await LiveBroker.withVhost { vhost in
            let consumer = try vhost.consumer(heartbeat: 1)
            let end = Deadline.after(5)
            while !end.hasPassed {
                try consumer.service()
                usleep(300_000)
            }
            try vhost.publish([[1]])
            #expect(try consumer.receive(upTo: 1, wait: 60, linger: 0).count == 1)
        }
    }
}
