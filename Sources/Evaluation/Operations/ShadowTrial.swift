import AuditTrail
public import Database
import Foundation
import Monitoring

/// How a version did in its shadow period, criterion by criterion.
public struct ShadowTrial: Sendable {
    public struct Criterion: Sendable {
        /// Such as `recall`.
        public let name: String
        /// What was found and what is needed, in words.
        public let finding: String
        public let isMet: Bool
    }

    public let version: String
    public let startedAt: Timestamp
    /// nil while it goes on.
    public let endedAt: Timestamp?
    /// The version that was active at its end, or is: what others decided meanwhile is not looked at.
    public let comparedWith: String
    /// Patches that both versions answered.
    public let patches: Int
    public let criteria: [Criterion]

    public var unmet: [Criterion] { criteria.filter { !$0.isMet } }

    /// Of the period that began last; nil for a version that never was in one.
    init?(of version: String, _ connection: DatabaseConnection) throws {
        guard let period = try ShadowPeriod.last(of: version, connection) else { return nil }
        (self.version, startedAt, endedAt, comparedWith) = (
            version, period.startedAt, period.endedAt, period.comparedWith
        )
        let parameters: [Parameter] = [
            .text(version), .text(period.comparedWith), .timestamp(period.comparedFrom), .timestamp(period.endedAt),
        ]
        let counts = try connection.query(ShadowTrial.countsSQL, parameters).onlyRow()
        patches = Int(try counts.int8("patches"))
        let strata = try connection.query(ShadowTrial.strataSQL, parameters).map(Stratum.init)
        let rates = Dictionary(uniqueKeysWithValues: strata.map { ($0.name, $0.response.rate ?? 0) })
        let labelled = try connection.query(ShadowTrial.labelledSQL, parameters).map { row in
            try PairedPatch(row, responses: rates)
        }
        let wanted = period.criteria, neverDrawn = try counts.int8("never_drawn")
        let tumors = labelled.count(where: \.isTumor)
        let days = try counts.float8("days")
        /// Why no figure stands for all patches; nil where it does.
        let trouble: String? =
            neverDrawn > 0
            ? "not estimable: \(neverDrawn) patches could never be drawn for review; the policy needs an audit sample"
            : strata.first { $0.response.isMature == false }.map {
                "\($0.response.answered) of \($0.response.selected) selected as \($0.name) have a final label: nine in ten "
                    + "are needed"
            }
        func share(_ name: String, _ count: Int64, atMost most: Double, of all: Int) -> Criterion {
            let share = Double(count) / Double(max(all, 1))
            return Criterion(
                name: name,
                finding: all == 0 ? "no patch yet" : "\(short(share)) of \(all) patches, at most \(short(most))",
                isMet: all > 0 && share <= most)
        }
        criteria = [
            Criterion(
                name: "time", finding: "\(short(days)) of at least \(short(wanted.fewest_days)) days",
                isMet: days >= wanted.fewest_days),
            Criterion(
                name: "labels",
                finding: "\(labelled.count) of at least \(wanted.fewest_labels) patches with a final label",
                isMet: labelled.count >= wanted.fewest_labels),
            Criterion(
                name: "tumour labels", finding: "\(tumors) of at least \(wanted.fewest_tumor_labels)",
                isMet: tumors >= wanted.fewest_tumor_labels),
            share("disagreement", try counts.int8("disagreeing"), atMost: wanted.most_disagreement, of: patches),
            share("uncertain", try counts.int8("uncertain"), atMost: wanted.most_uncertain, of: patches),
            ShadowTrial.difference("recall", labelled.filter(\.isTumor), wanted.recall_margin, wanted, trouble),
            ShadowTrial.difference(
                "specificity", labelled.filter { !$0.isTumor }, wanted.specificity_margin, wanted, trouble),
        ]
    }

    /// The weighted difference of right answers, with one more patch that only the one and one that only the other is
    /// right about, as Bonett and Price (British Journal of Mathematical and Statistical Psychology 65, 2012) add them:
    /// a few patches without a disagreement do not show that there is none.
    private static func difference(
        _ name: String, _ patches: [PairedPatch], _ margin: Double, _ wanted: ShadowCriteria, _ trouble: String?
    ) -> Criterion {
        var slides: [Int: SlideSums] = [:]
        for patch in patches {
            slides[patch.slide, default: SlideSums(numerator: 0, denominator: 0)].numerator +=
                patch.weight * ((patch.isShadowRight ? 1 : 0) - (patch.isActiveRight ? 1 : 0))
            slides[patch.slide]?.denominator += patch.weight
        }
        let weight = patches.reduce(0) { $0 + $1.weight }
        let mean = weight / Double(max(patches.count, 1))
        let sums = slides.sorted { $0.key < $1.key }.map(\.value)
        let extra = [1.0, -1].map { SlideSums(numerator: $0 * mean, denominator: mean) }
        let level = 2 * wanted.confidence - 1
        guard sums.count >= fewestSlides, case .value(let estimate) = clusteredRatio(sums + extra, level: level) else {
            return Criterion(
                name: name, finding: "not enough data: labels of \(sums.count) of \(fewestSlides) slides", isMet: false)
        }
        if let trouble { return Criterion(name: name, finding: trouble, isMet: false) }
        let value = sums.reduce(0) { $0 + $1.numerator } / weight
        let lower = estimate.interval.lower
        return Criterion(
            name: name,
            finding: "differs by \(short(value)), at least \(short(lower)) with confidence \(wanted.confidence); "
                + "at least \(short(-margin)) is needed",
            isMet: lower >= -margin)
    }

    /// $1: version, $2: what it is compared with, $3 and $4: since when and until.
    private static let paired: SQL = """
         from sentinode.shadow_predictions as shadow
            join sentinode.predictions as prediction using (job_id)
            join sentinode.model_versions as version on version.name = shadow.model_version
        where shadow.model_version = $1 and prediction.model_version = $2
            and coalesce(prediction.stored_at, prediction.predicted_at) >= $3
            and coalesce(prediction.stored_at, prediction.predicted_at) < coalesce($4, 'infinity'::timestamptz)
        """
    private static let countsSQL: SQL =
        """
        select count(*) as patches,
            count(*) filter (where (shadow.p_tumor >= version.threshold) <> (prediction.p_tumor >= prediction.threshold))
                as disagreeing,
            count(*) filter (where shadow.decision = 'uncertain') as uncertain,
            count(*) filter (where prediction.selection_probability = 0) as never_drawn,
            extract(epoch from coalesce($4, now()) - $3)::double precision / 86400 as days
        """ + paired
    /// Patches that the draw asked a label for, and those that have a final one.
    private static let selected: SQL =
        """
        select prediction.job_id, prediction.slide_id, prediction.selection_probability,
            prediction.p_tumor >= prediction.threshold as active_call, shadow.p_tumor >= version.threshold as shadow_call,
            prediction.review_reason || case
                when prediction.review_reason <> 'audit' then ''
                when prediction.p_tumor >= prediction.threshold then ', called tumor' else ', called normal' end as stratum
        """ + paired + " and prediction.review_reason is not null"
    private static let strataSQL: SQL =
        """
        select stratum, count(*) as asked,
            count(*) filter (where final.label is not null and final.how <> 'voluntary') as answered
        from (
        """ + selected + """
            ) as asked left join review.final_labels as final using (job_id) group by stratum order by stratum
            """
    /// Those whose label the draw asked for: what was labelled besides stands for nothing but itself.
    private static let labelledSQL: SQL =
        """
        select asked.*, final.label = 'tumor' as is_tumor,
            dense_rank() over (order by coalesce(asked.slide_id, asked.job_id::text)) as slide
        from (
        """ + selected + """
            ) as asked join review.final_labels as final using (job_id)
            where final.label in ('tumor', 'normal') and final.how <> 'voluntary' order by slide, asked.job_id
            """
}

/// Patches selected for one reason and called alike, and what came back of them.
private struct Stratum {
    let name: String
    let response: StratumResponse

    init(_ row: Row) throws {
        name = try row.text("stratum")
        response = StratumResponse(
            selected: Int(try row.int8("asked")), answered: Int(try row.int8("answered")))
    }
}

/// A labelled patch that both versions answered.
private struct PairedPatch {
    let slide: Int
    /// Patches that it stands for.
    let weight: Double
    let isTumor: Bool
    let isActiveRight: Bool
    let isShadowRight: Bool

    init(_ row: Row, responses: [String: Double]) throws {
        slide = Int(try row.int8("slide"))
        // Every stratum that has a label has a response.
        weight = 1 / (try row.float8("selection_probability") * (responses[try row.text("stratum")] ?? 1))
        isTumor = try row.bool("is_tumor")
        isActiveRight = try row.bool("active_call") == isTumor
        isShadowRight = try row.bool("shadow_call") == isTumor
    }
}

/// A time in which a version predicted and decided nothing.
struct ShadowPeriod {
    let criteria: ShadowCriteria
    let startedAt: Timestamp
    /// nil while it goes on.
    let endedAt: Timestamp?
    /// The version in charge at its end, or now, and since when both answered.
    let comparedWith: String
    let comparedFrom: Timestamp

    static func last(of version: String, _ connection: DatabaseConnection) throws -> ShadowPeriod? {
        let row = try connection.query(
            """
            with period as (
                select criteria, changed_at as started_at,
                    (select min(later.changed_at) from sentinode.shadow_changes as later
                     where later.model_version = $1 and later.generation > change.generation) as ended_at
                from sentinode.shadow_changes as change
                where model_version = $1 and running order by generation desc limit 1),
            active as (
                select active_version from sentinode.control, period
                where changed_at < coalesce(ended_at, 'infinity'::timestamptz) order by generation desc limit 1)
            select criteria, started_at, ended_at, active_version, greatest(started_at, (
                select min(control.changed_at) from sentinode.control as control
                where control.active_version = active.active_version
                    and control.changed_at < coalesce(period.ended_at, 'infinity'::timestamptz)
                    and control.generation > coalesce((
                        select max(other.generation) from sentinode.control as other
                        where other.active_version is distinct from active.active_version
                            and other.changed_at < coalesce(period.ended_at, 'infinity'::timestamptz)), 0))) as compared_from
            from period, active
            """, [.text(version)]
        ).first
        return try row.map {
            ShadowPeriod(
                criteria: try ShadowCriteria(json: $0.text("criteria")), startedAt: try $0.timestamp("started_at"),
                endedAt: try $0.optionalTimestamp("ended_at"), comparedWith: try $0.text("active_version"),
                comparedFrom: try $0.timestamp("compared_from"))
        }
    }
}

private func short(_ value: Double) -> String { String(format: "%.4g", value) }
