import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// A schema, or its settings, in which the trail proves nothing.
@Suite(.needsStack) struct AuditOfSchemaTests {
    @Test func `a record of the catalogue under another name than a migration's or an acceptance's is found`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.tamper(
                """
                do $$ declare act audit.act := audit.begin_act(); begin
                    insert into audit.catalogues (migration, server_version, objects, recorded_at, recorded_by, writer, seal, leaf, salt)
                    select migration, server_version, objects, now(), session_user, act.writer, act.seal, 1, uuid_send(gen_random_uuid())
                    from audit.catalogues limit 1;
                    perform audit.seal_act(act, 'review.released', null, null, null, 'audit.catalogues');
                end $$
                """)
            #expect(try laboratory.verify().findings.map(\.kind) == [.catalogueChanged])
        }
    }

    @Test(arguments: [
        ("alter table sentinode.quarantine_repeats rename to other", AuditFinding.Kind.tableMissing),
        ("alter table sentinode.quarantine_repeats drop column salt", .columnMissing),
        ("alter table sentinode.control drop column leaf", .columnMissing),
        ("alter table sentinode.control add column extra numeric", .columnUnknown),
        ("drop table audit.seals", .tableMissing), ("drop table sentinode.schema_migrations", .tableMissing),
        ("delete from sentinode.schema_migrations where number = 4", .migrationMissing),
        ("truncate audit.events, audit.seals, audit.erased_rows, sentinode.predictions cascade", .storeEmpty),
    ])
    func `a schema that lost what proves something fails`(loss: String, kind: AuditFinding.Kind) async throws {
        try await Laboratory.with { laboratory in
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: loss)
            let report = try laboratory.verify()
            #expect(report.findings.contains { $0.kind == kind }, "\(report.findings)")
            #expect(!report.isClean)
        }
    }

    @Test func `a record of the catalogue that can no longer be read is a finding, not the end`() async throws {
        try await Laboratory.with { laboratory in
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "update audit.catalogues set objects = 'nothing'")
            #expect(Set(try laboratory.verify().findings.map(\.kind)) == [.catalogueChanged, .rowChanged, .storeEmpty])
        }
    }

    @Test(arguments: [
        ("alter database $database set session_replication_role = replica", "session_replication_role is replica for "),
        ("alter database $database set row_security = off", "row_security is off for every login like this one"),
        (
            "alter role $login in database $database set session_replication_role = local",
            "session_replication_role is local for $login in this database"
        ),
    ])
    func `a setting that switches protection off for somebody is a finding, and a fault for the doctor`(
        setting: String, finding: String
    ) async throws {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_worker")
            defer { laboratory.drop(login) }
            func filled(_ text: String) -> String {
                text.replacing("$database", with: laboratory.databaseName).replacing("$login", with: login.name)
            }
            #expect(try laboratory.verify().findings.map(\.kind) == [.storeEmpty])
            try laboratory.tamper(filled(setting))
            let found = try laboratory.verify().findings.filter { $0.kind == .protectionOff }
            #expect(found.contains { $0.detail?.hasPrefix(filled(finding)) == true }, "\(found)")
            let doctor = try laboratory.start("doctor", environment: ["SENTINODE_DATABASE_URL": login.url])
            #expect(try doctor.waitForEnd() == .exit(69))
            #expect(try doctor.output().contains("MEND     protection: "))
        }
    }
}
