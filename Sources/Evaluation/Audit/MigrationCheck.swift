import Database

/// Whether the migrations that this program knows, or at least all up to the newest, were applied.
struct MigrationCheck {
    /// The program's own; nil where there are none at hand.
    let folder: String?

    func findings(_ connection: DatabaseConnection) throws -> [AuditFinding] {
        let there = try connection.query(
            "select pg_catalog.to_regclass('sentinode.schema_migrations') is not null as there"
        ).onlyRow().bool("there")
        guard there else { return [AuditFinding(.tableMissing, table: "sentinode.schema_migrations")] }
        guard let folder else { return try gaps(connection) }
        return try Migrator(folder: folder).status(connection).compactMap { status in
            switch status.state {
            case .applied, .unknownNewer: nil
            case .pending: AuditFinding(.migrationMissing, detail: "\(status.fileName) was not applied")
            case .edited: AuditFinding(.migrationMissing, detail: "\(status.fileName) was applied with other content")
            }
        }
    }

    private func gaps(_ connection: DatabaseConnection) throws -> [AuditFinding] {
        let row = try connection.query(
            "select count(*) as count, coalesce(max(number), 0) as newest from sentinode.schema_migrations"
        ).onlyRow()
        let (count, newest) = (try row.int8("count"), Int64(try row.int4("newest")))
        if count > 0, count == newest { return [] }
        return [AuditFinding(.migrationMissing, detail: "\(count) are recorded and the newest has number \(newest)")]
    }
}
