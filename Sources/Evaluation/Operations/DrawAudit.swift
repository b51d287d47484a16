public import Database
public import Foundation

/// Makes every draw again that led to a review, or to none, with the key that was disclosed.
public final class DrawAudit {
    private let connection: DatabaseConnection
    private let key: ReviewKey

    public init(_ settings: DatabaseSettings, key: ReviewKey) throws {
        connection = try DatabaseConnection(settings)
        self.key = key
    }

    /// What was found.
    public struct Findings: Sendable {
        /// Policies that were set with this key.
        public let policies: [Int64]
        public internal(set) var checked = 0
        public internal(set) var differing = 0
        /// Erased ones that were selected for certain as one of the highest scores of a slide that nobody knows any more.
        public internal(set) var withoutSlide = 0
        /// The first that differs, in the order of job ids, and in what.
        public internal(set) var first: (job: UUID, what: String)?
    }

    /// Checks all predictions that were decided under policies with this key; `progress` is told how many are done.
    ///
    /// - Throws: `OperationError` where no policy was set with this key.
    public func run(progress: (Int) -> Void) throws -> Findings {
        try AuditorRole.required(connection) { try check(progress) }
    }

    private func check(_ progress: (Int) -> Void) throws -> Findings {
        let policies = try connection.query(
            "select generation from review.policies where key_commitment = $1 order by generation",
            [.bytes(key.commitment)]
        ).map { try $0.int8("generation") }
        guard !policies.isEmpty else {
            throw OperationError(
                "no review policy was set with this key, whose commitment is \(key.commitmentText): "
                    + "`SELECT generation, encode(key_commitment, 'hex') FROM review.policies` shows those there are")
        }
        var findings = Findings(policies: policies)
        let selectors = try selectors(policies)
        var last: UUID?
        while let page = try page(after: last, policies) {
            for row in page { try check(row, selectors, &findings) }
            last = try page[page.count - 1].uuid("job_id")
            progress(findings.checked)
        }
        return findings
    }

    /// How many predictions there are to check.
    public func count() throws -> Int {
        try AuditorRole.required(connection) {
            let row = try connection.query(
                """
                select count(*) as predictions from sentinode.predictions where review_policy in
                    (select generation from review.policies where key_commitment = $1)
                """, [.bytes(key.commitment)]
            ).onlyRow()
            return Int(try row.int8("predictions"))
        }
    }

    private func selectors(_ policies: [Int64]) throws -> [Int64: Selector] {
        let draw = try Draw(key: key)
        return try Dictionary(
            uniqueKeysWithValues: policies.map { generation in
                (generation, Selector(policy: try ReviewPolicy(generation: generation, from: connection), draw: draw))
            })
    }

    /// nil where there are no more.
    private func page(after last: UUID?, _ policies: [Int64]) throws -> Rows? {
        let generations = Parameter.int8Array(policies.map { $0 })
        let rows =
            if let last {
                try connection.query(
                    DrawAudit.selectSQL + "and job_id > $2" + DrawAudit.pageSQL, [generations, .uuid(last)])
            } else {
                try connection.query(DrawAudit.selectSQL + DrawAudit.pageSQL, [generations])
            }
        return rows.isEmpty ? nil : rows
    }

    private static let selectSQL: SQL = """
        select job_id, site, slide_id, p_tumor, decision, review_policy, review_rule, review_reason,
            selection_probability, positive_probability, positive_selected, audit_probability, audit_selected,
            second_read_probability, reads_wanted, blind, salt is null as is_erased
        from sentinode.predictions
        where review_policy = any($1::bigint[])

        """
    private static let pageSQL: SQL = " order by job_id limit 10000"

    private func check(_ row: Row, _ selectors: [Int64: Selector], _ findings: inout Findings) throws {
        findings.checked += 1
        let job = try row.uuid("job_id")
        guard let selector = selectors[try row.int8("review_policy")],
            let decision = Decision(rawValue: try row.text("decision"))
        else { return }
        var candidate = Candidate(
            job: job, decision: decision, pTumor: try row.float4("p_tumor"), site: try row.optionalText("site"),
            isOutOfScope: try row.optionalText("review_reason") == ReviewReason.outOfScope.rawValue)
        // Which scores were known then is not recorded; that it may have been among the highest of its slide is, until
        // an erasure clears the slide.
        let (top, isErased) = (selector.positiveRule(for: candidate)?.topPerSlide ?? 0, try row.bool("is_erased"))
        let hasSlide = try row.optionalText("slide_id") != nil
        if hasSlide || isErased, top > 0, try row.optionalFloat8("positive_probability") == 1 {
            candidate.isAmongHighest = true
            if !hasSlide { findings.withoutSlide += 1 }
        }
        let differences = try StoredSelection(row).differences(from: selector.selection(of: candidate))
        guard !differences.isEmpty else { return }
        findings.differing += 1
        if findings.first == nil { findings.first = (job, differences.joined(separator: ", ")) }
    }
}

/// The selection that a row of `sentinode.predictions` tells of.
private struct StoredSelection {
    let fields: [(name: String, value: String)]

    init(_ row: Row) throws {
        fields = [
            ("positive_probability", text(try row.optionalFloat8("positive_probability"))),
            ("positive_selected", text(try row.optionalBool("positive_selected"))),
            ("audit_probability", text(try row.optionalFloat8("audit_probability"))),
            ("audit_selected", text(try row.optionalBool("audit_selected"))),
            ("selection_probability", text(try row.float8("selection_probability"))),
            ("review_reason", text(try row.optionalText("review_reason"))),
            ("review_rule", text(try row.optionalInt2("review_rule"))),
            ("second_read_probability", text(try row.optionalFloat8("second_read_probability"))),
            ("reads_wanted", text(try row.optionalInt2("reads_wanted"))),
            ("blind", text(try row.optionalBool("blind"))),
        ]
    }

    init(_ selection: Selection) {
        fields = [
            ("positive_probability", text(selection.positive.probability)),
            ("positive_selected", text(selection.positive.isSelected)),
            ("audit_probability", text(selection.audit.probability)),
            ("audit_selected", text(selection.audit.isSelected)),
            ("selection_probability", text(selection.probability)),
            ("review_reason", text(selection.reason?.rawValue)),
            ("review_rule", text(selection.reading?.rule)),
            ("second_read_probability", text(selection.reading?.secondReadProbability)),
            ("reads_wanted", text(selection.reading?.readsWanted)),
            ("blind", text(selection.reading?.isBlind)),
        ]
    }

    /// Such as `audit_selected is true and the key gives false`.
    func differences(from selection: Selection) -> [String] {
        zip(fields, StoredSelection(selection).fields).filter { $0.value != $1.value }
            .map { "\($0.name) is \($0.value), and the key and the rules give \($1.value)" }
    }
}

private func text(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "NULL" }
