import CRabbitMQ

/// The exchanges, queues and bindings that a program relies on.
public struct Topology: Sendable, Equatable {
    public struct Exchange: Sendable, Equatable {
        public enum Kind: String, Sendable { case direct, topic, fanout, headers }
        public var name: String
        public var kind: Kind
        public var durable: Bool

        public init(name: String, kind: Kind, durable: Bool = true) {
            self.name = name
            self.kind = kind
            self.durable = durable
        }
    }

    public struct Queue: Sendable, Equatable {
        public var name: String
        public var durable: Bool
        /// Such as `x-queue-type`; they can never be changed later.
        public var arguments: [Field]

        public init(name: String, durable: Bool = true, arguments: [Field] = []) {
            self.name = name
            self.durable = durable
            self.arguments = arguments
        }
    }

    public struct Binding: Sendable, Equatable {
        public var queue: String
        public var exchange: String
        public var routingKey: String

        public init(queue: String, exchange: String, routingKey: String) {
            self.queue = queue
            self.exchange = exchange
            self.routingKey = routingKey
        }
    }

    public var exchanges: [Exchange]
    public var queues: [Queue]
    public var bindings: [Binding]
    /// Only check that exchanges and queues exist (any settings will do); bindings cannot be checked over AMQP.
    public var passive: Bool

    public init(exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = [], passive: Bool = false) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
        self.passive = passive
    }

    /// Declares or checks everything on a connection of its own. Declaring what exists with equal settings changes
    /// nothing.
    public func declare(at settings: BrokerSettings) throws(BrokerError) {
        let connection = try Connection(settings)
        try connection.openChannel()
        try declare(on: connection)
        connection.close()
    }

    func declare(on connection: Connection) throws(BrokerError) {
        for exchange in exchanges { try declare(exchange, on: connection) }
        for queue in queues { try declare(queue, on: connection) }
        if !passive { for binding in bindings { try declare(binding, on: connection) } }
        connection.pool.recycle()
    }

    private func declare(_ exchange: Exchange, on connection: Connection) throws(BrokerError) {
        let what = "exchange \(exchange.name)"
        connection.activity = passive ? .checking(what) : .declaring(what)
        try connection.ask(
            AMQP_EXCHANGE_DECLARE_METHOD,
            amqp_exchange_declare_t(
                ticket: 0, exchange: connection.pool.text(exchange.name),
                type: connection.pool.text(exchange.kind.rawValue), passive: passive ? 1 : 0,
                durable: exchange.durable ? 1 : 0, auto_delete: 0, internal: 0, nowait: 0,
                arguments: amqp_table_t(num_entries: 0, entries: nil)))
    }

    private func declare(_ queue: Queue, on connection: Connection) throws(BrokerError) {
        let what = "queue \(queue.name)"
        connection.activity = passive ? .checking(what) : .declaring(what)
        guard let arguments = connection.pool.table(passive ? [] : queue.arguments) else {
            throw BrokerError(
                operation: "declare \(what)", code: 502, message: "its arguments cannot be written as an AMQP table",
                isTransient: false)
        }
        try connection.ask(
            AMQP_QUEUE_DECLARE_METHOD,
            amqp_queue_declare_t(
                ticket: 0, queue: connection.pool.text(queue.name), passive: passive ? 1 : 0,
                durable: queue.durable ? 1 : 0, exclusive: 0, auto_delete: 0, nowait: 0, arguments: arguments))
    }

    private func declare(_ binding: Binding, on connection: Connection) throws(BrokerError) {
        connection.activity = .declaring("binding of \(binding.queue) to \(binding.exchange)")
        try connection.ask(
            AMQP_QUEUE_BIND_METHOD,
            amqp_queue_bind_t(
                ticket: 0, queue: connection.pool.text(binding.queue),
                exchange: connection.pool.text(binding.exchange),
                routing_key: connection.pool.text(binding.routingKey), nowait: 0,
                arguments: amqp_table_t(num_entries: 0, entries: nil)))
    }
}
