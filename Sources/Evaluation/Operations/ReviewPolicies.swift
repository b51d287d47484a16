import AuditTrail
public import Database
import Foundation

/// Shows and sets how predictions are selected for review, as the login of its database connection.
public final class ReviewPolicies {
    private let connection: DatabaseConnection

    public init(_ settings: DatabaseSettings) throws {
        connection = try DatabaseConnection(settings)
    }

    /// What setting a policy gave.
    public struct Outcome: Sendable {
        public let generation: Int64
        /// What the database warns of.
        public let warnings: [String]
    }

    /// Sets the policy from now on, or from a later time. `rules` is the JSON array that `review.set_policy` takes.
    ///
    /// - Throws: `OperationError` where the database refuses the rules, with what to do.
    public func set(
        rules: String, reason: String, keyCommitment: String?, validFrom: Timestamp? = nil, leaseMinutes: Int32 = 30
    ) throws -> Outcome {
        try ReviewPolicies.check(rules)
        do {
            let row = try connection.query(
                "select review.set_policy($1::jsonb, $2, $3, $4, $5) as generation",
                [
                    .jsonb(rules), .text(reason), .text(keyCommitment), .timestamp(validFrom), .int4(leaseMinutes),
                ]
            ).onlyRow()
            return Outcome(generation: try row.int8("generation"), warnings: connection.takeNotices())
        } catch  where error.sqlstate.hasPrefix("SN") {
            throw OperationError(error.message)
        }
    }

    /// PostgreSQL would not say where the text goes wrong without quoting it.
    private static func check(_ rules: String) throws {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(rules.utf8))
        } catch {
            throw OperationError("the rules are not JSON: an array of objects is expected, each with a reason")
        }
    }

    /// A policy as people look at it.
    public struct Summary: Sendable {
        public let generation: Int64
        public let isInForce: Bool
        public let validFrom: String
        public let setBy: String
        public let reason: String
        public let keyCommitment: String?
        public let leaseMinutes: Int32
        public let rules: [[String]]
    }

    /// Headings of a summary's rules.
    public static let ruleHeadings = [
        "rule", "reason", "site", "p_tumor", "rate", "top/slide", "second reads", "blind", "priority", "due", "image",
    ]

    /// The policy in force, then those whose time has not come.
    public func current() throws -> [Summary] {
        let rows = try connection.query(
            """
            select policy.*, valid_from <= now() as is_in_force from review.policies as policy
            where valid_from > now()
                or generation = (select max(generation) from review.policies where valid_from <= now())
            order by is_in_force desc, generation
            """)
        return try rows.map { row in
            let generation = try row.int8("generation")
            let rules = try connection.query(
                "select * from review.policy_rules where generation = $1 order by rule", [.int8(generation)])
            return Summary(
                generation: generation, isInForce: try row.bool("is_in_force"),
                validFrom: try row.timestamp("valid_from").description, setBy: try row.text("recorded_by"),
                reason: try row.text("reason"),
                keyCommitment: try row.optionalBytes("key_commitment").map { hexadecimal($0) },
                leaseMinutes: try row.int4("lease_minutes"), rules: try rules.map(ReviewPolicies.cells))
        }
    }

    private static func cells(_ row: Row) throws -> [String] {
        let (low, high) = (try row.float8("score_low"), try row.float8("score_high"))
        return [
            "\(try row.int2("rule"))", try row.text("reason"), try row.optionalText("site") ?? "any",
            low <= 0 && high > 1 ? "any" : high > 1 ? "from \(low)" : "\(low) to \(high)",
            percent(try row.float8("rate")), "\(try row.int4("top_per_slide"))",
            percent(try row.float8("second_read_rate")), try row.bool("blind") ? "yes" : "no",
            "\(try row.int2("priority"))", "\(try row.int4("due_hours")) h", "\(try row.int4("keep_image_days")) days",
        ]
    }

    private static func percent(_ rate: Double) -> String { String(format: "%g %%", 100 * rate) }
}
