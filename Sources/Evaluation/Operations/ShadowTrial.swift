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
    /// Patches that both versions answered.
    public let patches: Int
    public let criteria: [Criterion]

    public var unmet: [Criterion] { criteria.filter { !$0.isMet } }

    /// Of the period that began last; nil for a version that never was in one.
    init?(of version: String, _ connection: DatabaseConnection) throws {
        guard let period = try ShadowPeriod.last(of: version, connection) else { return nil }
        (self.version, startedAt, endedAt) = (version, period.startedAt, period.endedAt)
        let counts = try connection.query(
            ShadowTrial.countsSQL,
            [.text(version), .timestamp(period.startedAt), .timestamp(period.endedAt)]
        ).onlyRow()
        patches = Int(try counts.int8("patches"))
        let labelled = try connection.query(
            ShadowTrial.labelledSQL,
            [.text(version), .timestamp(period.startedAt), .timestamp(period.endedAt)]
        ).map(PairedPatch.init)
        let wanted = period.criteria
        let disagreeing = Double(try counts.int8("disagreeing")) / Double(max(patches, 1))
        let tumors = labelled.count(where: \.isTumor)
        let days = try counts.float8("days")
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
            Criterion(
                name: "disagreement",
                finding: patches == 0
                    ? "no patch yet"
                    : "\(short(disagreeing)) of \(patches) patches, at most \(short(wanted.most_disagreement))",
                isMet: patches > 0 && disagreeing <= wanted.most_disagreement),
            ShadowTrial.difference("recall", labelled.filter(\.isTumor), wanted.recall_margin, wanted),
            ShadowTrial.difference(
                "specificity", labelled.filter { !$0.isTumor }, wanted.specificity_margin, wanted),
        ]
    }

    /// The weighted difference of right answers, with one more patch that only the one and one that only the other is
    /// right about, as Bonett and Price (British Journal of Mathematical and Statistical Psychology 65, 2012) add them:
    /// a few patches without a disagreement do not show that there is none.
    private static func difference(
        _ name: String, _ patches: [PairedPatch], _ margin: Double, _ wanted: ShadowCriteria
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
        let value = sums.reduce(0) { $0 + $1.numerator } / weight
        let lower = estimate.interval.lower
        return Criterion(
            name: name,
            finding: "differs by \(short(value)), at least \(short(lower)) with confidence \(wanted.confidence); "
                + "at least \(short(-margin)) is needed",
            isMet: lower >= -margin)
    }

    /// $1: version, $2 and $3: period.
    private static let period: SQL = """
         from sentinode.shadow_predictions as shadow
            join sentinode.predictions as prediction using (job_id)
            join sentinode.model_versions as version on version.name = shadow.model_version
        where shadow.model_version = $1 and coalesce(prediction.stored_at, prediction.predicted_at) >= $2
            and coalesce(prediction.stored_at, prediction.predicted_at) < coalesce($3, 'infinity'::timestamptz)
        """
    private static let countsSQL: SQL =
        """
        select count(*) as patches,
            count(*) filter (where (shadow.p_tumor >= version.threshold) <> (prediction.p_tumor >= prediction.threshold))
                as disagreeing,
            extract(epoch from coalesce($3, now()) - $2)::double precision / 86400 as days
        """ + period
    /// Those whose label the draw asked for: what was labelled besides stands for nothing but itself.
    private static let labelledSQL: SQL =
        """
        select prediction.slide_id, prediction.selection_probability, final.label = 'tumor' as is_tumor,
            prediction.p_tumor >= prediction.threshold as active_call, shadow.p_tumor >= version.threshold as shadow_call,
            dense_rank() over (order by coalesce(prediction.slide_id, prediction.job_id::text)) as slide
        from (
            select shadow.* from sentinode.shadow_predictions as shadow where shadow.model_version = $1) as shadow
            join sentinode.predictions as prediction using (job_id)
            join sentinode.model_versions as version on version.name = shadow.model_version
            join review.final_labels as final using (job_id)
        where coalesce(prediction.stored_at, prediction.predicted_at) >= $2
            and coalesce(prediction.stored_at, prediction.predicted_at) < coalesce($3, 'infinity'::timestamptz)
            and prediction.review_reason is not null and final.label in ('tumor', 'normal') and final.how <> 'voluntary'
        order by slide, prediction.job_id
        """
}

/// A labelled patch that both versions answered.
private struct PairedPatch {
    let slide: Int
    /// Patches that it stands for.
    let weight: Double
    let isTumor: Bool
    let isActiveRight: Bool
    let isShadowRight: Bool

    init(_ row: Row) throws {
        slide = Int(try row.int8("slide"))
        weight = 1 / (try row.float8("selection_probability"))
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

    static func last(of version: String, _ connection: DatabaseConnection) throws -> ShadowPeriod? {
        let row = try connection.query(
            """
            select criteria, changed_at,
                (select min(later.changed_at) from sentinode.shadow_changes as later
                 where later.model_version = $1 and later.generation > change.generation) as ended_at
            from sentinode.shadow_changes as change
            where model_version = $1 and running order by generation desc limit 1
            """, [.text(version)]
        ).first
        return try row.map {
            ShadowPeriod(
                criteria: try ShadowCriteria(json: $0.text("criteria")), startedAt: try $0.timestamp("changed_at"),
                endedAt: try $0.optionalTimestamp("ended_at"))
        }
    }
}

private func short(_ value: Double) -> String { String(format: "%.4g", value) }
