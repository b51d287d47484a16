import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct AuditVerifyCommandTests {
    @Test func `a login that is only an auditor verifies everything, and the last lines say what was counted`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try await asAuditor(of: laboratory) { environment in
                let verify = try laboratory.start("audit", "verify", environment: environment)
                let end = try verify.waitForEnd()
                let lines = try verify.output().split(separator: "\n")
                #expect(end == .exit(0), "\(lines) \(verify.lastWords())")
                #expect(lines.first?.contains(" 1 erased, 0 findings, ") == true)
                #expect(lines.last == "not anchored: no checkpoint was given")
            }
        }
    }

    @Test func `a changed row is named by its key, without what it holds, and the exit code is 1`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "update sentinode.predictions set site = 'secret' where slide_id = 'S-17'")
            let job = try TestPatches.jobID("described").uuidString.lowercased()
            try await asAuditor(of: laboratory) { environment in
                let verify = try laboratory.start("audit", "verify", environment: environment)
                #expect(try verify.waitForEnd() == .exit(1))
                #expect(try verify.output().hasPrefix("row changed: sentinode.predictions job_id=\(job), writer "))
                #expect(try verify.output().contains(" 1 findings, "))
                let json = try laboratory.start("audit", "verify", "--json", environment: environment)
                #expect(try json.waitForEnd() == .exit(1))
                let report = try JSONDecoder().decode(Report.self, from: Data(try json.output().utf8))
                #expect(report.divergences == 1)
                #expect(report.findings.map(\.key) == ["job_id=\(job)"])
                for output in [try verify.output(), try json.output()] {
                    #expect(!output.contains("secret") && !output.contains("S-17"))
                }
            }
        }
    }

    private struct Report: Decodable {
        struct Finding: Decodable { let key: String? }
        let divergences: Int
        let findings: [Finding]
    }

    @Test func `a database that is not there is no verdict`() async throws {
        try await Laboratory.with { laboratory in
            let verify = try laboratory.start(
                "audit", "verify", environment: ["SENTINODE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"])
            #expect(try verify.waitForEnd() == .exit(69))
            #expect(try verify.output().isEmpty)
        }
    }

    @Test func `a login that may not read every table gets no verdict`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.database.run(
                script:
                    "set role sentinode_owner; revoke select on sentinode.control from sentinode_auditor; reset role")
            try await asAuditor(of: laboratory) { environment in
                let verify = try laboratory.start("audit", "verify", environment: environment)
                #expect(try verify.waitForEnd() == .exit(78))
                #expect(try verify.output().isEmpty)
                #expect(try verify.log().contains("sentinode_auditor to verify"))
            }
        }
    }

    @Test func `a login without the auditor's role is told which role to ask for`() async throws {
        try await Laboratory.with { laboratory in
            let key = try laboratory.keyFile(try ReviewKey.random())
            defer { unlink(key) }
            try laboratory.withReader { reader in
                for arguments in [
                    ["audit", "verify"], ["audit", "proof", UUID().uuidString], ["audit", "draws", "--key-file", key],
                ] {
                    let program = try laboratory.start(arguments, environment: ["SENTINODE_DATABASE_URL": reader.url])
                    #expect(try program.waitForEnd() == .exit(78))
                    let words = try program.log()
                    #expect(words.contains("`GRANT sentinode_auditor TO \(reader.login)`"), "\(words)")
                    #expect(!words.contains("select"))
                }
            }
        }
    }

    @Test func `a login that row-level security keeps rows from gets no verdict`() async throws {
        try await Laboratory.with { laboratory in
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "alter policy whole_table on sentinode.predictions using (site = 'north')")
            try await asAuditor(of: laboratory) { environment in
                let verify = try laboratory.start("audit", "verify", environment: environment)
                #expect(try verify.waitForEnd() == .exit(78))
                #expect(try verify.log().contains("shown only some rows of sentinode.predictions"))
            }
        }
    }

    /// Runs `body` with the settings of a login that was granted the auditor's role alone.
    private func asAuditor(of laboratory: Laboratory, _ body: ([String: String]) async throws -> Void) async throws {
        let (name, password) = ("login_" + randomName(), randomName())
        try laboratory.database.run(
            script: "create role \(name) login password '\(password)' in role sentinode_auditor")
        defer {
            do {
                try laboratory.database.run(script: "drop role \(name)")
            } catch {
                Issue.record(error)
            }
        }
        let url = try laboratory.stack.databaseURL(
            database: laboratory.databaseName, user: name, password: password)
        try await body(["SENTINODE_DATABASE_URL": url])
    }
}
