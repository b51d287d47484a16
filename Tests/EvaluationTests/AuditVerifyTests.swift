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
