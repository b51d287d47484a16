import CRabbitMQ

/// What waits in a queue, without what consumers hold unacknowledged.
public struct QueueDepth: Sendable, Equatable {
    public let messages: Int
    public let consumers: Int

    /// Asks on a connection of its own; a queue that does not exist is an error with code 404.
    public static func of(queue: String, at settings: BrokerSettings) throws(BrokerError) -> QueueDepth {
        let connection = try Connection(settings)
        try connection.openChannel()
        let depth = try connection.depth(of: queue, channel: 1)
        connection.close()
        return depth
    }
}

extension Connection {
    /// A passive declaration, which answers with the counts. A missing queue closes the channel.
    func depth(
        of queue: String, channel: amqp_channel_t, other: (Frame) throws(BrokerError) -> Void = { (_) in }
    ) throws(BrokerError) -> QueueDepth {
        let before = activity
        activity = .checking("queue \(queue)")
        let answer = try ask(
            AMQP_QUEUE_DECLARE_METHOD,
            amqp_queue_declare_t(
                ticket: 0, queue: pool.text(queue), passive: 1, durable: 0, exclusive: 0, auto_delete: 0, nowait: 0,
                arguments: amqp_table_t(num_entries: 0, entries: nil)),
            channel: channel, other: other)
        activity = before
        guard case .queueDeclared(let messages, let consumers) = answer else {
            return QueueDepth(messages: 0, consumers: 0)
        }
        return QueueDepth(messages: messages, consumers: consumers)
    }
}
