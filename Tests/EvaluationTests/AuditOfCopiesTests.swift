import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What an auditor does who is not let near the server itself. A stack has one standby: one test after the other.
@Suite(.needsStack, .serialized) struct AuditOfCopiesTests {
    @Test func `a restored dump is verified against checkpoints that were kept, by an auditor's login`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.backUp("backup")
            try laboratory.restore("backup")
            let auditor = try laboratory.makeLogin(in: "sentinode_auditor")
            defer { laboratory.drop(auditor) }
            let verify = try laboratory.start(
                "audit", "verify", "--public-key", "c.key.pub", "--checkpoint", "c.txt",
                environment: ["SENTINODE_DATABASE_URL": auditor.url])
            let end = try verify.waitForEnd()
            let words = try verify.output()
            #expect(end == .exit(0), "\(words)")
            #expect(words.contains("anchored until "))
        }
    }

    @Test func `a standby is verified by an auditor's login, also when what was tampered with has arrived there`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.makeKey()
            try laboratory.sign()
            let auditor = try laboratory.makeLogin(in: "sentinode_auditor")
            defer { laboratory.drop(auditor) }
            try laboratory.withStandby { standby in
                let environment = ["SENTINODE_DATABASE_URL": try standby.url(of: auditor)]
                let verify = ["audit", "verify", "--public-key", "c.key.pub", "--checkpoint", "c.txt"]
                let clean = try laboratory.start(verify, environment: environment)
                #expect(try clean.waitForEnd() == .exit(0), "\(clean.lastWords())")
                let words = try clean.output()
                #expect(words.contains(", 0 findings, ") && words.contains("anchored until "), "\(words)")
                let job = try TestPatches.jobID("described").uuidString.lowercased()
                let proof = try laboratory.start(["audit", "proof", job], environment: environment)
                #expect(try proof.waitForEnd() == .exit(0), "\(proof.lastWords())")

                try laboratory.tamper("update sentinode.predictions set focus = focus + 1 where slide_id = 'S-17'")
                try standby.catchUp(with: laboratory)
                let tampered = try laboratory.start(verify, environment: environment)
                #expect(try tampered.waitForEnd() == .exit(1))
                #expect(try tampered.output().hasPrefix("row changed: sentinode.predictions job_id=\(job), writer "))
                #expect(try tampered.output().contains(", 1 findings, "))
            }
        }
    }

    @Test func `what has to write says on a standby that it needs the primary`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.work(0..<2)
            try laboratory.makeKey()
            let login = try laboratory.makeLogin(in: "sentinode_admin, sentinode_auditor")
            defer { laboratory.drop(login) }
            try laboratory.withStandby { standby in
                let environment = ["SENTINODE_DATABASE_URL": try standby.url(of: login)]
                for arguments in [
                    ["audit", "checkpoint", "--key", "c.key", "--out", "c.txt"], ["pause", "--reason", "a test"],
                ] {
                    let program = try laboratory.start(arguments, environment: environment)
                    #expect(try program.waitForEnd() == .exit(69), "\(arguments): \(program.lastWords())")
                    let words = try program.log()
                    #expect(words.contains("this server only reads, as a standby does"), "\(arguments): \(words)")
                }
            }
            #expect(!FileManager.default.fileExists(atPath: laboratory.path("c.txt")))
        }
    }
}
