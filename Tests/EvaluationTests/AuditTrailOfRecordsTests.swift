import AuditTrail
import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct AuditTrailOfRecordsTests {
    private static let tables = [
        Prediction.table, QuarantinedMessage.table, QuarantineRepeat.table, QuarantineDecision.table, ModelRow.table,
        ModelVersionRow.table, ControlRow.table, CheckpointRow.table, CatalogueRow.table, MonitorRunRow.table,
        AlertRow.table, AlertResolutionRow.table, ShadowPrediction.table, ShadowChangeRow.table, RetirementRow.table,
        GoldenPatchRow.table,
    ]

    /// What functions of the database write and seal, and what no row has yet.
    private static let writtenInSQL = [
        "audit.events", "audit.erased_rows", "review.readers", "review.policies", "review.policy_rules",
        "review.claims", "review.labels", "review.reveals", "review.releases",
        "monitor.reference_profiles",
    ]

    @Test func `digests cover every column that the catalogue has, but generated ones`() async throws {
        try await Laboratory.with { laboratory in
            for table in AuditTrailOfRecordsTests.tables {
                let rows = try laboratory.database.query(
                    """
                    select attname::text as name, format_type(atttypid, atttypmod) as kind from pg_attribute
                    where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''
                    order by attname collate "C"
                    """, [.text(table.name)])
                #expect(try rows.map { try $0.text("name") } == table.columns.map(\.name))
                let kinds = table.columns.map(\.kind.sql.text).map { $0 == "timestamptz" ? timestamps : $0 }
                #expect(try rows.map { try $0.text("kind") } == kinds, "\(table.name)")
            }
        }
    }

    private let timestamps = "timestamp with time zone"

    @Test func `every audited table of the catalogue is one that the program knows`() async throws {
        try await Laboratory.with { laboratory in
            let rows = try laboratory.database.query(
                """
                select relnamespace::regnamespace || '.' || relname as name
                from pg_attribute join pg_class on pg_class.oid = attrelid
                where attname = 'salt' and relkind in ('r', 'p') and not relispartition
                """)
            let stamped = try Set(rows.map { try $0.text("name") })
            let known = AuditTrailOfRecordsTests.tables.map(\.name) + AuditTrailOfRecordsTests.writtenInSQL
            #expect(stamped == Set(known))
            let expected = (ExpectedTable.trail + ExpectedTable.records).map(\.name)
            #expect(stamped == Set(expected).subtracting(["audit.seals"]))
        }
    }

    @Test func `a quarantined message, a repeat and a decision on it are sealed with the rest`() async throws {
        try await Laboratory.with { laboratory in
            let bad = TestPatches.message(Array("no patch".utf8), id: "bad")
            try laboratory.publish(try TestPatches.jobs(20) + [bad])
            try laboratory.drain(lanes: 2)
            try laboratory.publish([bad])
            try laboratory.drain()
            let job = try TestPatches.jobID("bad").uuidString
            let discard = try laboratory.start("quarantine", "discard", job, "--reason", "a test")
            #expect(try discard.waitForEnd() == .exit(0), "\(discard.lastWords())")
            let findings = try AuditVerifier(database: laboratory.database).verify()
            #expect(findings.problems == [])
            #expect(findings.rows == 1 + 7 + 20 + 3, "the catalogue, the model, the predictions, the quarantine")
        }
    }

    @Test(arguments: [
        "update sentinode.predictions set p_tumor = 0.5 where job_id = (select min(job_id::text)::uuid from sentinode.predictions)",
        "delete from sentinode.predictions where job_id = (select min(job_id::text)::uuid from sentinode.predictions)",
        "update audit.events set occurred_at = occurred_at + interval '1 microsecond' where action = 'batch.recorded'",
        "update sentinode.models set source_name = 'other.pt'",
    ])
    func `a changed or removed row is found out`(tampering: String) async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(5))
            try laboratory.drain()
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
            // The owner can switch the triggers off, which is why seals exist.
            try laboratory.database.run(
                script: """
                    set role sentinode_owner;
                    alter table sentinode.predictions disable trigger user;
                    alter table sentinode.models disable trigger user;
                    alter table audit.events disable trigger user;
                    \(tampering);
                    reset role;
                    """)
            #expect(try !AuditVerifier(database: laboratory.database).verify().problems.isEmpty)
        }
    }

    @Test(arguments: 1...9)
    func `the two ways to compute a Merkle root agree`(count: Int) throws {
        let leaves = try (0..<count).map { try Hash.sha256([UInt8($0)]) }
        #expect(try AuditVerifier.root(leaves[...]) == MerkleTree(hash: Hash()).root(over: leaves))
    }

    @Test func `the Merkle root of no and one empty leaf are those of RFC 9162`() throws {
        #expect(
            hexadecimal(try AuditVerifier.root([]))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            hexadecimal(try AuditVerifier.root([[]]))
                == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    }
}
