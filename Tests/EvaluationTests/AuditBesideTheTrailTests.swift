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
        _ count: Int = 6, keeping days: Int = 30, _ body: (Laboratory) throws -> Void
    ) async throws {
        try await Laboratory.with { laboratory in
            try laboratory.activateVersionThatIsNeverCertain()
            try laboratory.setPolicy(#"[{"reason": "uncertain", "keep_image_days": \#(days)}]"#)
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
