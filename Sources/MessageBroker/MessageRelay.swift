/// Sends a message on to another queue while its body comes in, so that it is never in memory as a whole. It has a
/// connection of its own, and is used by the thread that receives.
public final class MessageRelay {
    /// Longest wait for the broker to take a piece or to confirm, seconds: the receiving connection waits meanwhile, and
    /// the broker ends one that is silent for two heartbeats.
    private static let patience = 10.0

    private let publisher: Publisher
    private let queue: String

    /// Connects and begins the message. Properties that cannot be written again are left out.
    public init(
        _ settings: BrokerSettings, queue: String, properties: MessageProperties, bodySize: UInt64
    ) throws(BrokerError) {
        self.queue = queue
        publisher = try Publisher(settings)
        publisher.connection.activity = .running("copy an oversized body to \(queue)")
        let message = OutgoingMessage(
            exchange: "", routingKey: queue, properties: properties, body: [], mandatory: true)
        try publisher.begin(message, bodySize: bodySize, before: .after(Self.patience))
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws(BrokerError) {
        let bytes = Array(bytes)
        for start in stride(from: 0, to: bytes.count, by: Publisher.pieceSize) {
            let end = min(start + Publisher.pieceSize, bytes.count)
            guard try publisher.waitForRoom(before: .after(Self.patience), evenIfBlocked: true) else {
                throw publisher.stalled
            }
            try publisher.connection.sendPiece(bytes[start..<end])
        }
    }

    /// - Throws: unless the broker has taken responsibility for the copy.
    func finish() throws(BrokerError) {
        let outcome = try publisher.end(before: .after(Self.patience))
        publisher.close()
        if let failure = BrokerError(copyingTo: queue, outcome) { throw failure }
    }
}

extension BrokerError {
    /// nil where the queue has the copy.
    public init?(copyingTo queue: String, _ outcome: PublishOutcome) {
        let (code, message, isTransient): (Int, String, Bool)
        switch outcome {
        case .confirmed: return nil
        case .returned(let number, let text):
            (code, message, isTransient) = (number, "no queue took it, \(text)", false)
        case .refused: (code, message, isTransient) = (0, "the broker refused it: the queue is full", true)
        case .unconfirmed: (code, message, isTransient) = (0, "the broker did not confirm it in time", true)
        }
        self.init(operation: "copy a message to \(queue)", code: code, message: message, isTransient: isTransient)
    }
}
