import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct AuditorPageTests {
    @Test func `the page for auditors does what it says, as written`() async throws {
        let page = try String(contentsOf: Stack.packageRoot.appending(path: "docs/for-auditors.md"), encoding: .utf8)
        let blocks = page.components(separatedBy: "```sh\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
        try #require(blocks.count == 6)
        let promised = page.split(separator: "\n").filter { $0.hasPrefix("fits: ") }
        try #require(promised.count == 6)
        try await Laboratory.with { laboratory in
            // As `sentinode migrate` does.
            try CatalogueFingerprint(laboratory.database).recordAfterMigrating()
            let login = try laboratory.makeLogin(in: "sentinode_admin, sentinode_auditor")
            defer { laboratory.drop(login) }
            try laboratory.work(0..<3)
            let event = try #require(try laboratory.takeEvents().first { $0.isPrediction })
            try Data(event.body).write(to: URL(filePath: laboratory.path("answer.json")))
            let script = """
                set -e
                PATH=\(Program.executable.deletingLastPathComponent().path):$PATH
                SENTINODE_DATABASE_URL='\(login.url)'
                JOB=\(try #require(event.content.job_id).uuidString)
                \(blocks.joined(separator: "\n"))
                """
            try Data(script.utf8).write(to: URL(filePath: laboratory.path("page.sh")))
            let printed = try laboratory.command("sh", "page.sh")
            #expect(printed.split(separator: "\n").filter { $0.hasPrefix("fits: ") } == promised)
            #expect(printed.contains(", 0 findings, ") && printed.contains("anchored until "))
            #expect(printed.contains("Signature Verified Successfully"))
            #expect(printed.contains("the receipt fits"))
            #expect(
                try laboratory.verifyAnchored(publicKey: "checkpoint.key.pub", outside: ["newest.txt"]).findings == [])
        }
    }
}
