import Database
import Foundation
import Logging
import MessageBroker
import PatchClassifier

/// One lane: a broker connection that consumes and acknowledges, one that publishes, one to the database, and a
/// classifier. It runs on its own thread; nothing in it is shared but `LaneSurroundings`.
///
/// A batch goes through six steps, in this order: receive, decode, classify, record, announce, acknowledge. A crash
/// between any two loses nothing: what was not acknowledged is delivered again and found recorded.
final class EvaluationWorker {
    let settings: WorkerSettings
    let surroundings: LaneSurroundings
    let log: WorkerLog
    let reader: JobReader
    var consumer: Consumer?
    var publisher: Publisher?
    var ledger: Ledger?
    var classifier: (version: LoadedVersion, classifier: Classifier)?
    var shadows = ShadowClassifiers()
    var sample: EmbeddingSample
    var publisherRetry = RetryClock()
    var lastRelay = ContinuousClock.now
    /// Announcements relayed from the outbox at once: one after a failure, then twice as many each time.
    var relayLimit = Outbox.batch
    /// Deliveries received and not yet acknowledged.
    var inHand = 0
    /// Whether there were several the last time.
    private var comesInNumbers = false
    /// Attempts that this process survived but could not yet say so.
    var unreportedAttempts: [UUID] = []

    init(_ settings: WorkerSettings, _ surroundings: LaneSurroundings, log: WorkerLog) throws {
        self.settings = settings
        self.surroundings = surroundings
        self.log = log
        sample = try EmbeddingSample()
        reader = JobReader(
            metadata: MetadataReader(attributesAllowed: settings.attributesAllowed), bodyLimit: settings.bodyLimit)
    }

    /// Works until a stop is requested or, when draining, until nothing is left.
    ///
    /// - Throws: what waiting cannot mend: a refused login, a missing table, a version that cannot decide.
    func run() throws {
        var retry = RetryClock()
        while !surroundings.stop.isRequested {
            do {
                try prepare()
                retry.succeed()
                try serve()
                return
            } catch {
                try comeBackLater(from: error, &retry)
            }
        }
    }

    /// Consuming starts only when the database answers and the model is warm.
    private func prepare() throws {
        let control = try persist { try followedControl($0) }
        guard !control.isPaused else { throw ControlChange.paused }
        try prepareClassifiers(control)
        if consumer == nil { consumer = try connectConsumer() }
        connectPublisherIfDue()
    }

    /// Batch after batch; returns when stopped or drained, with everything settled.
    private func serve() throws {
        while true {
            if surroundings.stop.isRequested { return try leave() }
            let deliveries = try receive(
                upTo: settings.batch, wait: 0.5, wake: surroundings.stop.wakeDescriptor)
            if !deliveries.isEmpty { try settle(deliveries) }
            if surroundings.stop.isRequested { continue }
            if deliveries.isEmpty || isRelayDue { try lookAfterOutbox() }
            if deliveries.isEmpty, settings.drains, try isDrained() { return try leave() }
        }
    }

    /// The life of a batch. Where it ends early, the broker gets the deliveries back.
    func settle(_ deliveries: [Received]) throws {
        surroundings.progress.beginBatch()
        inHand = deliveries.count
        defer { surroundings.progress.endBatch() }
        reach(.decode)
        let examined = try decode(deliveries)
        reach(.classify)
        let findings = try classify(examined)
        reach(.record)
        let settlements = try record(findings, of: examined)
        reach(.announce)
        try announce(settlements)
        reach(.acknowledge)
        try acknowledge(settlements)
        inHand = 0
        reach(.acknowledged)
    }

    // MARK: 1. Receive

    /// Waits for a first delivery, then takes what is there, at most `linger` longer: not at all where deliveries come one
    /// by one, so that none is kept waiting for nobody.
    func receive(upTo count: Int, wait: Double, wake: Int32?) throws -> [Received] {
        let deliveries = try liveConsumer().receive(
            upTo: count, wait: wait, linger: comesInNumbers ? settings.linger : 0, wake: wake)
        comesInNumbers = deliveries.count > 1
        let now = Timestamp.now
        return deliveries.map { Received(delivery: $0, at: now) }
    }

    // MARK: 2. Decode

    /// A bad one spoils no other. One that was delivered before is tried alone: it may be what killed a worker.
    private func decode(_ deliveries: [Received]) throws -> [Examined] {
        let suspects = deliveries.filter(\.delivery.redelivered)
        let fresh = deliveries.filter { !$0.delivery.redelivered }
        var examined = try surroundings.gate.ordinary(meanwhile: keepAlive) { try examine(fresh) }
        for suspect in suspects {
            try keepAlive()
            examined.append(try tryAlone(suspect))
        }
        return examined
    }

    /// Reads each delivery, and decodes the images of those that are jobs.
    func examine(_ deliveries: [Received]) throws -> [Examined] {
        let submissions = try deliveries.map { try reader.read($0.delivery, receivedAt: $0.at) }
        let side = try liveVersion().network.architecture.side
        var patches = Patch.decoded(submissions.compactMap(\.job?.png), width: side, height: side)[...]
        return try submissions.map { submission in
            switch submission.content {
            case .failure(let refusal): return Examined(submission: submission, content: .refused(refusal))
            case .success(let job):
                switch patches.removeFirst() {
                case .success(let patch):
                    return Examined(submission: submission, content: .patch(job, patch, ImageStatistics(patch)))
                case .failure(let error):
                    return Examined(submission: submission, content: .refused(try Refusal(error)))
                }
            }
        }
    }

    // MARK: 3. Classify

    /// Patches between which the broker hears from the lane, if it is due: a large network may take long for a batch.
    private static let piece = 16

    /// A patch's result does not depend on what else is in the batch.
    func classify(_ examined: [Examined]) throws -> [Finding] {
        let (version, classifier) = try liveClassifier()
        let patches = examined.compactMap(\.patch)
        try surroundings.faults.crash(on: examined)
        let now = Timestamp.now
        let sampled = try sample.draw(
            examined.compactMap(\.job), version: version.name,
            features: classifier.network.architecture.embeddingSize, at: now)
        var answers: ArraySlice<Answer> = []
        var opinions: ArraySlice<[ShadowOpinion]> = []
        try surroundings.gate.ordinary(meanwhile: keepAlive) {
            var lastHeard = ContinuousClock.now
            for start in stride(from: 0, to: patches.count, by: Self.piece) {
                if ContinuousClock.now - lastHeard > .seconds(1) {
                    try keepAlive()
                    lastHeard = .now
                }
                let some = Array(patches[start..<min(start + Self.piece, patches.count)])
                answers += try classifier.classify(some) { sampled[start + $0] }
                opinions += try shadows.opinions(on: some)
            }
        }
        let classifiedAt = Timestamp.now
        return examined.map { one in
            switch one.content {
            case .refused(let refusal): return Finding(submission: one.submission, content: .refusal(refusal))
            case .patch(let job, _, let statistics):
                let answer = answers.removeFirst()
                let prediction = Prediction(
                    job: job, modelVersion: version.name, rule: version.rule,
                    probabilities: answer.probabilities, embedding: answer.embedding, statistics: statistics,
                    engine: classifier.engine.name, receivedAt: one.submission.receivedAt,
                    predictedAt: max(classifiedAt, one.submission.receivedAt),
                    isOutOfScope: version.scope.excludes(job.metadata), opinions: opinions.removeFirst())
                return Finding(submission: one.submission, content: .prediction(prediction))
            }
        }
    }

    // MARK: 4. Record

    /// Stores the findings. Where another version was activated meanwhile, it decides them instead; one that was put
    /// into shadow is asked too.
    private func record(_ findings: [Finding], of examined: [Examined]) throws -> [Settlement] {
        var findings = findings
        var mayBeStored = false
        while true {
            do {
                let version = try liveVersion().name
                let selection = SelectionAtDecision(policies: surroundings.policies)
                return try persist { ledger in
                    try Recording(
                        ledger: ledger, modelVersion: version, shadowGeneration: shadows.generation,
                        selection: selection, isAnotherTry: mayBeStored, noteCommit: { mayBeStored = true }
                    ).record(findings)
                }
            } catch ControlChange.otherVersions(let control) {
                log.info("other model versions are asked now", [.generation: "\(control.generation)"])
                let side = try liveVersion().network.architecture.side
                try prepareClassifiers(control)
                // Decoded for another size: given back and received again, they are decoded anew.
                guard try liveVersion().network.architecture.side == side else { throw LaneNotReady() }
                findings = try classify(examined)
            }
        }
    }

    // MARK: 5. Announce

    /// Publishes results and waits for the broker's confirms; what it does not confirm in time goes to the outbox.
    private func announce(_ settlements: [Settlement]) throws {
        let messages = settlements.compactMap(\.announcement).flatMap { announcement in
            announcement.messages.map { (eventID: announcement.eventID, message: $0) }
        }
        let lost = settlements.compactMap(\.announcement?.reply).filter { BrokerNames.isUnreachable($0.queue) }.count
        let outcomes = publish(messages.map(\.message))
        let unsettled = zip(messages, outcomes).filter { !$0.1.isSettled }.map(\.0)
        if !unsettled.isEmpty {
            try persist { try Outbox(connection: $0.connection).keep(unsettled) }
            log.warning("results wait in the outbox", [.outbox: "\(unsettled.count)"])
        }
        let unroutable = outcomes.count { if case .returned = $0 { true } else { false } }
        let outboxed = unsettled.count
        surroundings.progress.add { counts in
            counts.outboxed += outboxed
            counts.repliesLost += lost + unroutable
        }
    }

    // MARK: 6. Acknowledge

    /// Never before the result is stored and announced, or in the outbox.
    private func acknowledge(_ settlements: [Settlement]) throws {
        let consumer = try liveConsumer()
        for settlement in settlements where settlement.isRejected { try setAside(settlement.submission.delivery) }
        try consumer.acknowledge(settlements.filter { !$0.isRejected }.map(\.submission.delivery.tag))
        let now = Timestamp.now
        surroundings.progress.add(settlements, at: now)
        report(settlements, at: now)
    }

    private func report(_ settlements: [Settlement], at now: Timestamp) {
        var recorded = 0
        var already = 0
        for settlement in settlements {
            switch settlement.outcome {
            case .recorded: recorded += 1
            case .alreadyRecorded: already += 1
            case .quarantined(let reason):
                log.warning("quarantined", [.job: "\(settlement.submission.jobID)", .reason: reason.rawValue])
            case .deadLettered: log.error("dead-lettered", [.job: "\(settlement.submission.jobID)"])
            }
        }
        let oldest = settlements.map(\.submission.receivedAt.microseconds).min() ?? now.microseconds
        log.info(
            "batch",
            [
                .deliveries: "\(settlements.count)", .recorded: "\(recorded)", .already: "\(already)",
                .milliseconds: "\((now.microseconds - oldest) / 1000)",
            ])
    }
}

/// A delivery and when it came.
struct Received {
    let delivery: Delivery
    let at: Timestamp
}

/// A submission whose image was looked at.
struct Examined {
    enum Content {
        case patch(Job, Patch, ImageStatistics)
        case refused(Refusal)
    }

    let submission: Submission
    let content: Content

    var patch: Patch? {
        if case .patch(_, let patch, _) = content { patch } else { nil }
    }

    var job: Job? {
        if case .patch(let job, _, _) = content { job } else { nil }
    }
}

extension Settlement {
    /// Whether the message goes to the dead-letter queue: what is stored nowhere else in full.
    var isRejected: Bool {
        switch (outcome, submission.delivery.body) {
        case (.deadLettered, _), (_, .oversized): true
        case (.recorded, .bytes), (.alreadyRecorded, .bytes), (.quarantined, .bytes): false
        }
    }
}

extension Refusal {
    /// - Throws: the error itself where it is not the image's fault.
    init(_ error: PatchDecodingError) throws {
        let reason: Reason =
            switch error.code {
            case .outOfMemory: throw error
            case .empty: .empty
            case .notPNG: .notPNG
            case .animated: .animated
            case .wrongSize: .wrongSize
            case .tooLarge: .tooLarge
            case .truncated: .truncated
            case .corrupt: .corrupt
            case .transparent: .transparent
            }
        self.init(reason, error.message)
    }
}
