import AuditTrail
import Database
import Foundation

/// Weights as imported: a row of `sentinode.models`.
struct ModelRow: AuditedRow {
    let weightsSHA256: [UInt8]
    /// Canonical safetensors.
    let weights: [UInt8]
    let parameters: Int
    let architecture: String
    let sourceName: String
    let sourceSHA256: [UInt8]
    let importedAt: Timestamp
    let importedBy: String

    static let table = AuditedTable(
        "sentinode.models",
        [
            .init("weights_sha256", .bytea), .init("weights", .bytea), .init("parameters", .bigint),
            .init("architecture", .text), .init("source_name", .text), .init("source_sha256", .bytea),
            .init("imported_at", .timestamptz), .init("imported_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("architecture", .text(architecture)),
            Column("imported_at", .timestamp(importedAt.microseconds)),
            Column("imported_by", .text(importedBy)),
            stamp.leaf,
            Column("parameters", .integer(Int64(parameters))),
            stamp.saltColumn,
            stamp.seal,
            Column("source_name", .text(sourceName)),
            Column("source_sha256", .bytes(sourceSHA256)),
            Column("weights", .bytes(weights)),
            Column("weights_sha256", .bytes(weightsSHA256)),
            stamp.writer,
        ]
    }
}

/// What decides, under a name: a row of `sentinode.model_versions`.
struct ModelVersionRow: AuditedRow {
    let name: String
    let weightsSHA256: [UInt8]
    let arithmetic: String
    let rule: DecisionRule
    let scope: DeclaredScope
    let development: DevelopmentProfile?
    let card: String?
    /// How its operating point was chosen, and what `sentinode train` said of its weights; for people.
    let chosen: String?
    let training: String?
    let createdAt: Timestamp
    let createdBy: String
    let versionSHA256: [UInt8]

    static let preprocessing = "rgb/255"
    /// The same, where more decides than weights and lines: programs that know nothing of it refuse the version.
    static let preprocessingAndRule = "rgb/255;rule-2"

    static func preprocessing(_ rule: DecisionRule, _ scope: DeclaredScope) -> String {
        let isPlain = rule.temperature == nil && rule.augmentationColumn == nil && scope.isEmpty
        return isPlain ? preprocessing : preprocessingAndRule
    }

    /// Digest of all that decides and of nothing else: two versions that decide alike have the same.
    static func digest(weightsSHA256: [UInt8], arithmetic: String, rule: DecisionRule, scope: DeclaredScope) throws
        -> [UInt8]
    {
        let columns: [Column?] = [
            Column("arithmetic", .text(arithmetic)),
            Column("mpp_high", double: scope.mpp?.upperBound),
            Column("mpp_low", double: scope.mpp?.lowerBound),
            Column("preprocessing", .text(preprocessing(rule, scope))),
            Column("stains", text: scope.stainList),
            rule.temperatureColumn,
            rule.augmentationColumn,
            Column("threshold", .real(rule.operatingPoint.threshold)),
            Column("uncertain_high", real: rule.operatingPoint.uncertain?.upperBound),
            Column("uncertain_low", real: rule.operatingPoint.uncertain?.lowerBound),
            Column("weights_sha256", .bytes(weightsSHA256)),
        ]
        return try Hash.sha256(
            RowEncoding(table: "sentinode.model_version.v1", columns: columns.compactMap { $0 }).bytes)
    }

    static let table = AuditedTable(
        "sentinode.model_versions",
        [
            .init("name", .text), .init("version_sha256", .bytea), .init("weights_sha256", .bytea),
            .init("preprocessing", .text), .init("arithmetic", .text), .init("threshold", .real),
            .init("uncertain_low", .real), .init("uncertain_high", .real), .init("mpp_low", .double),
            .init("mpp_high", .double), .init("stains", .text), .init("development_profile", .text),
            .init("card", .text),
            .init("created_at", .timestamptz), .init("created_by", .text), .init("temperature", .real),
            .init("test_time_augmentation", .text), .init("chosen", .text), .init("training", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        let columns: [Column?] = [
            Column("arithmetic", .text(arithmetic)),
            Column("card", text: card),
            Column("chosen", text: chosen),
            Column("created_at", .timestamp(createdAt.microseconds)),
            Column("created_by", .text(createdBy)),
            Column("development_profile", text: development?.json),
            stamp.leaf,
            Column("mpp_high", double: scope.mpp?.upperBound),
            Column("mpp_low", double: scope.mpp?.lowerBound),
            Column("name", .text(name)),
            Column("preprocessing", .text(ModelVersionRow.preprocessing(rule, scope))),
            stamp.saltColumn,
            stamp.seal,
            Column("stains", text: scope.stainList),
            rule.temperatureColumn,
            rule.augmentationColumn,
            Column("threshold", .real(rule.operatingPoint.threshold)),
            Column("training", text: training),
            Column("uncertain_high", real: rule.operatingPoint.uncertain?.upperBound),
            Column("uncertain_low", real: rule.operatingPoint.uncertain?.lowerBound),
            Column("version_sha256", .bytes(versionSHA256)),
            Column("weights_sha256", .bytes(weightsSHA256)),
            stamp.writer,
        ]
        return columns.compactMap { $0 }
    }
}

/// What workers follow from now on: a row of `sentinode.control`.
struct ControlRow: AuditedRow {
    let control: Control
    let reason: String
    let changedAt: Timestamp
    let changedBy: String
    /// Criteria that were not met; nil where none stood against it.
    let overridden: String?

    static let table = AuditedTable(
        "sentinode.control",
        [
            .init("generation", .bigint), .init("active_version", .text), .init("paused", .boolean),
            .init("reason", .text), .init("changed_at", .timestamptz), .init("changed_by", .text),
            .init("overridden", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        let columns: [Column?] = [
            Column("active_version", text: control.activeVersion),
            Column("changed_at", .timestamp(changedAt.microseconds)),
            Column("changed_by", .text(changedBy)),
            Column("generation", .integer(control.generation)),
            stamp.leaf,
            Column("overridden", text: overridden),
            Column("paused", .boolean(control.isPaused)),
            Column("reason", .text(reason)),
            stamp.saltColumn,
            stamp.seal,
            stamp.writer,
        ]
        return columns.compactMap { $0 }
    }
}
