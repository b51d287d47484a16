import AuditTrail
import Database
import Foundation
import PatchClassifier

/// What a person is told of a patch.
public enum Decision: String, Sendable, CaseIterable {
    case tumor, normal, uncertain
}

/// Where a model version draws its lines.
public struct OperatingPoint: Sendable, Equatable {
    /// tumor from here on.
    public let threshold: Float
    /// Half-open band of p_tumor in which a person must look; nil where there is none.
    public let uncertain: Range<Float>?

    public init(threshold: Float, uncertain: Range<Float>? = nil) {
        self.threshold = threshold
        self.uncertain = uncertain
    }

    public func decision(_ pTumor: Float) -> Decision {
        if let uncertain, uncertain.contains(pTumor) { return .uncertain }
        return pTumor >= threshold ? .tumor : .normal
    }
}

/// One job, decided: a row of `sentinode.predictions`.
struct Prediction: AuditedRow {
    let job: Job
    let modelVersion: String
    let rule: DecisionRule
    let probabilities: LogProbabilities
    /// Of those in the sample that drift is measured on.
    var embedding: [Float]?
    let statistics: ImageStatistics
    let engine: String
    let receivedAt: Timestamp
    let predictedAt: Timestamp
    /// nil where no review policy is in force.
    var selection: Selection?
    /// Whether the version was made for other patches than this one: nothing is decided of it then.
    var isOutOfScope = false
    /// What versions in shadow say of it.
    var opinions: [ShadowOpinion] = []

    var shadowPredictions: [ShadowPrediction] {
        opinions.map {
            ShadowPrediction(
                job: job.id, modelVersion: $0.version, rule: $0.rule, probabilities: $0.probabilities,
                isOutOfScope: $0.scope.excludes(job.metadata), predictedAt: predictedAt, engine: $0.engine)
        }
    }

    var pTumor: Float { rule.pTumor(probabilities) }
    var decision: Decision { isOutOfScope ? .uncertain : rule.decision(probabilities) }

    /// Without a policy, what is uncertain is looked at and nothing else.
    private var reason: ReviewReason? {
        if let selection { return selection.reason }
        return isOutOfScope ? .outOfScope : decision == .uncertain ? .uncertain : nil
    }
    var reviewReason: String? { reason?.rawValue }
    var selectionProbability: Double { selection?.probability ?? (decision == .uncertain ? 1 : 0) }

    static let table = AuditedTable(
        "sentinode.predictions",
        [
            .init("job_id", .uuid), .init("model_version", .text), .init("message_id", .text), .init("sender", .text),
            .init("slide_id", .text),
            .init("x", .bigint), .init("y", .bigint), .init("level", .smallint), .init("mpp", .double),
            .init("site", .text), .init("scanner", .text),
            .init("stain", .text), .init("case_pseudonym", .text), .init("attributes_source", .text),
            .init("image_sha256", .bytea),
            .init("log_p_normal", .real), .init("log_p_tumor", .real), .init("p_tumor", .real),
            .init("decision", .text), .init("threshold", .real),
            .init("uncertain_low", .real), .init("uncertain_high", .real), .init("review_reason", .text),
            .init("selection_probability", .double), .init("enqueued_at", .timestamptz),
            .init("received_at", .timestamptz),
            .init("predicted_at", .timestamptz), .init("stored_at", .timestamptz), .init("engine", .text),
            .init("mean_red", .real),
            .init("mean_green", .real),
            .init("mean_blue", .real), .init("od_mean_red", .real), .init("od_mean_green", .real),
            .init("od_mean_blue", .real),
            .init("od_sd_red", .real), .init("od_sd_green", .real), .init("od_sd_blue", .real),
            .init("saturation", .real),
            .init("brightness", .real), .init("focus", .real), .init("tissue_share", .real),
            .init("review_policy", .bigint), .init("review_rule", .smallint),
            .init("positive_probability", .double), .init("positive_selected", .boolean),
            .init("audit_probability", .double), .init("audit_selected", .boolean),
            .init("second_read_probability", .double), .init("reads_wanted", .smallint), .init("blind", .boolean),
            .init("hematoxylin_red", .real), .init("hematoxylin_green", .real), .init("eosin_red", .real),
            .init("eosin_green", .real), .init("embedding", .bytea),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        let patch = job.metadata
        let columns: [Column?] = [
            Column("attributes_source", text: job.attributes),
            Column("audit_probability", double: selection?.audit.probability),
            Column("audit_selected", boolean: selection?.audit.isSelected),
            Column("blind", boolean: selection?.reading?.isBlind),
            Column("brightness", .real(statistics.brightness)),
            Column("case_pseudonym", text: patch.casePseudonym),
            Column("decision", .text(decision.rawValue)),
            embedding.map { Column("embedding", .bytes(EmbeddingSample.packed($0))) },
            Column("engine", .text(engine)),
            Column("enqueued_at", timestamp: patch.enqueuedAt),
            Column("eosin_green", real: statistics.stains?.eosinGreen),
            Column("eosin_red", real: statistics.stains?.eosinRed),
            Column("focus", .real(statistics.focus)),
            Column("hematoxylin_green", real: statistics.stains?.hematoxylinGreen),
            Column("hematoxylin_red", real: statistics.stains?.hematoxylinRed),
            Column("image_sha256", .bytes(job.imageSHA256)),
            Column("job_id", .uuid(job.id)),
            stamp.leaf,
            Column("level", integer: patch.level),
            Column("log_p_normal", .real(probabilities.normal)),
            Column("log_p_tumor", .real(probabilities.tumor)),
            Column("mean_blue", .real(statistics.meanBlue)),
            Column("mean_green", .real(statistics.meanGreen)),
            Column("mean_red", .real(statistics.meanRed)),
            Column("message_id", text: job.messageID),
            Column("model_version", .text(modelVersion)),
            Column("mpp", double: patch.mpp),
            Column("od_mean_blue", .real(statistics.opticalDensityMeanBlue)),
            Column("od_mean_green", .real(statistics.opticalDensityMeanGreen)),
            Column("od_mean_red", .real(statistics.opticalDensityMeanRed)),
            Column("od_sd_blue", .real(statistics.opticalDensityDeviationBlue)),
            Column("od_sd_green", .real(statistics.opticalDensityDeviationGreen)),
            Column("od_sd_red", .real(statistics.opticalDensityDeviationRed)),
            Column("p_tumor", .real(pTumor)),
            Column("positive_probability", double: selection?.positive.probability),
            Column("positive_selected", boolean: selection?.positive.isSelected),
            Column("predicted_at", .timestamp(predictedAt.microseconds)),
            Column("reads_wanted", integer: selection?.reading?.readsWanted),
            Column("received_at", .timestamp(receivedAt.microseconds)),
            Column("review_policy", integer: selection?.policy),
            Column("review_reason", text: reviewReason),
            Column("review_rule", integer: selection?.reading?.rule),
            stamp.saltColumn,
            Column("saturation", .real(statistics.saturation)),
            Column("scanner", text: patch.scanner),
            stamp.seal,
            Column("second_read_probability", double: selection?.reading?.secondReadProbability),
            Column("selection_probability", .double(selectionProbability)),
            Column("sender", text: job.sender),
            Column("site", text: patch.site),
            Column("slide_id", text: patch.slideID),
            Column("stain", text: patch.stain),
            Column("stored_at", .timestamp(stamp.storedAt.microseconds)),
            Column("threshold", .real(rule.operatingPoint.threshold)),
            Column("tissue_share", .real(statistics.tissueShare)),
            Column("uncertain_high", real: rule.operatingPoint.uncertain?.upperBound),
            Column("uncertain_low", real: rule.operatingPoint.uncertain?.lowerBound),
            stamp.writer,
            Column("x", integer: patch.x),
            Column("y", integer: patch.y),
        ]
        return columns.compactMap { $0 }
    }
}
