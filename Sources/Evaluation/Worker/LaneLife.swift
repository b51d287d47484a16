import AuditTrail
import Database
import Foundation
import Logging
import MessageBroker
import PatchClassifier

/// What a lane does besides batches: trying suspects, idling, leaving, coming back.
extension EvaluationWorker {
    /// Tries one delivery that was delivered before, while every other lane holds still: if the process dies, the
    /// attempt that stays unfinished names the message that killed it.
    func tryAlone(_ received: Received) throws -> Examined {
        let payload = try JobReader.payloadSHA256(of: received.delivery)
        let key = try JobIdentity.attempt(messageID: received.delivery.properties.messageID, bodySHA256: payload)
        return try surroundings.gate.alone(meanwhile: keepAlive) {
            if try isRecorded(received.delivery, payloadSHA256: payload) { return try examine([received])[0] }
            let job = try unreadJobID(of: received.delivery, payloadSHA256: payload)
            let unfinished = try persist {
                try Attempts(connection: $0.connection).unfinished(key, job: job, payloadSHA256: payload)
            }
            guard unfinished < Attempts.limit else { return try blame(received, as: job, attempts: unfinished) }
            let examined = try attempted(key) {
                let examined = try examine([received])[0]
                try trial(examined)
                return examined
            }
            // Any step reports attempts first; this one does nothing else.
            try persist { _ in }
            return examined
        }
    }

    /// Runs `body` after an attempt was committed. Whatever is thrown, this process has survived it: an attempt that
    /// stays unfinished blames the message.
    private func attempted<Value>(_ key: UUID, _ body: () throws -> Value) throws -> Value {
        let attempt = UUID()
        defer { unreportedAttempts.append(attempt) }
        try persist { try Attempts(connection: $0.connection).start(key, id: attempt) }
        return try body()
    }

    /// Classifies alone what will be classified again in its batch: only here is a crash blamed on the right message.
    private func trial(_ examined: Examined) throws {
        let (_, classifier) = try liveClassifier()
        try surroundings.faults.crash(on: [examined])
        guard let patch = examined.patch else { return }
        _ = try classifier.classify([patch])
        _ = try shadows.opinions(on: [patch])
    }

    /// What was decided before was survived before, and needs no attempt.
    private func isRecorded(_ delivery: Delivery, payloadSHA256: [UInt8]) throws -> Bool {
        guard let messageID = delivery.properties.messageID, !messageID.isEmpty else { return false }
        let sender = JobReader.sender(delivery.properties) ?? hexadecimal(payloadSHA256)
        let job = try JobIdentity.job(messageID: messageID, sender: sender)
        let sql: SQL = "select from sentinode.predictions where job_id = $1 and image_sha256 = $2"
        return try persist { !(try $0.connection.query(sql, [.uuid(job), .bytes(payloadSHA256)]).isEmpty) }
    }

    /// The job as far as it is known without reading the message, which may be what kills.
    private func unreadJobID(of delivery: Delivery, payloadSHA256: [UInt8]) throws -> UUID {
        try JobReader.jobID(delivery.properties, metadata: PatchMetadata(), imageSHA256: payloadSHA256)
    }

    private func blame(_ received: Received, as job: UUID, attempts: Int) throws -> Examined {
        let delivery = received.delivery
        let submission = Submission(
            delivery: delivery, receivedAt: received.at, jobID: job,
            payloadSHA256: try JobReader.payloadSHA256(of: delivery), reply: JobReader.reply(delivery.properties),
            content: .failure(Refusal(.crashedWorker, "")))
        let refusal = Refusal(
            .crashedWorker, "\(attempts) workers died while they decoded or classified this message alone")
        return Examined(submission: submission, content: .refused(refusal))
    }

    /// Called when no delivery came for a while, and every second of a steady flow.
    func lookAfterOutbox() throws {
        lastRelay = .now
        servicePublisher()
        connectPublisherIfDue()
        try relayOutbox()
    }

    var isRelayDue: Bool { ContinuousClock.now - lastRelay > .seconds(1) }

    /// Publishes what waits in the outbox, for a second at most, so that a long one does not keep patches waiting; a
    /// database that is away is no reason to stop consuming.
    private func relayOutbox() throws {
        guard let publisher, let ledger, !publisher.isBlocked else { return }
        let end = ContinuousClock.now + .seconds(1)
        do {
            let outbox = Outbox(connection: ledger.connection)
            var hasMore = true
            while hasMore, ContinuousClock.now < end {
                let round = try outbox.relay(
                    through: publisher, confirmWait: settings.confirmWait, limit: relayLimit)
                surroundings.progress.add { $0.repliesLost += round.repliesLost }
                if let failure = round.failure { throw failure }
                relayLimit = min(2 * relayLimit, Outbox.batch)
                hasMore = round.more
            }
        } catch let error as BrokerError {
            losePublisher(error)
        } catch let error as DatabaseError where error.isTransient {
            if error.isConnectionLost { self.ledger = nil }
            log.warning("the outbox could not be read", [.error: "\(error)"])
        }
    }

    /// Whether nothing is left to do, here or in another lane of this process.
    func isDrained() throws -> Bool {
        guard surroundings.progress.isIdle else { return false }
        let waiting = try QueueDepth.of(queue: BrokerNames.patches, at: settings.broker).messages
        guard waiting == 0, surroundings.progress.isIdle else { return false }
        return try persist { try Outbox(connection: $0.connection).isRelayed() }
    }

    /// Stops consuming, settles what the broker had sent already, and closes: nothing is delivered twice because of it.
    func leave() throws {
        var held = try receiveWhatIsUnderWay()
        inHand = held.count
        try liveConsumer().cancel()
        held += try receive(upTo: settings.prefetch, wait: 0, wake: nil)
        while !held.isEmpty {
            guard !isGraceOver else {
                throw UnfinishedWork(deliveries: held.count, reason: "the time to finish was over")
            }
            try settle(Array(held.prefix(settings.batch)))
            held.removeFirst(min(settings.batch, held.count))
        }
        consumer?.close()
        consumer = nil
        publisher?.close()
        publisher = nil
    }

    /// A quorum queue takes back, as delivered once, what is on its way to a consumer that is cancelled. So everything
    /// is received first: as nothing is acknowledged meanwhile, the prefetch is its bound.
    private func receiveWhatIsUnderWay() throws -> [Received] {
        var held: [Received] = []
        while held.count < settings.prefetch {
            let more = try receive(upTo: settings.prefetch - held.count, wait: 0.25, wake: nil)
            if more.isEmpty { break }
            held += more
        }
        return held
    }

    /// Looks every second; the queue keeps what comes meanwhile. Nothing is in hand, so a database that is away is waited
    /// for as long as it takes.
    private func waitWhilePaused() throws {
        log.info(settings.drains ? "work is paused: the drain waits until it is resumed" : "work is paused")
        while !surroundings.stop.wait(seconds: 1) {
            do {
                guard try persist({ try $0.control().isPaused }) else { return log.info("work goes on") }
                try lookAfterOutbox()
            } catch let exhausted as PatienceExhausted {
                log.warning("the database is still away", [.error: "\(exhausted.error)"])
            }
        }
    }

    /// Gives deliveries back and waits before the next try, unless waiting cannot mend it.
    func comeBackLater(from error: any Error, _ retry: inout RetryClock) throws {
        consumer?.close()
        consumer = nil
        let handedBack = inHand
        inHand = 0
        surroundings.progress.add { $0.handedBack += handedBack }
        if surroundings.stop.isRequested, handedBack > 0 {
            throw UnfinishedWork(deliveries: handedBack, reason: "\(error)")
        }
        switch error {
        case let error as BrokerError where error.isTransient: log.warning("the broker is away", [.error: "\(error)"])
        case let error as DatabaseError where error.isTransient:
            ledger = nil
            log.warning("the database is away", [.error: "\(error)"])
        case let error as PatienceExhausted where handedBack > 0:
            log.warning("gave messages back", [.messages: "\(handedBack)", .error: "\(error)"])
        case let error as PatienceExhausted: log.warning("the database is still away", [.error: "\(error.error)"])
        case ControlChange.paused: return try waitWhilePaused()
        case is LaneNotReady: break
        default: throw error
        }
        surroundings.progress.add { $0.reconnects += 1 }
        retry.fail()
        _ = surroundings.stop.wait(seconds: retry.wait)
    }
}

/// A stop was asked for, and the surroundings did not allow what was in hand to be finished.
public struct UnfinishedWork: Error, Sendable, CustomStringConvertible {
    let deliveries: Int
    let reason: String
    public var description: String {
        "\(deliveries) messages went back to the queue unsettled, nothing is lost: \(reason)"
    }
}

/// SHA-256 for bodies that are too large to keep.
struct StreamedSHA256: BodyDigest {
    private let hash: Hash

    init() throws { hash = try Hash(.sha256) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) throws { try hash.update(bytes) }
    mutating func finalize() throws -> [UInt8] { try hash.finalize() }
}
