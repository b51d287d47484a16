import Database
import Foundation
import Logging
import MessageBroker
import PatchClassifier

/// What lanes share: the wish to stop, the rule for suspects, loaded versions and policies, and counts.
struct LaneSurroundings: Sendable {
    let stop: StopRequest
    let gate = SuspectGate()
    let shelf = VersionShelf()
    let policies: PolicyShelf
    let progress: WorkerProgress
    let faults = FaultInjection()
}

/// Something a lane needed was taken away a moment ago; it is fetched anew.
struct LaneNotReady: Error {}

extension EvaluationWorker {
    func reach(_ step: WorkerStep) { surroundings.faults.reach(step) }

    func liveConsumer() throws -> Consumer {
        guard let consumer else { throw LaneNotReady() }
        return consumer
    }

    func liveClassifier() throws -> (LoadedVersion, Classifier) {
        guard let classifier else { throw LaneNotReady() }
        return classifier
    }

    func liveVersion() throws -> LoadedVersion { try liveClassifier().0 }

    /// What is to be followed now. A review policy that this worker has no key for is found out before it consumes.
    func followedControl(_ ledger: Ledger) throws -> Control {
        let control = try ledger.control()
        _ = try surroundings.policies.selector(control, ledger.connection)
        return control
    }

    /// Makes the classifiers ready of the active version and of those in shadow, unless they are.
    func prepareClassifiers(_ control: Control) throws {
        try prepareClassifier(control)
        guard shadows.generation != control.shadowGeneration else { return }
        shadows = try persist { try ShadowClassifiers(control, surroundings.shelf, $0.connection) }
        for problem in shadows.problems { log.error("a version in shadow is not asked", [.error: problem]) }
    }

    private func prepareClassifier(_ control: Control) throws {
        guard let name = control.activeVersion else {
            throw VersionError(description: "no model version is active: `sentinode model activate NAME --reason TEXT`")
        }
        if classifier?.version.name == name { return }
        let version = try persist { try surroundings.shelf.version(named: name, from: $0.connection) }
        classifier = (version, version.classifier())
        log.info("ready", [.version: name])
    }

    func connectConsumer() throws -> Consumer {
        try Consumer(
            settings.broker, queue: BrokerNames.patches, prefetch: settings.prefetch, bodyLimit: settings.bodyLimit,
            bodyDigest: { try StreamedSHA256() }, relay: settings.declaresPassively ? relayToDeadLetters : nil,
            topology: topology)
    }

    private var topology: Topology {
        var topology = BrokerNames.topology
        topology.passive = settings.declaresPassively
        return topology
    }

    /// Publishing is never worth failing for: results can wait in the outbox.
    func connectPublisherIfDue() {
        guard publisher == nil, publisherRetry.isDue else { return }
        do {
            publisher = try Publisher(settings.broker, topology: topology)
            publisherRetry.succeed()
        } catch {
            publisherRetry.fail()
            log.warning("cannot publish for now", [.error: "\(error)"])
        }
    }

    /// Publishes what it can. Direct replies go last and apart: RabbitMQ closes the connection over a malformed address
    /// of theirs, and then all that went with them would have to go again.
    func publish(_ messages: [OutgoingMessage]) -> [PublishOutcome] {
        let isDirect = messages.map { $0.exchange.isEmpty && BrokerNames.isDirectReply($0.routingKey) }
        guard isDirect.contains(true) else { return publishTogether(messages) }
        let others = messages.indices.filter { !isDirect[$0] }
        let direct = messages.indices.filter { isDirect[$0] }
        let answers = publishTogether(others.map { messages[$0] }) + publishTogether(direct.map { messages[$0] })
        var outcomes = answers
        for (index, answer) in zip(others + direct, answers) { outcomes[index] = answer }
        return outcomes
    }

    /// Everything is unconfirmed while there is no connection, or a broker in alarm blocks it:
    /// waiting for the confirms of every batch anew would slow the lane to a batch in five seconds.
    private func publishTogether(_ messages: [OutgoingMessage]) -> [PublishOutcome] {
        connectPublisherIfDue()
        servicePublisher()
        guard let publisher, !publisher.isBlocked else { return messages.map { _ in .unconfirmed } }
        do {
            return try publisher.publish(messages, deadline: settings.confirmWait)
        } catch {
            losePublisher(error)
            return messages.map { _ in .unconfirmed }
        }
    }

    /// Called every second of a wait, so that the broker does not take the lane for dead.
    func keepAlive() throws {
        try consumer?.service()
        servicePublisher()
    }

    func servicePublisher() {
        do {
            try publisher?.service()
        } catch {
            losePublisher(error)
        }
    }

    /// It may have been lost over what was published: the outbox is then tried one by one, until it goes well again.
    func losePublisher(_ error: BrokerError) {
        publisher = nil
        publisherRetry.fail()
        relayLimit = 1
        log.warning("the publishing connection is lost", [.error: "\(error)"])
    }

    /// Runs `step` against the database, again while its surroundings are down, holding the deliveries in hand.
    ///
    /// - Throws: `PatienceExhausted` after too long, `BrokerError` when the deliveries were lost meanwhile, and what
    ///   waiting cannot mend.
    func persist<Value>(_ step: (Ledger) throws -> Value) throws -> Value {
        var retry = RetryClock()
        let started = ContinuousClock.now
        while true {
            do {
                let ledger = try connectedLedger()
                try reportAttempts(ledger)
                return try step(ledger)
            } catch let error as DatabaseError where error.isTransient {
                if error.isConnectionLost || error.commitUnknown { ledger = nil }
                try checkPatience(since: started, error)
                retry.fail()
                log.warning("the database is away", [.error: "\(error)", .wait: "\(retry.wait)"])
                try pause(retry.wait)
            }
        }
    }

    private func connectedLedger() throws -> Ledger {
        if let ledger { return ledger }
        let opened = try Ledger(DatabaseConnection(settings.database))
        ledger = opened
        return opened
    }

    private func reportAttempts(_ ledger: Ledger) throws {
        while let attempt = unreportedAttempts.last {
            try Attempts(connection: ledger.connection).finish(attempt)
            unreportedAttempts.removeLast()
        }
    }

    private func checkPatience(since started: ContinuousClock.Instant, _ error: DatabaseError) throws {
        let waited = ContinuousClock.now - started
        if waited > .seconds(settings.patience) || isGraceOver || stopsWithNothingInHand {
            throw PatienceExhausted(error: error)
        }
    }

    /// A stop was asked for, and the time to finish is over. It runs from the request, however long the lane had waited
    /// for something before.
    var isGraceOver: Bool {
        guard let requestedAt = surroundings.stop.requestedAt else { return false }
        return ContinuousClock.now - requestedAt > .seconds(settings.grace)
    }

    /// A stop was asked for, and the surroundings keep nobody's message waiting.
    private var stopsWithNothingInHand: Bool { surroundings.stop.isRequested && inHand == 0 }

    /// Waits in slices short enough for heartbeats; a stop does not shorten it while work is in hand.
    private func pause(_ seconds: Double) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end, !stopsWithNothingInHand {
            try keepAlive()
            Thread.sleep(forTimeInterval: min(0.5, seconds))
        }
    }
}

/// The surroundings were down for so long that the broker gets back what the lane holds.
struct PatienceExhausted: Error, CustomStringConvertible {
    let error: DatabaseError
    var description: String { "the database is still away: \(error)" }
}

/// When to try again: grows with every failure, with jitter.
struct RetryClock {
    private(set) var attempts = 0
    private(set) var wait = 0.0
    private var due = ContinuousClock.now

    var isDue: Bool { ContinuousClock.now >= due }

    mutating func succeed() { self = RetryClock() }

    mutating func fail() {
        attempts += 1
        wait = Backoff(first: 0.1, longest: 10).delay(afterAttempt: attempts, jitter: .random(in: 0...1))
        due = ContinuousClock.now + .seconds(wait)
    }
}
