public import MessageBroker

extension Checkup {
    /// The broker: login, and every exchange and queue. `passive` is how the programs here use it.
    public func broker(_ settings: BrokerSettings, passive: Bool) -> [CheckupResult] {
        var topology = BrokerNames.topology
        topology.passive = true
        do {
            try topology.declare(at: settings)
            let waiting = try QueueDepth.of(queue: BrokerNames.patches, at: settings)
            let dead = try QueueDepth.of(queue: BrokerNames.deadPatches, at: settings)
            return [
                .good("broker", "\(settings)"),
                .good("queue", "\(waiting.messages) patches wait, \(waiting.consumers) lanes consume"),
            ] + deadLetters(dead) + differences(settings, passive: passive)
        } catch {
            return [.bad("broker", "\(error)", Checkup.advice(for: error, passive: passive))]
        }
    }

    private static func advice(for error: BrokerError, passive: Bool) -> String {
        switch error.code {
        case 404 where passive: "have it created by whoever may, for SENTINODE_AMQP_DECLARE is passive"
        case 404: "start `sentinode work` or `sentinode enqueue` once: they declare what is missing"
        case 403: "mend the user and the password in SENTINODE_AMQP_URL, and the user's permissions"
        default: "check SENTINODE_AMQP_URL, and that RabbitMQ runs"
        }
    }

    private func deadLetters(_ dead: QueueDepth) -> [CheckupResult] {
        guard dead.messages > 0 else { return [] }
        return [
            .warning(
                "dead letters", "\(dead.messages) messages are in \(BrokerNames.deadPatches)",
                "look at them there: bodies over the limit, or what could not be stored at all")
        ]
    }

    /// Declares what exists once more: that changes nothing where the settings are equal, and is refused where they are
    /// not, as it would be when a worker starts.
    private func differences(_ settings: BrokerSettings, passive: Bool) -> [CheckupResult] {
        let parts =
            BrokerNames.topology.exchanges.map { Topology(exchanges: [$0]) }
            + BrokerNames.topology.queues.map { Topology(queues: [$0]) }
        return parts.compactMap { part in
            do throws(BrokerError) {
                try part.declare(at: settings)
                return nil
            } catch {
                return difference(error, of: part, passive: passive)
            }
        }
    }

    private func difference(_ error: BrokerError, of part: Topology, passive: Bool) -> CheckupResult {
        let name = part.exchanges.first?.name ?? part.queues.first?.name ?? ""
        switch error.code {
        case 403:
            return .warning(
                name, "its settings are not compared: this login may not declare it",
                "compare them by hand with the topology that the README names")
        case 406 where passive:
            return .warning(
                name, "\(error)",
                "make sure that it is meant so: it is used as it is, for SENTINODE_AMQP_DECLARE is passive")
        default: return .bad(name, "\(error)", "mend this first: work and enqueue end over it")
        }
    }
}
