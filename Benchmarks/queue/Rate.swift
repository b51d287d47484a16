import Foundation
import MessageBroker

/// Sends messages to a queue on one thread, 64 and then their confirms, takes and acknowledges them on another: what the
/// broker passes so, in messages a second.
func messagesASecond(_ settings: BrokerSettings, _ count: Int, _ bodies: [[UInt8]]) throws -> Double {
    let queue = "benchmark.queue"
    let batch = 64
    let topology = Topology(queues: [.init(name: queue, arguments: [Field("x-queue-type", .text("quorum"))])])
    let consumer = try Consumer(
        settings, queue: queue, prefetch: 8 * batch, bodyLimit: 1 << 20, bodyDigest: { NoDigest() }, topology: topology)
    let sender = Thread {
        do {
            let publisher = try Publisher(settings)
            for first in stride(from: 0, to: count, by: batch) {
                let messages = (first..<min(first + batch, count)).map {
                    OutgoingMessage(
                        exchange: "", routingKey: queue, properties: MessageProperties(deliveryMode: 2),
                        body: bodies[$0 % bodies.count], mandatory: true)
                }
                guard try publisher.publish(messages, deadline: 60).allSatisfy({ $0 == .confirmed }) else {
                    fatalError("the broker did not take a message")
                }
            }
            publisher.close()
        } catch {
            fatalError("\(error)")
        }
    }
    sender.stackSize = 8 << 20
    sender.start()
    var received = 0
    // Counted from the first deliveries on.
    var (started, unclocked) = (ContinuousClock.now, 0)
    while received < count {
        let deliveries = try consumer.receive(upTo: batch, wait: 60, linger: 0)
        guard !deliveries.isEmpty else { fatalError("no message came within a minute") }
        if received == 0 { (started, unclocked) = (.now, deliveries.count) }
        received += deliveries.count
        try consumer.acknowledge(deliveries.map(\.tag))
    }
    let rate = Double(count - unclocked) / ((ContinuousClock.now - started) / .seconds(1))
    consumer.close()
    return rate
}
