/// A table that must be there, whatever else the catalogue holds: a trail without it proves nothing.
struct ExpectedTable: Sendable {
    let name: String
    /// Columns and their types; a database may have more.
    let columns: [(name: String, kind: AuditedTable.Kind)]

    /// What the program itself writes is held to every column.
    init(_ table: AuditedTable) {
        name = table.name
        columns = table.columns.map { ($0.name, $0.kind) }
    }

    /// What functions of the database write is held to its stamp, and to what verification reads.
    init(_ name: String, _ columns: [(String, AuditedTable.Kind)] = []) {
        self.name = name
        self.columns = columns + ExpectedTable.stamp
    }

    private init(unstamped name: String, _ columns: [(String, AuditedTable.Kind)]) {
        self.name = name
        self.columns = columns
    }

    private static let stamp: [(String, AuditedTable.Kind)] = [
        ("writer", .uuid), ("seal", .bigint), ("leaf", .integer), ("salt", .bytea),
    ]

    /// Without these three nothing can be verified.
    static let trail = [
        ExpectedTable(
            unstamped: StampedTable.events,
            [
                ("writer", .uuid), ("seal", .bigint), ("salt", .bytea), ("leaves", .bytea),
                ("occurred_at", .timestamptz),
                ("actor", .text), ("action", .text), ("subject", .text), ("reason", .text), ("detail_source", .text),
            ]),
        ExpectedTable(
            unstamped: "audit.seals",
            [
                ("writer", .uuid), ("number", .bigint), ("previous", .bytea), ("leaf_count", .integer),
                ("root", .bytea),
                ("seal", .bytea),
            ]),
        ExpectedTable(
            "audit.erased_rows",
            [
                ("relation", .text), ("row_writer", .uuid), ("row_seal", .bigint), ("row_leaf", .integer),
                ("columns", .text), ("remainder", .bytea),
            ]),
    ]

    /// Every other audited table that this program knows of.
    static let records =
        [
            Prediction.table, QuarantinedMessage.table, QuarantineRepeat.table, QuarantineDecision.table,
            ModelRow.table, ModelVersionRow.table, ControlRow.table, ShadowPrediction.table, ShadowChangeRow.table,
            RetirementRow.table, GoldenPatchRow.table, CheckpointRow.table, CatalogueRow.table,
            MonitorRunRow.table, AlertRow.table, AlertResolutionRow.table,
        ].map { ExpectedTable($0) }
        + [
            "review.readers", "review.policies", "review.policy_rules", "review.claims",
            "review.labels", "review.reveals", "review.releases", "monitor.reference_profiles",
        ].map { ExpectedTable($0) }
}
