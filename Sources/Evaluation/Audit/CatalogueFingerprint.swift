import AuditTrail
public import Database
import Foundation

/// Records what the catalogue should look like, and finds what differs from it: disabled triggers, changed functions,
/// grants, policies, constraints, columns, owners, attributes of the product's roles.
public struct CatalogueFingerprint {
    private let connection: DatabaseConnection

    public init(_ connection: DatabaseConnection) {
        self.connection = connection
    }

    /// Called after `sentinode migrate`: records the catalogue where migrations came since the last record. Only then,
    /// so that migrating again accepts nothing that somebody changed by hand.
    ///
    /// Returns whether it recorded.
    @discardableResult
    public func recordAfterMigrating() throws -> Bool {
        // A program of before checkpoints left no place for it.
        let exists = try connection.query("select to_regclass('audit.catalogues') is not null as exists").onlyRow()
        guard try exists.bool("exists") else { return false }
        return try Ledger(connection).transact { entry in
            let newest = try newestMigration()
            if let last = try CatalogueFingerprint.last(connection)?.migration, last >= newest { return (false, nil) }
            let detail = try record(newest, &entry)
            return (
                true,
                AuditEvent(action: "schema.migrated", subject: String(newest), detail: .object(detail))
            )
        }.value
    }

    /// Accepts the catalogue as it stands, with a reason; what differed stays in the audit trail.
    ///
    /// Returns what differed.
    public func accept(reason: String) throws -> [AnchorFinding] {
        try Ledger(connection).transact { entry in
            var report = AnchorReport()
            try verifyInTransaction(&report)
            let differences = report.findings
            var detail = try record(try newestMigration(), &entry)
            detail.append(("differences", .integer(Int64(differences.count))))
            detail.append(("first", .array(differences.prefix(100).map { .string($0.description) })))
            return (
                differences, AuditEvent(action: "schema.accepted", reason: reason, detail: .object(detail))
            )
        }.value
    }

    /// What differs now, for `audit verify`. Only reads.
    public func verify() throws -> AnchorReport {
        try connection.transaction(isolation: .repeatableRead) { _ in
            var report = AnchorReport()
            try verifyInTransaction(&report)
            return report
        }
    }

    /// The same inside of a transaction of the caller's, whose `search_path` it changes. The report holds what it found
    /// also where this throws.
    func verifyInTransaction(_ report: inout AnchorReport) throws {
        guard let last = try CatalogueFingerprint.last(connection) else {
            report.findings.append(
                AnchorFinding(
                    .catalogueMissing, "what the catalogue should look like was never recorded: `sentinode migrate`"))
            return
        }
        report.notes += notes(recordedUnder: last.serverVersion)
        let recorded: Catalogue
        do {
            recorded = try Catalogue(recorded: last.objects)
        } catch let error as OperationError {
            report.findings.append(AnchorFinding(.catalogueMissing, "\(error)"))
            return
        }
        let isSameVersion = last.serverVersion / 10_000 == connection.serverVersion / 10_000
        for part in Catalogue.Part.allCases {
            report.findings += try Catalogue(part, connection).differences(
                from: recorded.only(part), includingPrinted: isSameVersion)
        }
    }

    /// What another version of PostgreSQL keeps from being compared.
    private func notes(recordedUnder version: Int) -> [String] {
        let now = connection.serverVersion
        var notes: [String] = []
        if version != now {
            notes.append(
                "PostgreSQL was \(version) when the catalogue was recorded and is \(now): its built-in functions were not "
                    + "compared, until the catalogue is accepted")
        }
        if version / 10_000 != now / 10_000 {
            notes.append(
                "the catalogue was recorded under PostgreSQL \(version / 10_000), and this is \(now / 10_000): "
                    + "expressions were not compared, until the catalogue is accepted")
        }
        return notes
    }

    private func record(_ migration: Int32, _ entry: inout LedgerEntry) throws -> [(String, JSONText)] {
        let catalogue = try Catalogue(connection)
        let row = CatalogueRow(
            migration: migration, serverVersion: Int32(connection.serverVersion), objects: catalogue.text,
            recordedAt: entry.at, recordedBy: entry.actor)
        _ = try entry.insert([row])
        return [
            ("fingerprint", .string(hexadecimal(try Hash.sha256(Array(row.objects.utf8))))),
            ("objects", .integer(Int64(catalogue.digests.count))), ("migration", .integer(Int64(migration))),
            ("server_version", .integer(Int64(connection.serverVersion))),
        ]
    }

    private func newestMigration() throws -> Int32 {
        try connection.query("select max(number) as number from sentinode.schema_migrations").onlyRow().int4("number")
    }

    private static func last(
        _ connection: DatabaseConnection
    ) throws -> (migration: Int32, serverVersion: Int, objects: String)? {
        try connection.query(
            """
            select migration, server_version, objects from audit.catalogues order by recorded_at desc, migration desc limit 1
            """
        ).first.map { (try $0.int4("migration"), Int(try $0.int4("server_version")), try $0.text("objects")) }
    }
}

/// What the catalogue looked like: a row of `audit.catalogues`.
struct CatalogueRow: AuditedRow {
    let migration: Int32
    let serverVersion: Int32
    let objects: String
    let recordedAt: Timestamp
    let recordedBy: String

    static let table = AuditedTable(
        "audit.catalogues",
        [
            .init("migration", .integer), .init("server_version", .integer), .init("objects", .text),
            .init("recorded_at", .timestamptz), .init("recorded_by", .text),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            stamp.leaf,
            Column("migration", .integer(Int64(migration))),
            Column("objects", .text(objects)),
            Column("recorded_at", .timestamp(recordedAt.microseconds)),
            Column("recorded_by", .text(recordedBy)),
            stamp.saltColumn,
            stamp.seal,
            Column("server_version", .integer(Int64(serverVersion))),
            stamp.writer,
        ]
    }
}
