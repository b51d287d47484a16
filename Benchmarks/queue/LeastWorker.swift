import Database
import Foundation
import Glibc
import MessageBroker

/// Takes a patch, commits one row, publishes a result of 600 bytes, acknowledges, until it is terminated. It looks at
/// nothing: a patch that is decoded, classified and audited takes longer than with this.
func doTheLeast(_ settings: BrokerSettings, queue: String, exchange: String) throws {
    // SIGTERM waits until it is looked for, so that nothing is left half done.
    var termination = sigset_t()
    sigemptyset(&termination)
    sigaddset(&termination, SIGTERM)
    guard pthread_sigmask(SIG_BLOCK, &termination, nil) == 0 else { fatalError("SIGTERM cannot be blocked") }
    var isTerminated: Bool {
        var pending = sigset_t()
        return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1
    }

    let database = try DatabaseConnection(
        DatabaseSettings(url: environment("SENTINODE_DATABASE_URL"), applicationName: "queue-benchmark"))
    let publisher = try Publisher(settings)
    let consumer = try Consumer(
        settings, queue: queue, prefetch: 64, bodyLimit: 1 << 20, bodyDigest: { NoDigest() })
    let result = OutgoingMessage(
        exchange: exchange, routingKey: "prediction", properties: MessageProperties(deliveryMode: 2),
        body: [UInt8](repeating: UInt8(ascii: " "), count: 600), mandatory: true)
    while !isTerminated {
        guard let delivery = try consumer.receive(upTo: 1, wait: 0.2, linger: 0).first else { continue }
        try database.query("insert into peer.single_row values (now())")
        guard try publisher.publish([result], deadline: 60) == [.confirmed] else {
            fatalError("the broker did not take a result")
        }
        try consumer.acknowledge([delivery.tag])
    }
    consumer.close()
    publisher.close()
}
