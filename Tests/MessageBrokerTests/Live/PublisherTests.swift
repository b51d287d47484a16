import Testing

@testable import MessageBroker

@Suite(.needsBroker) struct PublisherTests {
    @Test func `a batch is confirmed and stands in the queue`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            for _ in 0..<3 {
                let outcomes = try publisher.publish((0..<200).map { vhost.message([UInt8($0)]) }, deadline: 20)
                #expect(outcomes == Array(repeating: .confirmed, count: 200))
            }
            #expect(try publisher.publish([], deadline: 1).isEmpty)
            #expect(try LiveBroker.eventually { try publisher.depth(of: vhost.queue).messages == 600 })
        }
    }

    @Test func `a message that no queue takes is returned and its neighbours are confirmed`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            let outcomes = try publisher.publish(
                [
                    vhost.message(), vhost.message(to: "nowhere"), vhost.message(),
                    vhost.message(to: "nowhere", mandatory: false), vhost.message(to: "nowhere"),
                ], deadline: 20)
            let returned = PublishOutcome.returned(code: 312, text: "NO_ROUTE")
            #expect(outcomes == [.confirmed, returned, .confirmed, .confirmed, returned])
        }
    }

    @Test func `a message that comes back when nobody waits for it any more disturbs nothing`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            // On a busy machine the answer may be there at once.
            #expect(
                try LiveBroker.eventually {
                    try publisher.publish([vhost.message(to: "nowhere")], deadline: 0) == [.unconfirmed]
                })
            // The return is read here, once it has come.
            _ = try publisher.connection.wait(until: .after(20))
            try publisher.service()
            #expect(try publisher.publish([vhost.message()], deadline: 20) == [.confirmed])
        }
    }

    @Test func `a full queue that rejects gives a refusal`() async throws {
        try await LiveBroker.withVhost { vhost in
            let full = Topology.Queue(
                name: "small",
                arguments: [Field("x-max-length", .int(1)), Field("x-overflow", .text("reject-publish"))])
            let publisher = try Publisher(vhost.settings(), topology: Topology(queues: [full]))
            let outcomes = try publisher.publish(
                Array(repeating: vhost.message(to: "small"), count: 5), deadline: 20)
            #expect(outcomes.contains(.refused))
            #expect(outcomes.first == .confirmed)
        }
    }

    @Test func `what the wire cannot carry is returned with 502 and its neighbours are confirmed`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            let long = MessageProperties(replyTo: String(repeating: "r", count: 300))
            let wide = MessageProperties(headers: [Field("h", .bytes([UInt8](repeating: 0, count: 140_000)))])
            let outcomes = try publisher.publish(
                [vhost.message(), vhost.message(properties: long), vhost.message(properties: wide), vhost.message()],
                deadline: 20)
            #expect(outcomes[0] == .confirmed && outcomes[3] == .confirmed)
            for outcome in outcomes[1...2] {
                guard case .returned(code: 502, _) = outcome else {
                    Issue.record("an unsendable message ended as \(outcome)")
                    continue
                }
            }
        }
    }

    @Test func `a body larger than many frames arrives whole`() async throws {
        try await LiveBroker.withVhost { vhost in
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }
            try vhost.publish([body, [1]])
            let consumer = try vhost.consumer(bodyLimit: 4_000_000)
            let batch = try consumer.receive(upTo: 2, wait: 60, linger: 60)
            #expect(batch.map(\.body) == [.bytes(body), .bytes([1])])
        }
    }

    @Test func `a missing exchange is an error with the broker's text and finishes the publisher`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            var message = vhost.message()
            message.exchange = "no.such.exchange"
            let error = try #require(throws: BrokerError.self) { try publisher.publish([message], deadline: 20) }
            #expect(error.code == 404 && error.message.contains("no.such.exchange"))
            #expect(throws: error) { try publisher.publish([vhost.message()], deadline: 1) }
            #expect(throws: error) { try publisher.service() }
        }
    }

    @Test func `a user id of someone else is refused by the broker with 406`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            let message = vhost.message(properties: MessageProperties(userID: "someone"))
            let error = try #require(throws: BrokerError.self) { try publisher.publish([message], deadline: 20) }
            #expect(error.code == 406 && error.message.contains("user_id"))
        }
    }
}

@Suite(.needsBroker) struct TopologyTests {
    @Test func `declaring twice changes nothing and bindings route`() async throws {
        try await LiveBroker.withVhost { vhost in
            var topology = vhost.topology
            topology.exchanges = [.init(name: "jobs", kind: .direct), .init(name: "events", kind: .topic)]
            topology.bindings = [.init(queue: vhost.queue, exchange: "jobs", routingKey: "patches")]
            try topology.declare(at: vhost.settings())
            try topology.declare(at: vhost.settings())
            let message = OutgoingMessage(exchange: "jobs", routingKey: "patches", body: [1], mandatory: true)
            #expect(try vhost.publisher().publish([message], deadline: 20) == [.confirmed])
            topology.passive = true
            try topology.declare(at: vhost.settings())
        }
    }

    @Test func `a queue that exists with other settings is refused with its name and what to do`() async throws {
        try await LiveBroker.withVhost { vhost in
            try vhost.topology.declare(at: vhost.settings())
            var other = vhost.topology
            other.queues[0].arguments[1] = Field("x-dead-letter-exchange", .text("elsewhere"))
            let error = try #require(throws: BrokerError.self) { try other.declare(at: vhost.settings()) }
            #expect(error.code == 406 && !error.isTransient)
            #expect(error.message.contains("x-dead-letter-exchange"))
            #expect(error.message.contains("SENTINODE_AMQP_DECLARE=passive") && error.description.contains(vhost.queue))
            other.passive = true
            try other.declare(at: vhost.settings())
        }
    }

    @Test func `checking finds what is missing`() async throws {
        try await LiveBroker.withVhost { vhost in
            var passive = vhost.topology
            passive.passive = true
            let error = try #require(throws: BrokerError.self) { try passive.declare(at: vhost.settings()) }
            #expect(error.code == 404 && !error.isTransient && error.message.contains("does not exist"))
            #expect(throws: BrokerError.self) { try QueueDepth.of(queue: "nothing", at: vhost.settings()) }
        }
    }
}
