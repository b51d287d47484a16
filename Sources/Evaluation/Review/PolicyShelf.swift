import AuditTrail
import Database
import Synchronization

/// The review policies that a process has met, shared by its lanes, and the key it draws with.
final class PolicyShelf: Sendable {
    private let key: ReviewKey?
    private let loaded = Mutex<[Int64: ReviewPolicy]>([:])

    init(key: ReviewKey?) {
        self.key = key
    }

    /// Selects under the policy in force; nil where there is none.
    ///
    /// - Throws: `ReviewKeyError` where that policy was set with a key that is not this process's.
    func selector(_ control: Control, _ connection: DatabaseConnection) throws -> Selector? {
        guard let generation = control.reviewPolicy else { return nil }
        let policy = try policy(generation, connection)
        if let commitment = policy.keyCommitment, commitment != key?.commitment {
            throw ReviewKeyError(policy: generation, needed: commitment, held: key?.commitment)
        }
        return Selector(policy: policy, draw: try Draw(key: policy.keyCommitment == nil ? nil : key))
    }

    /// Policies never change, so each is read once.
    private func policy(_ generation: Int64, _ connection: DatabaseConnection) throws -> ReviewPolicy {
        if let policy = loaded.withLock({ $0[generation] }) { return policy }
        let policy = try ReviewPolicy(generation: generation, from: connection)
        loaded.withLock { $0[generation] = policy }
        return policy
    }
}

extension ReviewPolicy {
    /// As stored.
    init(generation: Int64, from connection: DatabaseConnection) throws {
        let answers = try connection.pipeline([
            ("select key_commitment from review.policies where generation = $1", [.int8(generation)]),
            ("select * from review.policy_rules where generation = $1 order by rule", [.int8(generation)]),
        ])
        self.init(
            generation: generation, keyCommitment: try answers[0].onlyRow().optionalBytes("key_commitment"),
            rules: try answers[1].map(ReviewRule.init))
    }
}

extension ReviewRule {
    init(_ row: Row) throws {
        let name = try row.text("reason")
        guard let reason = ReviewReason(rawValue: name) else {
            throw VersionError(description: "the review policy has a rule for \(name): run a newer sentinode")
        }
        self.reason = reason
        number = try row.int2("rule")
        site = try row.optionalText("site")
        scoreLow = try row.float8("score_low")
        scoreHigh = try row.float8("score_high")
        rate = try row.float8("rate")
        topPerSlide = Int(try row.int4("top_per_slide"))
        secondReadRate = try row.float8("second_read_rate")
        isBlind = try row.bool("blind")
        keepImageDays = Int(try row.int4("keep_image_days"))
    }
}

/// The policy in force draws with a key that this process does not have. Nothing is decided until it has.
public struct ReviewKeyError: Error, Sendable, CustomStringConvertible {
    let policy: Int64
    let needed: [UInt8]
    let held: [UInt8]?

    public var description: String {
        let trouble =
            held.map { "SENTINODE_REVIEW_KEY is another one, with commitment \(hexadecimal($0))" }
            ?? "SENTINODE_REVIEW_KEY is not set"
        return "review policy \(policy) draws with the key whose commitment is \(hexadecimal(needed)), and \(trouble): "
            + "name that key's file in SENTINODE_REVIEW_KEY_FILE; if it is lost, make a new one with "
            + "`sentinode review key --out FILE` and set a policy with `sentinode review policy set --key-file FILE`"
    }
}
