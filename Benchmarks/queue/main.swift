// Sends messages to a queue on one thread, 64 and then their confirms, takes and acknowledges them on another, and does
// nothing else: what the broker passes so. Prints messages a second. Called by Benchmarks/sections.py.
// usage: queue-benchmark COUNT FILE...         SENTINODE_AMQP_URL names the broker; the bodies are those of the files
import Foundation
import MessageBroker

struct NoDigest: BodyDigest {
    mutating func update(_ bytes: UnsafeRawBufferPointer) {}
    mutating func finalize() -> [UInt8] { [] }
}

let arguments = CommandLine.arguments
guard arguments.count > 2, let count = Int(arguments[1]),
    let url = ProcessInfo.processInfo.environment["SENTINODE_AMQP_URL"]
else {
    print("usage: SENTINODE_AMQP_URL=URL queue-benchmark COUNT FILE...")
    exit(64)
}
let settings = try BrokerSettings(url: url, connectionName: "queue-benchmark")
let bodies = try arguments.dropFirst(2).map { [UInt8](try Data(contentsOf: URL(filePath: $0))) }
let queue = "benchmark.queue", batch = 64
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
print(Double(count - unclocked) / ((ContinuousClock.now - started) / .seconds(1)))
consumer.close()
