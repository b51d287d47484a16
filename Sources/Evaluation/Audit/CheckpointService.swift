public import AuditTrail
public import Database
import MessageBroker

/// `sentinode audit checkpoint`: signs once, or again and again, and keeps the file outside complete.
public final class CheckpointService {
    public struct Settings: Sendable {
        public let database: DatabaseSettings
        /// File to append to; without one checkpoints are only told.
        public let file: String?
        /// The newest checkpoint that is known outside, where the file does not say it.
        public let last: Checkpoint?

        public init(database: DatabaseSettings, file: String?, last: Checkpoint?) {
            self.database = database
            self.file = file
            self.last = last
        }
    }

    /// What happens, as it happens.
    public enum News {
        case signed(Checkpoint)
        case sealsLost(Int64)
        case sealsForgotten(Int64)
        /// Stored checkpoints, by number, that cannot be read.
        case unreadable([Int64])
        case interrupted(DatabaseError)
    }

    private let settings: Settings
    private let key: SigningKey
    private let tell: (News) -> Void
    private var signer: CheckpointSigner?
    private var outside: Checkpoint?

    public init(_ settings: Settings, key: SigningKey, tell: @escaping (News) -> Void) throws {
        self.settings = settings
        self.key = key
        self.tell = tell
        outside = try settings.file.map { try CheckpointFile.lastWhole(of: $0) } ?? nil
        if let last = settings.last, last.document.number > outside?.document.number ?? 0 { outside = last }
    }

    /// One checkpoint.
    public func sign(_ occasion: CheckpointOccasion) throws {
        if case .restored = occasion, outside == nil {
            throw OperationError("--restored needs the last checkpoint from outside: name its file with --previous")
        }
        let signer = try signer ?? CheckpointSigner(settings.database, key: key)
        self.signer = signer
        let round = try signer.sign(occasion, after: outside)
        outside = round.checkpoints.last
        if let file = settings.file { try CheckpointFile.append(round.checkpoints, to: file) }
        for checkpoint in round.checkpoints { tell(.signed(checkpoint)) }
        if !round.unreadable.isEmpty { tell(.unreadable(round.unreadable)) }
        if round.sealsForgotten > 0 { tell(.sealsForgotten(round.sealsForgotten)) }
        if round.sealsLost > 0 { tell(.sealsLost(round.sealsLost)) }
    }

    /// A checkpoint every `seconds` until a stop is requested; while the database is away, it is tried again.
    public func sign(every seconds: Double, until stop: StopRequest) throws {
        let backoff = Backoff()
        var failures = 0
        var due = ContinuousClock.now
        while !stop.isRequested {
            do {
                try sign(.routine)
                failures = 0
                // What an outage delayed is not made up for: the next one covers it.
                due = max(due + .seconds(seconds), .now)
            } catch let error as DatabaseError where error.isTransient {
                failures += 1
                signer = nil
                tell(.interrupted(error))
                due = .now + .seconds(backoff.delay(afterAttempt: failures, jitter: .random(in: 0..<1)))
            }
            while due > .now, !stop.wait(seconds: (due - .now) / .seconds(1)) {}
        }
    }
}
