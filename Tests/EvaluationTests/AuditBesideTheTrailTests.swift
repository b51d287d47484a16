import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// What is no leaf of the trail, and follows from it: patches that are kept, who waits to be read, whose a chain is.
@Suite(.needsStack) struct AuditBesideTheTrailTests {
    @Test func `a kept patch that is gone or was swapped is named, and what was put back is not`() async throws {
        try await withKeptPatches { laboratory in
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            try #require(try laboratory.verify().isClean)
            try drill.removing(from: "sentinode.patch_images") {
                let report = try laboratory.verify()
                #expect(report.findings.map(\.kind) == [.patchMissing], "\(report.findings)")
                let words = report.findings.first?.description ?? ""
                #expect(words.hasPrefix("kept patch missing: sentinode.patch_images image_sha256="), "\(words)")
                #expect(words.contains("no pruning or erasure removed it"), "\(words)")
            }
            let first = """
                where encode(image_sha256, 'hex') = (select min(encode(image_sha256, 'hex')) from sentinode.patch_images)
                """
            try drill.between(
                "update sentinode.patch_images set png = png || '\\x00' \(first)",
                "update sentinode.patch_images set png = substring(png from 1 for octet_length(png) - 1) \(first)"
            ) {
                let report = try laboratory.verify()
                #expect(report.findings.map(\.kind) == [.patchChanged], "\(report.findings)")
                #expect(report.findings.first?.key?.hasPrefix("image_sha256=") == true)
            }
            try drill.between(
                "update sentinode.patch_images set image_sha256 = sha256(image_sha256)",
                "update sentinode.patch_images set image_sha256 = sha256(png)"
            ) {
                let report = try laboratory.verify()
                let counts = Dictionary(grouping: report.findings, by: \.kind).mapValues(\.count)
                #expect(counts == [.patchMissing: 6, .patchChanged: 6], "\(report.findings)")
            }
            #expect(try laboratory.verify().isClean)
        }
    }

    @Test func `more missing patches than are listed are counted`() async throws {
        try await withKeptPatches(30) { laboratory in
            try laboratory.tamper("delete from sentinode.patch_images")
            let report = try laboratory.verify()
            #expect(report.divergences == 30)
            #expect(report.findings.count == 20)
        }
    }

    @Test func `an auditor's login finds all of it`() async throws {
        try await withKeptPatches { laboratory in
            let auditor = try laboratory.makeLogin(in: "sentinode_auditor")
            defer { laboratory.drop(auditor) }
            try laboratory.tamper(
                """
                delete from sentinode.patch_images; delete from review.worklist_items;
                delete from audit.chains where writer in (select writer from audit.events where action = 'policy.set')
                """)
            let verify = try laboratory.start(
                ["audit", "verify"], environment: ["SENTINODE_DATABASE_URL": auditor.url])
            #expect(try verify.waitForEnd() == .exit(1), "\(verify.lastWords())")
            let words = try verify.output()
            #expect(words.contains(" 13 findings, "), "\(words)")
            for start in [
                "kept patch missing: sentinode.patch_images ", "working row missing: review.worklist_items ",
                "working row missing: audit.chains ",
            ] {
                #expect(words.contains(start), "\(words)")
            }
        }
    }

    @Test func `what was pruned or erased is not missing, and what came again since is`() async throws {
        try await withKeptPatches { laboratory in
            let hash = try laboratory.database.query(
                "select encode(image_sha256, 'hex') as hash from sentinode.predictions where job_id = $1",
                [.uuid(try TestPatches.jobID("patch-3"))]
            ).onlyRow().text("hash")
            try laboratory.tamper(
                """
                update sentinode.patch_images set keep_until = now() - interval '1 day'
                where encode(image_sha256, 'hex') = '\(hash)'
                """)
            #expect(try laboratory.count("select review.prune_images()::bigint as count") == 1)
            #expect(try laboratory.verify().isClean)
            try laboratory.database.run(script: "select * from review.erase_slide('S-1', 'a test')")
            #expect(try laboratory.count("select count(*) from review.worklist_items") == 5)
            let report = try laboratory.verify()
            #expect(report.isClean, "\(report.findings)")
            #expect(report.erased == 1)

            try laboratory.publish([TestPatches.message(try TestPatches.png(3), id: "again")])
            try laboratory.drain()
            #expect(try laboratory.verify().isClean)
            try laboratory.tamper("delete from sentinode.patch_images where encode(image_sha256, 'hex') = '\(hash)'")
            #expect(try laboratory.verify().findings.map(\.kind) == [.patchMissing])
        }
    }

    @Test func `what a policy does not keep, or keeps no longer, is not missed`() async throws {
        try await withKeptPatches(keeping: 0) { laboratory in
            let report = try laboratory.verify()
            #expect(report.isClean, "\(report.findings)")
        }
    }

    @Test func `a prediction that was taken off the worklist unread is named, and one that was read is not`()
        async throws
    {
        try await withKeptPatches { laboratory in
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            try drill.removing(from: "review.worklist_items") {
                let report = try laboratory.verify()
                #expect(report.findings.map(\.kind) == [.workingRowMissing], "\(report.findings)")
                #expect(report.findings.first?.table == "review.worklist_items")
                #expect(report.findings.first?.key?.hasPrefix("job_id=") == true)
            }
            #expect(try laboratory.verify().isClean)
            try laboratory.tamper("truncate review.worklist_items")
            #expect(try laboratory.verify().divergences == 6)
            #expect(try laboratory.verify(.slide("S-1")).isClean)
        }
    }

    /// What is changed of a patch that waits, and what is named of it.
    private static let alterations = [
        ("site", "site = 'elsewhere'"), ("slide_id", "slide_id = 'elsewhere'"), ("reads_wanted", "reads_wanted = 2"),
        ("image_sha256", "image_sha256 = sha256('another')"), ("blind", "blind = true"),
        ("stream", "stream = 'audit'"), ("priority", "priority = 99"),
        ("reading_order", "reading_order = sha256(reading_order)"), ("stage", "stage = 'adjudication'"),
        ("added_at", "added_at = 'infinity', due_at = 'infinity'"), ("due_at", "due_at = due_at + interval '1 year'"),
        ("leased_until", "leased_by = 'somebody', leased_at = now(), leased_until = 'infinity'"),
    ]

    @Test func `a patch that waits and was changed, so that its readers miss it, is named`() async throws {
        try await withKeptPatches { laboratory in
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            try drill.superuser.run(script: "create table public.waiting as select * from review.worklist_items")
            for (column, change) in AuditBesideTheTrailTests.alterations {
                try drill.between(
                    "update review.worklist_items set \(change) where job_id = (select job_id from public.waiting limit 1)",
                    "truncate review.worklist_items; insert into review.worklist_items select * from public.waiting"
                ) {
                    let report = try laboratory.verify()
                    #expect(report.findings.map(\.kind) == [.workingRowChanged], "\(report.findings)")
                    let finding = try #require(report.findings.first)
                    #expect(finding.table == "review.worklist_items" && finding.key?.hasPrefix("job_id=") == true)
                    #expect(finding.detail?.hasSuffix("labels and claims: \(column)") == true, "\(finding)")
                }
            }
            #expect(try laboratory.verify().isClean)
        }
    }

    @Test func `what readers make of the worklist is in order, and a lease that outlasts its claim is named`()
        async throws
    {
        try await withKeptPatches(readings: 2) { laboratory in
            try laboratory.withReader { reader in
                let connection = try reader.connect()
                defer { connection.close() }
                try connection.query("select review.confirm(job_id, 'tumor') from review.claim(2)")
                try connection.query("select review.withdraw(label_id, 'a test') from review.my_labels limit 1")
                try connection.query("select * from review.claim(2)")
                let report = try laboratory.verify()
                #expect(report.isClean, "\(report.findings)")
                try laboratory.tamper(
                    "update review.worklist_items set leased_until = 'infinity' where leased_by is not null")
                #expect(try laboratory.verify().divergences == 2)
            }
        }
    }

    @Test func `a chain that belongs to nobody any more, or to somebody else, is named`() async throws {
        try await withKeptPatches { laboratory in
            let drill = try TamperDrill(laboratory)
            defer { drill.superuser.close() }
            let ofPolicies = "writer in (select writer from audit.events where action = 'policy.set')"
            try drill.removing(from: "audit.chains", where: ofPolicies) {
                let report = try laboratory.verify()
                #expect(report.findings.map(\.kind) == [.workingRowMissing], "\(report.findings)")
                #expect(report.findings.first?.table == "audit.chains")
            }
            try drill.between(
                "update audit.chains set login = login || 'x' where \(ofPolicies)",
                "update audit.chains set login = left(login, -1) where \(ofPolicies)"
            ) {
                let report = try laboratory.verify()
                #expect(report.findings.map(\.kind) == [.workingRowChanged], "\(report.findings)")
            }
            #expect(try laboratory.verify().isClean)
        }
    }

    /// Six patches, or so many, that are all left to people and kept; the first is of slide S-1.
    private func withKeptPatches(
        _ count: Int = 6, keeping days: Int = 30, readings: Int = 1, _ body: (Laboratory) throws -> Void
    ) async throws {
        try await Laboratory.with { laboratory in
            try laboratory.activateVersionThatIsNeverCertain()
            try laboratory.setPolicy(
                #"[{"reason": "uncertain", "keep_image_days": \#(days), "second_read_rate": \#(readings - 1)}]"#)
            try laboratory.publish(
                try (0..<count).map {
                    TestPatches.message(
                        try TestPatches.png($0), id: "patch-\($0)",
                        headers: $0 == 0 ? [Field("slide_id", .text("S-1"))] : [])
                })
            try laboratory.drain()
            try #require(try laboratory.count("select count(*) from sentinode.patch_images") == (days > 0 ? count : 0))
            try body(laboratory)
        }
    }
}
