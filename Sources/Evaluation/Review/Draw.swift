import AuditTrail
import Foundation

/// Bernoulli draws that nobody without the key can foresee, and anybody with it can make again.
///
/// `contracts/review-draws.md` states how, with test vectors.
struct Draw {
    /// What is drawn for; one draw says nothing about another.
    enum Purpose: String {
        case positive, audit
        case secondRead = "second-read"
    }

    private static let prefix = "sentinode.draw.v1"
    private let hash: KeyedHash?

    /// Without a key nothing can be drawn, but what is certain or excluded.
    init(key: ReviewKey?) throws {
        hash = try key.map { try KeyedHash(key: $0.bytes) }
    }

    /// Whether the job is drawn with this probability.
    func draws(_ job: UUID, for purpose: Purpose, rate: Double) throws -> Bool {
        if rate <= 0 { return false }
        if rate >= 1 { return true }
        guard let hash else { throw KeylessDraw() }
        return try Draw.uniform(job, for: purpose, hash) < rate
    }

    /// The job's number from 0 up to below 1: 53 bits, so that a double holds each exactly.
    static func uniform(_ job: UUID, for purpose: Purpose, _ hash: KeyedHash) throws -> Double {
        let identity = withUnsafeBytes(of: job.uuid) { Array($0) }
        let code = try hash.code(for: Array((prefix + purpose.rawValue).utf8) + [0] + identity)
        let word = code.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Double(word >> 11) * 0x1p-53
    }
}

/// A policy without a key's commitment has a rule that draws: the database accepts none such.
struct KeylessDraw: Error, CustomStringConvertible {
    var description: String { "a rule of the review policy draws at random, and the policy names no key" }
}
