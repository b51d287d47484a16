import Database
import Monitoring
import Synchronization

/// What a worker has done so far, summed over its lanes.
public struct WorkerCounts: Sendable, Equatable {
    public var tumor = 0
    public var normal = 0
    public var uncertain = 0
    public var alreadyRecorded = 0
    public var quarantined = 0
    public var deadLettered = 0
    public var handedBack = 0
    /// Announcements that went to the outbox first.
    public var outboxed = 0
    /// Replies that reached no queue, or named a queue of the product's own.
    public var repliesLost = 0
    public var attributesDropped = 0
    public var reconnects = 0
    public var batches = 0

    public var recorded: Int { tumor + normal + uncertain }
    public var settled: Int { recorded + alreadyRecorded + quarantined + deadLettered }
}

/// Counts and times that every lane adds to and the terminal reads.
public final class WorkerProgress: Sendable {
    private struct State {
        var counts = WorkerCounts()
        /// From reception to acknowledgement, microseconds.
        var settling = LatencyHistogram()
        /// Lanes with deliveries in hand.
        var busyLanes = 0
    }

    private let state = Mutex(State())

    public init() {}

    public var counts: WorkerCounts { state.withLock { $0.counts } }

    /// Quantile of the times from reception to acknowledgement, microseconds; nil before the first.
    public func settlingTime(_ q: Double) -> Int64? { state.withLock { $0.settling.quantile(q) } }

    var isIdle: Bool { state.withLock { $0.busyLanes == 0 } }

    func add(_ change: @Sendable (inout WorkerCounts) -> Void) {
        state.withLock { change(&$0.counts) }
    }

    func beginBatch() { state.withLock { $0.busyLanes += 1 } }
    func endBatch() { state.withLock { $0.busyLanes -= 1 } }

    /// Called once a batch is acknowledged.
    func add(_ settlements: [Settlement], at now: Timestamp) {
        state.withLock { state in
            state.counts.batches += 1
            for settlement in settlements {
                switch settlement.outcome {
                case .recorded(.tumor): state.counts.tumor += 1
                case .recorded(.normal): state.counts.normal += 1
                case .recorded(.uncertain): state.counts.uncertain += 1
                case .alreadyRecorded: state.counts.alreadyRecorded += 1
                case .quarantined: state.counts.quarantined += 1
                case .deadLettered: state.counts.deadLettered += 1
                }
                if case .success(let job) = settlement.submission.content {
                    state.counts.attributesDropped += job.attributesDropped
                }
                state.settling.add(now.microseconds - settlement.submission.receivedAt.microseconds)
            }
        }
    }
}
