public import MessageBroker

/// What the product calls things on the broker: promises to every sender and receiver.
public enum BrokerNames {
    public static let jobs = "sentinode.jobs"
    public static let events = "sentinode.events"
    public static let dead = "sentinode.dead"
    public static let patches = "sentinode.patches"
    public static let deadPatches = "sentinode.patches.dead"
    public static let patchesKey = "patches"

    /// Queues that a reply may never go to: a sender could otherwise build a loop. By bytes, as the broker and the
    /// database compare: `hasPrefix` would miss a name whose dot is followed by a combining character.
    public static func isReserved(_ queue: String) -> Bool { queue.utf8.starts(with: "sentinode.".utf8) }

    /// Whether a reply to this queue can only be lost, or do harm.
    static func isUnreachable(_ queue: String) -> Bool {
        isReserved(queue) || isDirectReply(queue) && !DirectReplyAddress.isWellFormed(queue)
    }

    /// Queues that stand for a connection which waits for an answer, and that are gone with it.
    static func isDirectReply(_ queue: String) -> Bool { queue.utf8.starts(with: DirectReplyAddress.prefix.utf8) }

    /// Exchanges, queues and bindings.
    ///
    /// The delivery limit is set high on purpose: graceful closes count as deliveries, so a low limit would dead-letter
    /// innocent messages; unset, RabbitMQ 4 takes 20; -1 makes RabbitMQ 3.10 dead-letter at the first return.
    public static let topology = Topology(
        exchanges: [
            Topology.Exchange(name: jobs, kind: .direct),
            Topology.Exchange(name: events, kind: .topic),
            Topology.Exchange(name: dead, kind: .direct),
        ],
        queues: [
            Topology.Queue(
                name: patches,
                arguments: [
                    Field("x-queue-type", .text("quorum")),
                    Field("x-dead-letter-exchange", .text(dead)),
                    Field("x-dead-letter-routing-key", .text(patchesKey)),
                    Field("x-dead-letter-strategy", .text("at-least-once")),
                    Field("x-overflow", .text("reject-publish")),
                    Field("x-delivery-limit", .int(1_000_000)),
                ]),
            Topology.Queue(name: deadPatches, arguments: [Field("x-queue-type", .text("quorum"))]),
        ],
        bindings: [
            Topology.Binding(queue: patches, exchange: jobs, routingKey: patchesKey),
            Topology.Binding(queue: deadPatches, exchange: dead, routingKey: patchesKey),
        ])
}
