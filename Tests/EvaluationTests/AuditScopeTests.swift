import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Verification of a part.
@Suite(.needsStack) struct AuditScopeTests {
    @Test func `what is older than the time asked for is not looked at, and what is newer is`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(4))
            try laboratory.drain(environment: ["SENTINODE_BATCH": "1"])
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            let third = try superuser.query(
                """
                select occurred_at from audit.events where action = 'batch.recorded' order by occurred_at offset 2 limit 1
                """
            ).onlyRow().timestamp("occurred_at")
            #expect(try laboratory.verify(.since(third)).events == 2)
            _ = try superuser.query(
                """
                update sentinode.predictions as row set slide_id = 'x' from audit.events as event
                where row.writer = event.writer and row.seal = event.seal and event.occurred_at < $1
                """, [.timestamp(third)])
            #expect(try laboratory.verify(.since(third)).isClean)
            #expect(try laboratory.verify().divergences == 2)
            try superuser.run(script: "update sentinode.predictions set slide_id = 'x'")
            #expect(try laboratory.verify(.since(third)).divergences == 2)
            #expect(try laboratory.verify(.since(third)).limits?.hasPrefix("partial") == true)
        }
    }

    @Test func `a slide is verified with what was sealed with it, and a slide that is not there fails`() async throws {
        try await Laboratory.with { laboratory in
            try DrillSeeds.sow(in: laboratory)
            let report = try laboratory.verify(.slide("S-17"))
            #expect(report.isClean, "\(report.findings)")
            #expect(report.events == 1 && report.limits?.hasPrefix("partial") == true)
            #expect(try laboratory.verify(.slide("S-18")).findings.map(\.kind) == [.storeEmpty])
            let superuser = try laboratory.superuser()
            defer { superuser.close() }
            try superuser.run(script: "update sentinode.predictions set focus = focus + 1 where slide_id = 'S-17'")
            #expect(try laboratory.verify(.slide("S-17")).findings.map(\.kind) == [.rowChanged])
        }
    }
}
