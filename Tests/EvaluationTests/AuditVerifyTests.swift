import AuditTrail
import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct AuditVerifyTests {
    @Test func `untouched work gives no finding, and the counts of an independent verifier`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(70) + [TestPatches.message([1, 2, 3], id: "bad")])
            try laboratory.drain(lanes: 2)
            let report = try laboratory.verify()
            let oracle = try AuditVerifier(database: laboratory.database).verify()
            #expect(oracle.problems == [])
            #expect(report.findings.isEmpty && report.isClean)
            #expect(report.rows == oracle.rows)
            #expect(report.events == oracle.events && report.seals == oracle.events)
            #expect(report.heads.count == Int(try laboratory.count("select count(distinct writer) from audit.seals")))
            #expect(report.anchor.words == "not anchored: no checkpoint was given")
        }
    }

    @Test func `heads are the last seal of every chain`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(6))
            try laboratory.drain(environment: ["SENTINODE_BATCH": "1"])
            let report = try laboratory.verify()
            for row in try laboratory.database.query(
                "select distinct on (writer) writer, number, seal from audit.seals order by writer, number desc")
            {
                let head = try #require(report.heads[try row.uuid("writer")])
                #expect(head.number == (try row.int8("number")))
                #expect(try head.seal?.bytes == row.bytes("seal"))
            }
        }
    }

    @Test func `numbers and times that nobody could have written are findings, and end no verification`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.tamper(
                """
                alter table audit.seals drop constraint seals_number_check, drop constraint seals_check;
                insert into audit.seals (writer, number, leaf_count, root, seal)
                select 'ffffffff-0000-4000-8000-000000000000', number, 1, sha256('x'), sha256('x')
                from unnest(array[-9223372036854775808, 9223372036854775807]) as number;
                update audit.events set occurred_at = '-infinity' where action = 'batch.recorded'
                """)
            let report = try laboratory.verify()
            #expect(Set(report.findings.map(\.kind)).isSuperset(of: [.eventChanged, .sealChanged]))
            let auditor = try laboratory.makeLogin(in: "sentinode_auditor")
            defer { laboratory.drop(auditor) }
            let anchored = try laboratory.start(
                "audit", "verify", "--public-key", "c.key.pub", "--checkpoint", "c.txt",
                environment: ["SENTINODE_DATABASE_URL": auditor.url])
            #expect(try anchored.waitForEnd() == .exit(1))
            #expect(try anchored.output().contains("event changed"))
        }
    }

    @Test func `nothing to verify is a failure, also since a time`() async throws {
        try await Laboratory.with { laboratory in
            #expect(try laboratory.verify().findings.map(\.kind) == [.storeEmpty])
            try laboratory.publish(try TestPatches.jobs(2))
            try laboratory.drain()
            #expect(try laboratory.verify().isClean)
            let future = Timestamp(microseconds: 4_000_000_000_000_000)
            #expect(try laboratory.verify(.since(future)).findings.map(\.kind) == [.storeEmpty])
        }
    }

    @Test func `more findings than are listed are counted`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(90))
            try laboratory.drain(lanes: 2)
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "update sentinode.predictions set focus = focus + 1")
            let report = try laboratory.verify()
            #expect(report.divergences == 90)
            #expect(report.findings.count == 20)
            #expect(report.findings.allSatisfy { $0.kind == .rowChanged && $0.key != nil })
        }
    }

    @Test func `nothing is found while workers go on`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(400))
            let worker = try laboratory.start(
                "work", "--drain", "--lanes", "2", environment: ["SENTINODE_BATCH": "2"])
            try wait(for: "the first predictions") { try laboratory.predictions() > 0 }
            var runs = 0
            while worker.isRunning {
                let report = try laboratory.verify()
                #expect(report.isClean, "\(report.findings)")
                runs += 1
            }
            #expect(try worker.waitForEnd() == .exit(0))
            #expect(runs > 0)
            #expect(try laboratory.verify().isClean)
        }
    }
}
