import AuditTrail
import Database
import Foundation
import PatchClassifier

/// What a version that decides nothing would have answered: a row of `sentinode.shadow_predictions`.
struct ShadowPrediction: AuditedRow {
    let job: UUID
    let modelVersion: String
    let rule: DecisionRule
    let probabilities: LogProbabilities
    let isOutOfScope: Bool
    let predictedAt: Timestamp
    let engine: String

    static let table = AuditedTable(
        "sentinode.shadow_predictions",
        [
            .init("job_id", .uuid), .init("model_version", .text), .init("log_p_normal", .real),
            .init("log_p_tumor", .real), .init("p_tumor", .real), .init("decision", .text),
            .init("predicted_at", .timestamptz), .init("engine", .text),
        ])

    private var decision: Decision { isOutOfScope ? .uncertain : rule.decision(probabilities) }

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("decision", .text(decision.rawValue)),
            Column("engine", .text(engine)),
            Column("job_id", .uuid(job)),
            stamp.leaf,
            Column("log_p_normal", .real(probabilities.normal)),
            Column("log_p_tumor", .real(probabilities.tumor)),
            Column("model_version", .text(modelVersion)),
            Column("p_tumor", .real(rule.pTumor(probabilities))),
            Column("predicted_at", .timestamp(predictedAt.microseconds)),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
    }
}

/// That a version predicts beside the active one from now on, or no longer: a row of `sentinode.shadow_changes`.
struct ShadowChangeRow: AuditedRow {
    let generation: Int64
    let modelVersion: String
    /// What it must show; nil where it predicts no longer.
    let criteria: ShadowCriteria?
    let reason: String
    let changedAt: Timestamp
    let changedBy: String

    static let table = AuditedTable(
        "sentinode.shadow_changes",
        [
            .init("generation", .bigint), .init("model_version", .text), .init("running", .boolean),
            .init("criteria", .text), .init("reason", .text), .init("changed_at", .timestamptz),
            .init("changed_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        let columns: [Column?] = [
            Column("changed_at", .timestamp(changedAt.microseconds)),
            Column("changed_by", .text(changedBy)),
            Column("criteria", text: criteria?.json),
            Column("generation", .integer(generation)),
            stamp.leaf,
            Column("model_version", .text(modelVersion)),
            Column("reason", .text(reason)),
            Column("running", .boolean(criteria != nil)),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
        return columns.compactMap { $0 }
    }
}

/// That a version is over: a row of `sentinode.retirements`.
struct RetirementRow: AuditedRow {
    let modelVersion: String
    let reason: String
    let retiredAt: Timestamp
    let retiredBy: String

    static let table = AuditedTable(
        "sentinode.retirements",
        [
            .init("model_version", .text), .init("reason", .text), .init("retired_at", .timestamptz),
            .init("retired_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            stamp.leaf,
            Column("model_version", .text(modelVersion)),
            Column("reason", .text(reason)),
            Column("retired_at", .timestamp(retiredAt.microseconds)),
            Column("retired_by", .text(retiredBy)),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
    }
}

/// A patch that a version must always answer alike: a row of `sentinode.golden_patches`.
struct GoldenPatchRow: AuditedRow {
    let modelVersion: String
    let number: Int16
    let png: [UInt8]
    let answer: LogProbabilities
    let storedAt: Timestamp
    let storedBy: String

    static let table = AuditedTable(
        "sentinode.golden_patches",
        [
            .init("model_version", .text), .init("number", .smallint), .init("png", .bytea),
            .init("log_p_normal", .real), .init("log_p_tumor", .real), .init("stored_at", .timestamptz),
            .init("stored_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            stamp.leaf,
            Column("log_p_normal", .real(answer.normal)),
            Column("log_p_tumor", .real(answer.tumor)),
            Column("model_version", .text(modelVersion)),
            Column("number", .integer(Int64(number))),
            Column("png", .bytes(png)),
            stamp.saltColumn,
            stamp.seal,
            Column("stored_at", .timestamp(storedAt.microseconds)),
            Column("stored_by", .text(storedBy)),
            stamp.writer,
        ]
    }
}
