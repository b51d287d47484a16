import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Rows that were erased, and rows that somebody would like to pass for erased.
@Suite(.needsStack) struct AuditOfErasuresTests {
    @Test func `an erased row is counted where an event names it, and is a finding where none does`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let report = try laboratory.verify()
            #expect(report.isClean, "\(report.findings)")
            #expect(report.erased == 1)
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(
                script: """
                    update sentinode.predictions set salt = null, slide_id = null
                    where job_id = (select job_id from sentinode.predictions where slide_id = 'S-17')
                    """)
            let after = try laboratory.verify()
            #expect(after.findings.map(\.kind) == [.rowErasedWithoutEvent])
            #expect(after.erased == 1)
        }
    }

    @Test func `an erasure by the product is verified, and what it left is held`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.database.run(script: "select * from review.erase_slide('S-17', 'consent was withdrawn')")
            let report = try laboratory.verify()
            #expect(report.isClean, "\(report.findings)")
            #expect(report.erased == 2)
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            let job = try TestPatches.jobID("described")
            _ = try superuser.query(
                "update sentinode.predictions set focus = focus + 1 where job_id = $1", [.uuid(job)])
            #expect(
                try laboratory.verify().findings.map(\.key) == ["job_id=\(job.uuidString.lowercased())"])
        }
    }

    @Test func `what an erasure left of a row cannot be changed unnoticed`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "update sentinode.predictions set focus = focus + 1 where salt is null")
            let report = try laboratory.verify()
            #expect(report.findings.map(\.kind) == [.rowChanged], "\(report.findings)")
            #expect(report.findings.first?.key?.hasPrefix("job_id=") == true)
        }
    }

    /// A row that was changed, and alleged to be erased: the event's action, the columns listed, what else is cleared.
    private static let allegedErasures = [
        (
            "images.pruned", "attributes_source case_pseudonym message_id salt slide_id x y",
            ", attributes_source = null, "
                + "case_pseudonym = null, message_id = null, slide_id = null, x = null, y = null"
        ),
        ("slide.erased", "salt", ""),
        ("slide.erased", "attributes_source case_pseudonym message_id salt slide_id x y", ""),
    ]

    @Test(arguments: allegedErasures)
    func `a changed row is not excused by an erasure that the product would not have made`(
        action: String, columns: String, cleared: String
    ) async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.tamper(
                """
                update sentinode.predictions set salt = null, focus = focus + 1\(cleared) where slide_id = 'S-17';
                do $$ declare act audit.act := audit.begin_act(); begin
                    execute format('insert into audit.erased_rows (relation, row_writer, row_seal, row_leaf, columns, remainder,
                            erased_at, erased_by, writer, seal, leaf, salt)
                        select ''sentinode.predictions'', writer, seal, leaf, ''\(columns)'', sha256(%s), now(), session_user,
                            $1, $2, 1, uuid_send(gen_random_uuid())
                        from sentinode.predictions where salt is null
                            and (writer, seal, leaf) not in (select row_writer, row_seal, row_leaf from audit.erased_rows)',
                        audit.row_encoding('sentinode.predictions')) using act.writer, act.seal;
                    perform audit.seal_act(act, '\(action)', null, 'a drill', null, 'audit.erased_rows');
                end $$
                """)
            let report = try laboratory.verify()
            #expect(report.findings.map(\.kind) == [.rowChanged], "\(report.findings)")
            #expect(report.findings.first?.detail?.hasPrefix("it is listed as erased") == true)
            #expect(report.erased == 1)
        }
    }

    @Test func `an erasure that names another table does not excuse a row`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "update audit.erased_rows set relation = 'sentinode.models'")
            let kinds = Set(try laboratory.verify().findings.map(\.kind))
            #expect(kinds == [.rowErasedWithoutEvent, .rowChanged])
        }
    }
}
