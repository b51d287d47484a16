import MessageBroker

/// What becomes of messages that are stored nowhere in full: bodies over the limit, and what the database refuses even as
/// quarantined. They go to the dead-letter queue.
///
/// Where this program declares the queues, the broker takes them there when they are rejected, and keeps them until they
/// have arrived. Where the queues are somebody else's, nothing is known of that: a rejected message may be gone. Then a
/// copy is published and confirmed before the message is acknowledged.
extension EvaluationWorker {
    /// Called in place of an acknowledgement.
    func setAside(_ delivery: Delivery) throws {
        let consumer = try liveConsumer()
        guard settings.declaresPassively else { return try consumer.reject(delivery.tag, requeue: false) }
        // One over the limit was copied while it came in.
        if case .bytes(let body) = delivery.body { try copy(body, delivery.properties) }
        try consumer.acknowledge([delivery.tag])
    }

    private func copy(_ body: [UInt8], _ properties: MessageProperties) throws {
        let message = OutgoingMessage(
            exchange: "", routingKey: BrokerNames.deadPatches, properties: properties.forCopy, body: body,
            mandatory: true)
        if let failure = BrokerError(copyingTo: BrokerNames.deadPatches, publish([message])[0]) { throw failure }
    }

    /// For the consumer's connection, which must not take a large body into memory.
    var relayToDeadLetters: (UInt64, MessageProperties) throws(BrokerError) -> MessageRelay {
        let broker = settings.broker
        return { (size, properties) throws(BrokerError) in
            try MessageRelay(
                broker, queue: BrokerNames.deadPatches, properties: properties.forCopy, bodySize: size)
        }
    }
}

extension MessageProperties {
    /// As they came, without what would make the broker refuse the copy, drop it, or send it elsewhere too.
    fileprivate var forCopy: MessageProperties {
        var properties = self
        properties.headers.removeAll { MetadataReader.belongsToBroker($0.name) || ["CC", "BCC"].contains($0.name) }
        // The broker checks it against the login that publishes; as app_id it names the same job.
        properties.appID = properties.appID ?? properties.userID
        properties.userID = nil
        properties.expiration = nil
        properties.deliveryMode = 2
        return properties
    }
}
