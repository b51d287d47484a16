import Foundation
import Testing

@testable import MessageBroker

@Suite(.serialized, .needsBroker, .privateBroker) struct OutageTests {
    private static func onPrivateVhost(_ body: @escaping @Sendable (Vhost) throws -> Void) async throws {
        try await LiveBroker.withVhost(folder: PrivateBroker.folder(), body)
    }

    @Test func `a memory alarm blocks the publisher until it ends, and the consumer goes on`() async throws {
        try await Self.onPrivateVhost { vhost in
            let publisher = try vhost.publisher()
            let first = try publisher.publish((0..<10).map { vhost.message([UInt8($0)]) }, deadline: 20)
            #expect(first.allSatisfy { $0 == .confirmed })
            let consumer = try vhost.consumer(prefetch: 10)
            try vhost.rabbitmqctl("set_vm_memory_high_watermark", "0")
            defer { #expect(throws: Never.self) { try vhost.rabbitmqctl("set_vm_memory_high_watermark", "0.4") } }
            // 19 MB: far more than the sockets between here and there hold.
            let large = Array(repeating: vhost.message([UInt8](repeating: 1, count: 19_000)), count: 1000)
            // It returns although the alarm lasts until below.
            let blocked = try publisher.publish(large, deadline: 2)
            #expect(blocked.contains(.unconfirmed) && publisher.isBlocked)
            let batch = try consumer.receive(upTo: 10, wait: 60, linger: 60)
            try consumer.acknowledge(batch.map(\.tag))
            #expect(batch.count == 10)
            try vhost.rabbitmqctl("set_vm_memory_high_watermark", "0.4")
            #expect(
                try LiveBroker.eventually {
                    try publisher.service()
                    return !publisher.isBlocked
                })
            #expect(try publisher.publish([vhost.message()], deadline: 20) == [.confirmed])
        }
    }

    @Test func `a consumer timeout is reported with the broker's text and frees the messages`() async throws {
        try await Self.onPrivateVhost { vhost in
            try vhost.rabbitmqctl(
                "eval",
                "application:set_env(rabbit, consumer_timeout, 1000), "
                    + "application:set_env(rabbit, channel_tick_interval, 1000).")
            try vhost.publish([[1]])
            let consumer = try vhost.consumer()
            #expect(try consumer.receive(upTo: 1, wait: 60, linger: 0).count == 1)
            let error = try #require(throws: BrokerError.self) {
                try consumer.receive(upTo: 1, wait: 90, linger: 0)
            }
            #expect(error.code == 406 && error.isTransient && error.message.contains("timed out"))
            // The connection still stands: only an answered close lets the broker hand the message out again.
            #expect(try vhost.holds(1))
            try vhost.rabbitmqctl(
                "eval",
                "application:set_env(rabbit, consumer_timeout, 1800000), "
                    + "application:set_env(rabbit, channel_tick_interval, 60000).")
            withExtendedLifetime(consumer) {}
        }
    }

    @Test func `a broker that is frozen is noticed after two heartbeats`() async throws {
        try await Self.onPrivateVhost { vhost in
            // Long enough that the broker hears of the consumer while a busy machine opens the publisher.
            let consumer = try vhost.consumer(heartbeat: 8)
            let publisher = try vhost.publisher(heartbeat: 8)
            let broker = try Self.processID(vhost)
            kill(broker, SIGSTOP)
            defer { kill(broker, SIGCONT) }
            // Errors, and not the empty answers that the ends of these waits would give.
            let error = try #require(throws: BrokerError.self) {
                try consumer.receive(upTo: 1, wait: 60, linger: 0)
            }
            #expect(error.isTransient && error.message.contains("heartbeats"), "\(error)")
            let lost = try #require(throws: BrokerError.self) {
                _ = try publisher.publish([vhost.message()], deadline: 60)
            }
            #expect(lost.isTransient)
        }
    }

    @Test func `a stopped and a killed broker are noticed at once and confirmed messages survive`() async throws {
        try await Self.onPrivateVhost { vhost in
            let consumer = try vhost.consumer()
            let publisher = try vhost.publisher()
            #expect(try publisher.publish([vhost.message([9])], deadline: 20) == [.confirmed])
            #expect(try consumer.receive(upTo: 1, wait: 60, linger: 0).count == 1)
            // Beside the wait, because a stopping broker waits until its clients have said goodbye.
            Thread.detachNewThread {
                #expect(throws: Never.self) { try LiveBroker.stack(["stop", "rabbitmq"], folder: vhost.folder) }
            }
            let stopped = try #require(throws: BrokerError.self) {
                try consumer.receive(upTo: 1, wait: 20, linger: 0)
            }
            #expect(stopped.code == 320 && stopped.isTransient, "\(stopped)")
            #expect(throws: BrokerError.self) { try publisher.publish([vhost.message()], deadline: 20) }
            // Waits for the other stop, which holds the stack's lock.
            try LiveBroker.stack(["stop", "rabbitmq"], folder: vhost.folder)
            let refused = try #require(throws: BrokerError.self) { _ = try vhost.publisher() }
            #expect(refused.isTransient)
            try LiveBroker.stack(["start", "rabbitmq"], folder: vhost.folder)
            let again = try vhost.consumer()
            let delivery = try #require(try again.receive(upTo: 1, wait: 20, linger: 0).first)
            #expect(delivery.body == .bytes([9]) && delivery.redelivered)
            try LiveBroker.stack(["kill", "rabbitmq"], folder: vhost.folder)
            let killed = try #require(throws: BrokerError.self) {
                try again.receive(upTo: 1, wait: 20, linger: 0)
            }
            #expect(killed.isTransient)
            try LiveBroker.stack(["start", "rabbitmq"], folder: vhost.folder)
        }
    }

    /// The broker's process, as the broker itself names it.
    private static func processID(_ vhost: Vhost) throws -> pid_t {
        let text = try LiveBroker.stack(
            ["rabbitmqctl", "--quiet", "eval", "os:getpid()."], folder: vhost.folder)
        return try #require(pid_t(text.trimmingCharacters(in: CharacterSet(charactersIn: "\" \n"))))
    }
}
