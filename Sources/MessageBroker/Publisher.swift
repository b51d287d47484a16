import CRabbitMQ

/// A connection that only publishes, with confirms. Used by one thread only.
///
/// It is apart from the consumer because a memory or disk alarm stops the broker from reading it. After any error the
/// publisher is finished, what it sent is unconfirmed, and the caller makes a new one.
public final class Publisher {
    let connection: Connection
    /// The number that the broker gives to the next message.
    private var nextTag: UInt64 = 1
    private var batch = ConfirmLedger(count: 0, firstTag: 1)
    private var messages: [OutgoingMessage] = []
    /// Returned messages come with their content, of which only the properties matter.
    private var assembler = ContentAssembler(bodyLimit: 0) { NoDigest() }
    private var hasQueryChannel = false
    /// What is left of the bytes that the socket was last known to take.
    private var room = 0

    /// Bytes that a socket takes without blocking when it says it has room (a third of at least 400 kB).
    static let pieceSize = 32_768

    /// Connects and asks for confirms; declares or checks the topology first.
    public init(_ settings: BrokerSettings, topology: Topology? = nil) throws(BrokerError) {
        connection = try Connection(settings)
        try connection.openChannel()
        try topology?.declare(on: connection)
        connection.activity = .running("publish")
        try connection.ask(AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t())
    }

    /// Whether the broker has said that it takes no messages at present.
    public var isBlocked: Bool { connection.isBlocked }

    /// Publishes a batch and waits at most `seconds` for the broker's answers; one outcome for each message, in order.
    /// Nothing is sent while the broker is blocked. An error leaves the outcome of the whole batch unknown.
    public func publish(
        _ messages: [OutgoingMessage], deadline seconds: Double
    ) throws(BrokerError) -> [PublishOutcome] {
        let deadline = Deadline.after(seconds)
        // A channel that was closed meanwhile would swallow everything without a word.
        try takeFrames()
        batch = ConfirmLedger(count: messages.count, firstTag: nextTag)
        self.messages = messages
        defer {
            // What is answered later finds no batch, whose messages it might be about.
            batch = ConfirmLedger(count: 0, firstTag: nextTag)
            self.messages = []
        }
        try sendAll(before: deadline)
        try takeFrames()
        while !batch.isComplete, !deadline.hasPassed {
            _ = try connection.wait(until: deadline)
            try takeFrames()
        }
        return batch.outcomes
    }

    /// Keeps the connection alive and notices its end; to be called every few seconds.
    public func service() throws(BrokerError) { try takeFrames() }

    /// What waits in a queue. A queue that does not exist is an error (404) that finishes this publisher.
    public func depth(of queue: String) throws(BrokerError) -> QueueDepth {
        if !hasQueryChannel {
            try connection.openChannel(2)
            hasQueryChannel = true
        }
        return try connection.depth(of: queue, channel: 2, other: accept)
    }

    /// Says goodbye. Harmless when repeated.
    public func close() { connection.close() }

    // MARK: Sending

    private func sendAll(before deadline: Deadline) throws(BrokerError) {
        if messages.count > 1 { connection.gather(true) }
        defer { if messages.count > 1 { connection.gather(false) } }
        for index in messages.indices {
            guard try send(index, before: deadline) else { return }
        }
    }

    /// False when the deadline passed before the message could go out.
    private func send(_ index: Int, before deadline: Deadline) throws(BrokerError) -> Bool {
        let message = messages[index]
        connection.pool.recycle()
        let encoded = message.properties.encoded()
        if let fault = fault(message, encoded) {
            batch.unsendable(index, fault)
            return true
        }
        guard let properties = connection.pool.properties(encoded) else {
            batch.unsendable(index, "the properties cannot be written")
            return true
        }
        // Three frames, with the names of exchange and routing key.
        let size = message.body.count + encoded.count + 600
        if connection.isBlocked || room < size {
            guard try waitForRoom(before: deadline) else { return false }
            room = Self.pieceSize
        }
        room -= size
        if room >= 0 {
            try connection.publish(message, properties)
        } else {
            try sendInPieces(message, properties, before: deadline)
        }
        batch.sent(index)
        nextTag += 1
        return true
    }

    /// Begins a message whose body is sent by whoever called this; `end` waits for its confirm.
    func begin(_ message: OutgoingMessage, bodySize: UInt64, before deadline: Deadline) throws(BrokerError) {
        let encoded = message.properties.encoded()
        guard fault(message, encoded) == nil, let properties = connection.pool.properties(encoded) else {
            // What it was sent with cannot be written again; the body is what must not be lost.
            let bare = OutgoingMessage(
                exchange: message.exchange, routingKey: message.routingKey,
                properties: MessageProperties(deliveryMode: 2), body: [], mandatory: message.mandatory)
            return try begin(bare, bodySize: bodySize, before: deadline)
        }
        batch = ConfirmLedger(count: 1, firstTag: nextTag)
        messages = [message]
        guard try waitForRoom(before: deadline) else { throw stalled }
        try sendHead(message, bodySize: Int(bodySize), properties)
        batch.sent(0)
        nextTag += 1
    }

    func end(before deadline: Deadline) throws(BrokerError) -> PublishOutcome {
        try takeFrames()
        while !batch.isComplete, !deadline.hasPassed {
            _ = try connection.wait(until: deadline)
            try takeFrames()
        }
        return batch.outcomes.first ?? .unconfirmed
    }

    private func fault(_ message: OutgoingMessage, _ encoded: [UInt8]) -> String? {
        if message.exchange.utf8.count > 255 { return "the exchange's name is longer than 255 bytes" }
        if message.routingKey.utf8.count > 255 { return "the routing key is longer than 255 bytes" }
        return message.properties.fault(encoded: encoded, limit: connection.propertiesLimit)
    }

    /// The library's own publish would wait for ever where the socket is full; here the wait before each piece ends.
    private func sendInPieces(
        _ message: OutgoingMessage, _ properties: UnsafePointer<amqp_basic_properties_t>, before deadline: Deadline
    ) throws(BrokerError) {
        try sendHead(message, bodySize: message.body.count, properties)
        var start = 0
        while start < message.body.count {
            let end = min(start + Self.pieceSize, message.body.count)
            guard try waitForRoom(before: deadline, evenIfBlocked: true) else { throw stalled }
            try connection.sendPiece(message.body[start..<end])
            start = end
        }
    }

    private func sendHead(
        _ message: OutgoingMessage, bodySize: Int, _ properties: UnsafePointer<amqp_basic_properties_t>
    ) throws(BrokerError) {
        try connection.send(
            AMQP_BASIC_PUBLISH_METHOD,
            amqp_basic_publish_t(
                ticket: 0, exchange: connection.pool.text(message.exchange),
                routing_key: connection.pool.text(message.routingKey), mandatory: message.mandatory ? 1 : 0,
                immediate: 0))
        try connection.sendHeader(bodySize: bodySize, properties)
    }

    /// False when the deadline passes first. Half a message cannot be taken back, so one that is under way goes on
    /// while there is room.
    func waitForRoom(before deadline: Deadline, evenIfBlocked: Bool = false) throws(BrokerError) -> Bool {
        while (connection.isBlocked && !evenIfBlocked) || !connection.hasRoom {
            guard !deadline.hasPassed else { return false }
            _ = try connection.wait(until: deadline, forRoom: evenIfBlocked || !connection.isBlocked)
            try takeFrames()
        }
        return true
    }

    var stalled: BrokerError {
        connection.fail(
            BrokerError(
                operation: "publish", code: Int(AMQP_STATUS_TIMEOUT.code),
                message: "the broker stopped reading in the middle of a message", isTransient: true))
    }

    // MARK: The broker's answers

    private func takeFrames() throws(BrokerError) {
        while let frame = try connection.nextFrame() { try accept(frame) }
    }

    private func accept(_ frame: Frame) throws(BrokerError) {
        do throws(BrokerError) {
            switch frame {
            case .method(let method): try accept(method)
            case .header(let size, let properties):
                if let content = try assembler.header(bodySize: size, properties: properties) { noteReturn(content) }
            case .body(let piece):
                if let content = try assembler.piece(piece) { noteReturn(content) }
            }
        } catch {
            throw connection.fail(error)
        }
    }

    private func accept(_ method: Method) throws(BrokerError) {
        switch method {
        case .returned: try assembler.begin(method)
        case .acknowledged(let tag, let multiple): batch.confirm(tag, multiple: multiple)
        case .refused(let tag, let multiple): batch.refuse(tag, multiple: multiple)
        case .deliver, .consumerCancelled, .queueDeclared, .other, .channelClosed, .connectionClosed, .blocked: break
        }
    }

    private func noteReturn(_ content: ContentAssembler.Content) {
        guard case .returned(let code, let text, let exchange, let routingKey) = content.method else { return }
        batch.returned(code: code, text: text) { index in
            let message = messages[index]
            return message.mandatory && message.exchange == exchange && message.routingKey == routingKey
                && message.properties.messageID == content.properties.messageID
                && message.properties.correlationID == content.properties.correlationID
        }
    }
}

/// Drops a body that nobody needs.
private struct NoDigest: BodyDigest {
    mutating func update(_: UnsafeRawBufferPointer) {}
    mutating func finalize() -> [UInt8] { [] }
}
