import CRabbitMQ
import Synchronization

/// A connection that consumes one queue with manual acknowledgement. Used by one thread only.
///
/// After any error the consumer is finished: what it holds goes back to the queue, and the caller makes a new one. To
/// stop without a redelivery: `cancel()`, `receive` until nothing comes, settle all of it, `acknowledge`, `close()`.
///
/// A lane's thread needs a stack of some megabytes: the client library decodes nested headers by recursion, 25,000 deep
/// in a single frame, before any limit here can apply.
public final class Consumer {
    public let queue: String
    private let connection: Connection
    private let generation: UInt64
    private let prefetch: Int
    private var assembler: ContentAssembler
    private var ledger = DeliveryLedger()
    /// Complete deliveries that were not handed out yet; the prefetch bounds them.
    private var waiting: [Delivery] = []
    private var isCancelled = false

    private static let generations = Atomic<UInt64>(0)
    private static let tag = "sentinode"

    /// Connects, declares or checks the topology, and starts consuming.
    ///
    /// - Parameters:
    ///   - prefetch: how many deliveries the broker sends ahead (at least 1).
    ///   - bodyLimit: bytes; larger bodies are hashed in pieces and not kept.
    ///   - bodyDigest: makes the hash for one oversized body.
    ///   - relay: sends oversized bodies on while they come in, before they are handed out; nil keeps them nowhere else.
    public init(
        _ settings: BrokerSettings, queue: String, prefetch: Int, bodyLimit: Int,
        bodyDigest: @escaping () throws -> any BodyDigest,
        relay: ((UInt64, MessageProperties) throws(BrokerError) -> MessageRelay)? = nil, topology: Topology? = nil
    ) throws(BrokerError) {
        self.queue = queue
        self.prefetch = min(max(prefetch, 1), Int(UInt16.max))
        generation = Self.generations.add(1, ordering: .relaxed).newValue
        assembler = ContentAssembler(bodyLimit: bodyLimit, makeDigest: bodyDigest, makeRelay: relay)
        connection = try Connection(settings)
        connection.acceptLargeHeaders()
        try connection.openChannel()
        try topology?.declare(on: connection)
        try start()
    }

    private func start() throws(BrokerError) {
        connection.activity = .checking("queue \(queue)")
        try connection.ask(
            AMQP_BASIC_QOS_METHOD, amqp_basic_qos_t(prefetch_size: 0, prefetch_count: UInt16(prefetch), global: 0))
        try connection.ask(
            AMQP_BASIC_CONSUME_METHOD,
            amqp_basic_consume_t(
                ticket: 0, queue: connection.pool.text(queue), consumer_tag: connection.pool.text(Self.tag),
                no_local: 0, no_ack: 0, exclusive: 0, nowait: 0,
                arguments: amqp_table_t(num_entries: 0, entries: nil)),
            other: accept)
        connection.pool.recycle()
        connection.activity = .running("consume \(queue)")
    }

    // MARK: Receiving

    /// Waits at most `wait` seconds for the first delivery, then takes what comes within `linger` seconds more, up to
    /// `count`. Empty when nothing came in time, or when `wake` (a descriptor) became readable first.
    public func receive(
        upTo count: Int, wait: Double, linger: Double, wake: Int32? = nil
    ) throws(BrokerError) -> [Delivery] {
        var deadline = Deadline.after(wait)
        var lingers = false
        while true {
            try takeFrames(until: deadline, enough: count)
            if waiting.count >= count { break }
            if !waiting.isEmpty, !lingers {
                lingers = true
                deadline = .after(linger)
            }
            if deadline.hasPassed { break }
            if try connection.wait(until: deadline, wake: wake) == .woken { break }
        }
        let taken = waiting.prefix(max(count, 0))
        waiting.removeFirst(taken.count)
        return Array(taken)
    }

    /// Keeps the connection alive while the lane is busy elsewhere; to be called every few seconds.
    public func service() throws(BrokerError) {
        try takeFrames(until: .after(0.05), enough: prefetch)
    }

    /// Takes frames that are there already. A body of any size may be on its way, so the clock is looked at too.
    private func takeFrames(until deadline: Deadline, enough: Int) throws(BrokerError) {
        while waiting.count < enough, let frame = try connection.nextFrame() {
            try accept(frame)
            if deadline.hasPassed { return }
        }
    }

    private func accept(_ frame: Frame) throws(BrokerError) {
        do throws(BrokerError) {
            switch frame {
            case .method(let method): try accept(method)
            case .header(let size, let properties):
                if let content = try assembler.header(bodySize: size, properties: properties) { keep(content) }
            case .body(let piece):
                if let content = try assembler.piece(piece) { keep(content) }
            }
        } catch {
            throw connection.fail(error)
        }
    }

    private func accept(_ method: Method) throws(BrokerError) {
        switch method {
        case .deliver: try assembler.begin(method)
        case .consumerCancelled:
            throw BrokerError(
                operation: "consume \(queue)", code: 404,
                message: "the broker ended the consumer: the queue was deleted, or its leader moved",
                isTransient: true)
        case .returned, .acknowledged, .refused, .queueDeclared, .other, .channelClosed, .connectionClosed, .blocked:
            break
        }
    }

    private func keep(_ content: ContentAssembler.Content) {
        guard case .deliver(let tag, let redelivered, let exchange, let routingKey) = content.method else { return }
        ledger.add(tag)
        waiting.append(
            Delivery(
                tag: DeliveryTag(number: tag, generation: generation), redelivered: redelivered,
                deliveryCount: content.properties.header("x-delivery-count")?.integer.map { Int($0) },
                exchange: exchange, routingKey: routingKey, properties: content.properties, body: content.body))
    }

    // MARK: Settling

    /// Acknowledges deliveries of this consumer, in as few frames as is safe. All tags are checked before one is sent.
    public func acknowledge(_ tags: [DeliveryTag]) throws(BrokerError) {
        for tag in tags { try check(tag) }
        for acknowledgement in ledger.acknowledge(tags.map(\.number)) {
            try connection.send(
                AMQP_BASIC_ACK_METHOD,
                amqp_basic_ack_t(delivery_tag: acknowledgement.tag, multiple: acknowledgement.multiple ? 1 : 0))
        }
    }

    /// Gives one delivery back to the queue, or to the queue's dead-letter exchange.
    public func reject(_ tag: DeliveryTag, requeue: Bool) throws(BrokerError) {
        try check(tag)
        ledger.remove(tag.number)
        try connection.send(
            AMQP_BASIC_REJECT_METHOD, amqp_basic_reject_t(delivery_tag: tag.number, requeue: requeue ? 1 : 0))
    }

    /// Sending an unknown tag would close the channel; one of an earlier connection might settle another message.
    private func check(_ tag: DeliveryTag) throws(BrokerError) {
        guard tag.generation == generation else {
            throw BrokerError(
                operation: "settle a delivery", code: 406,
                message: "it belongs to an earlier connection, so the broker has given it out again",
                isTransient: false)
        }
        guard ledger.contains(tag.number) else {
            throw BrokerError(
                operation: "settle a delivery", code: 406, message: "it has been settled before", isTransient: false)
        }
    }

    /// How many deliveries have no answer yet, handed out or not.
    public var unsettledCount: Int { ledger.count }

    // MARK: Stopping

    /// Stops the flow of deliveries. What the broker had sent ahead is still handed out by `receive`; what is not
    /// settled at `close` goes back to the queue, marked as redelivered.
    public func cancel() throws(BrokerError) {
        guard !isCancelled else { return }
        isCancelled = true
        try connection.ask(
            AMQP_BASIC_CANCEL_METHOD,
            amqp_basic_cancel_t(consumer_tag: connection.pool.text(Self.tag), nowait: 0), other: accept)
    }

    /// Closes the connection; acknowledgements sent before are certain to have been read. Harmless when repeated.
    public func close() { connection.close() }
}
