public import Database
import Foundation

/// Recomputes the audit trail from the rows as they stand, and says what is not as it was sealed.
///
/// Nothing in the database is believed but what its tables hold: no function, view or trigger of the schema is used.
/// Everything is read in one snapshot, so it holds while workers go on; it needs only the role `sentinode_auditor`.
public struct AuditVerification {
    private let settings: DatabaseSettings
    private let scope: AuditScope
    private let workers: Int
    private let migrationsFolder: String?
    private let outside: OutsideRecord?
    /// Events that a worker verifies in one go.
    var sliceSize = AuditPlan.usualSize

    /// Seconds that one statement may take: a count of the largest table is one.
    static let statementTimeout = 3600.0

    /// `workers` threads, one a core where none is named, read and digest, each through its own connection. Without a folder migrations are only
    /// looked at for gaps.
    public init(
        _ settings: DatabaseSettings, scope: AuditScope = .everything, migrationsFolder: String?,
        outside: OutsideRecord? = nil, workers: Int? = nil
    ) {
        self.settings = settings.patient(statementTimeout: AuditVerification.statementTimeout)
        (self.scope, self.migrationsFolder, self.outside) = (scope, migrationsFolder, outside)
        self.workers = max(1, workers ?? ProcessInfo.processInfo.activeProcessorCount)
    }

    /// Verifies; `progress` is told how many of how many events are done.
    public func run(
        progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
    ) throws -> AuditReport {
        let start = ContinuousClock.now
        let connection = try DatabaseConnection(settings)
        defer { connection.close() }
        var report = try AuditorRole.required(connection) {
            try connection.transaction(isolation: .repeatableReadOnly) { connection in
                try AuditVerification.prepare(connection)
                return try verify(connection, progress)
            }
        }
        report.seconds = (ContinuousClock.now - start) / .seconds(1)
        return report
    }

    /// Names are the server's own, and the text of keys does not depend on the login's settings.
    static func prepare(_ connection: DatabaseConnection) throws {
        try connection.run(
            script: """
                set local search_path = pg_catalog, pg_temp; set local jit = off; set local bytea_output = hex;
                set local row_security = on
                """)
    }

    private func verify(
        _ connection: DatabaseConnection, _ progress: (Int, Int) -> Void
    ) throws -> AuditReport {
        let catalogue = try AuditCatalogue(connection)
        try RowVisibility(tables: catalogue.tables).requireWholeTables(connection)
        var findings = FindingList()
        let surroundings = try ProtectiveSettings(connection).findings
        for finding in try surroundings + catalogue.findings
            + MigrationCheck(folder: migrationsFolder).findings(connection)
        {
            findings.add(finding)
        }
        var report = AuditReport()
        report.limits = scope.limits
        if catalogue.hasTrail {
            let plan = try AuditPlan(scope, catalogue.tables, connection, size: sliceSize)
            let team = AuditTeam(settings, scope, catalogue.tables, snapshot: try connection.exportSnapshot())
            let outcome = try team.run(plan, workers: workers, progress: progress)
            findings.add(outcome.result.findings)
            for finding in try strays(outcome, catalogue.tables, connection) { findings.add(finding) }
            if let finding = try emptiness(outcome, catalogue.tables, connection) { findings.add(finding) }
            if catalogue.tables.contains(where: { $0.name == CatalogueRow.table.name }),
                let finding = try misplacedRecords(connection)
            {
                findings.add(finding)
            }
            let fault = try VerificationStep.fault(in: "what is told each time", connection) {
                report.notes = try AuditNotes(scope, catalogue.tables, connection)
            }
            if let fault { findings.add(AuditFinding(.unreadable, detail: fault)) }
            (report.rows, report.events) = (outcome.result.rows, outcome.result.events)
            (report.seals, report.erased) = (outcome.result.seals, outcome.result.erased)
            report.heads = outcome.result.heads
            try DivergenceInspector(catalogue.tables, connection).inspect(&findings)
        }
        report.anchor = try AuditAnchor(connection, outside: outside)
        for finding in report.anchor.findings { findings.add(finding) }
        report.set(findings)
        return report
    }

    /// Rows that the counts know and no slice held.
    private func strays(
        _ outcome: AuditTeam.Outcome, _ tables: [StampedTable], _ connection: DatabaseConnection
    ) throws -> [AuditFinding] {
        guard scope.isWhole else { return [] }
        var findings = try tables.enumerated().compactMap { index, table in
            try table.strays(counted: outcome.counts[index] ?? 0, read: outcome.result.rowsRead[index], connection)
        }
        let seals = try TableCensus.count("audit.seals", connection)
        if seals != outcome.result.seals {
            findings.append(
                AuditFinding(
                    .sealChanged, table: "audit.seals",
                    detail: "\(seals) stand there and \(outcome.result.seals) have a place in a chain"))
        }
        return findings
    }

    /// Nothing to verify is no proof of anything.
    private func emptiness(
        _ outcome: AuditTeam.Outcome, _ tables: [StampedTable], _ connection: DatabaseConnection
    ) throws -> AuditFinding? {
        switch scope {
        case .everything:
            let work = [Prediction.table.name, QuarantinedMessage.table.name]
            let stored = tables.enumerated().filter { work.contains($1.name) }.compactMap { outcome.counts[$0.offset] }
            guard stored.allSatisfy({ $0 == 0 }) else { return nil }
            return AuditFinding(.storeEmpty, detail: "neither a prediction nor a quarantined message is here to verify")
        case .slide:
            guard outcome.isEmpty else { return nil }
            let erased = try TableCensus.count("audit.erased_rows", connection)
            return AuditFinding(
                .storeEmpty,
                detail: "no row of this slide is stored"
                    + (erased > 0
                        ? "; what an erasure cleared has no slide any more, verify everything to see those" : ""))
        case .since:
            guard outcome.isEmpty else { return nil }
            return AuditFinding(.storeEmpty, detail: "nothing was recorded since then")
        }
    }

    /// What the catalogue should look like is recorded by migrating and accepting, under no other name.
    private func misplacedRecords(_ connection: DatabaseConnection) throws -> AuditFinding? {
        let strays = try connection.query(
            """
            select count(*) as count from audit.catalogues as record
            where not exists (
                select from audit.events as event
                where (event.writer, event.seal) = (record.writer, record.seal)
                    and event.action in ('schema.migrated', 'schema.accepted'))
            """
        ).onlyRow().int8("count")
        guard strays > 0 else { return nil }
        return AuditFinding(
            .catalogueChanged, table: CatalogueRow.table.name,
            detail: "\(strays) records stand under an event that is neither a migration nor an acceptance")
    }
}
