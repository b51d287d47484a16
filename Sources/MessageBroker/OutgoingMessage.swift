/// A message to publish.
public struct OutgoingMessage: Sendable, Equatable {
    /// Empty for the default exchange, where the routing key is a queue's name.
    public var exchange: String
    public var routingKey: String
    public var properties: MessageProperties
    public var body: [UInt8]
    /// Have it returned where no queue takes it; otherwise the broker confirms it and drops it.
    public var mandatory: Bool

    public init(
        exchange: String, routingKey: String, properties: MessageProperties = MessageProperties(), body: [UInt8],
        mandatory: Bool
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
        self.mandatory = mandatory
    }
}

/// What became of one published message.
public enum PublishOutcome: Sendable, Equatable {
    /// The broker has taken responsibility for it.
    case confirmed
    /// No queue takes it (312), or the wire cannot carry it (502, found before sending): trying again is useless.
    case returned(code: Int, text: String)
    /// The broker could not take it now, such as a full queue that rejects.
    case refused
    /// No answer before the deadline: it may or may not have arrived.
    case unconfirmed
}
