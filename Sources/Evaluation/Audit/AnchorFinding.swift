public import Database

/// Something that does not agree with what was signed or recorded.
public struct AnchorFinding: Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A checkpoint that is signed outside, or that numbers leave a gap for, is not in the database.
        case checkpointMissing = "checkpoint.missing"
        /// The database has another checkpoint under the number.
        case checkpointReplaced = "checkpoint.replaced"
        /// A checkpoint does not follow the one before, or its parts do not fit each other.
        case checkpointBroken = "checkpoint.broken"
        /// Nobody whom the public key vouches for has signed it.
        case checkpointUntrusted = "checkpoint.untrusted"
        /// A seal that was signed is gone.
        case headMissing = "head.missing"
        /// A seal that was signed has become another.
        case headChanged = "head.changed"
        /// An event is older than a checkpoint that did not see it.
        case eventBackdated = "event.backdated"
        /// No checkpoint covers an event, although more than one was made since.
        case eventUncovered = "event.uncovered"
        /// Something that is stored keeps the comparison from going on.
        case unreadable = "comparison.broken"
        case catalogueMissing = "catalogue.missing"
        case objectMissing = "object.missing"
        case objectChanged = "object.changed"
        case objectNew = "object.new"
    }

    public let code: Code
    public let sentence: String

    init(_ code: Code, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    public var description: String { "\(code.rawValue): \(sentence)" }
}

/// What the comparison with checkpoints gave.
public struct AnchorReport: Sendable {
    /// Up to when the record is known to be whole, and by which checkpoint known outside.
    public struct Anchor: Sendable, Equatable {
        public let checkpoint: Int64
        public let time: Timestamp
    }

    public var findings: [AnchorFinding] = []
    /// What a person should know and what is nobody's fault, such as a restored backup that was signed for.
    public var notes: [String] = []
    /// nil where no checkpoint from outside was given, or none of them can be trusted.
    public var anchor: Anchor?
    public var checkpoints = 0
    public var heads = 0
    /// Events that no checkpoint covers yet.
    public var eventsSince = 0
}
