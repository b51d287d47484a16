public import Database
public import MessageBroker

/// How a worker runs, read once at the start.
public struct WorkerSettings: Sendable {
    public var broker: BrokerSettings
    public var database: DatabaseSettings
    public var declaresPassively = false
    /// Threads that each consume, classify and record.
    public var lanes = 2
    /// Deliveries that are settled together at most; twice as many are prefetched.
    public var batch = 64
    /// Longest wait for a batch to fill once its first delivery is there, seconds.
    public var linger = 0.002
    /// Stop when the queue is empty and everything is settled.
    public var drains = false
    /// Longest time to finish what was received after a stop was asked for, seconds.
    public var grace = 30.0
    /// Largest body taken into memory, bytes.
    public var bodyLimit = 1 << 20
    /// Names of other headers that are stored; nil stores all.
    public var attributesAllowed: Set<String>?
    /// What random draws for review are made with; needed where the policy in force draws.
    public var reviewKey: ReviewKey?
    /// Longest time to hold deliveries while the surroundings are down, seconds. RabbitMQ itself closes a channel that
    /// acknowledges nothing for 30 minutes.
    public var patience = 300.0
    /// Longest wait for the broker's confirms before results go to the outbox, seconds.
    public var confirmWait = 5.0

    public init(broker: BrokerSettings, database: DatabaseSettings) {
        self.broker = broker
        self.database = database
    }

    public var prefetch: Int { min(2 * batch, Int(UInt16.max)) }
}
