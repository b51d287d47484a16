import AuditTrail
import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What a superuser can do to a database, and what checkpoints outside of it then show.
@Suite(.needsStack) struct AnchorTests {
    private static let removeNewest = """
        create temporary table newest as select writer, seal from audit.events where occurred_at > $when$;
        delete from sentinode.predictions using newest where predictions.writer = newest.writer and predictions.seal = newest.seal;
        delete from audit.unsigned_seals using newest where unsigned_seals.writer = newest.writer and unsigned_seals.number = newest.seal;
        delete from audit.seals using newest where seals.writer = newest.writer and seals.number = newest.seal;
        delete from audit.events using newest where events.writer = newest.writer and events.seal = newest.seal;
        """

    /// Removes everything that happened after a checkpoint, so that recomputing shows nothing.
    private func removeNewest(after document: CheckpointDocument, _ laboratory: Laboratory, checkpoints: Bool) throws {
        try laboratory.tamper(
            Self.removeNewest.replacing("$when$", with: "'\(document.serverTime)'::timestamptz")
                + (checkpoints ? "delete from audit.checkpoints where number > \(document.number)" : "select"))
    }

    @Test func `the newest hour deleted with its checkpoints is found, and every seal that is gone is named`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<2)
            try laboratory.sign()
            try laboratory.work(2..<4)
            try laboratory.work(4..<6)
            try laboratory.sign()
            let outside = try CheckpointFile.read(laboratory.path("c.txt"))
            try removeNewest(after: outside[0].document, laboratory, checkpoints: true)
            // Seen from inside nothing is wrong, and the key alone does not help.
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
            #expect(try laboratory.verifyAnchored(outside: []).findings == [])
            let report = try laboratory.verifyAnchored()
            // The first checkpoint's own event stands yet; it is one of the three chains that the second names.
            let gone = try laboratory.missing(outside[1].heads ?? [])
            #expect(gone.count == 2)
            #expect(outside[1].heads?.count == 3)
            #expect(report.findings.map(\.code) == [.checkpointMissing] + gone.map { _ in .headMissing })
            for head in gone {
                #expect(
                    report.findings.contains {
                        $0.sentence.contains("seal \(head.number) of writer \(head.writer.text)")
                    })
            }
        }
    }

    @Test func `the newest hour deleted without its checkpoints is found with the public key alone`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<2)
            try laboratory.sign()
            try laboratory.work(2..<4)
            try laboratory.sign()
            let outside = try CheckpointFile.read(laboratory.path("c.txt"))
            try removeNewest(after: outside[0].document, laboratory, checkpoints: false)
            let codes = try laboratory.verifyAnchored(outside: []).findings.map(\.code)
            #expect(codes == [.headMissing])
        }
    }

    @Test func `an old backup is found, a checkpoint on it is refused, and one that says so is accepted and noted`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<2)
            try laboratory.sign()
            try laboratory.backUp("backup")
            try laboratory.work(2..<4)
            try laboratory.sign()
            try laboratory.sign()
            try laboratory.restore("backup")

            let codes = try laboratory.verifyAnchored().findings.map(\.code)
            #expect(codes == [.checkpointMissing, .headMissing, .headMissing])
            try laboratory.sign(expecting: 1)
            try laboratory.sign("--restored", "the disk of the database failed")
            try laboratory.work(4..<6)
            try laboratory.sign("--restored", "again", expecting: 1)
            try laboratory.sign()

            let report = try laboratory.verifyAnchored()
            #expect(report.findings == [])
            #expect(report.notes.contains { $0.contains("the disk of the database failed") && $0.contains("2 to 3") })
            #expect(report.notes.filter { $0.contains("went with the restore") }.count == 2)
            #expect(report.anchor?.checkpoint == 5)
            #expect(try CheckpointFile.read(laboratory.path("c.txt")).map(\.document.number) == [1, 2, 3, 4, 5])
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `keys and chains replaced together are found`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<2)
            try laboratory.sign()
            // Everything is removed and made anew, with seals and signatures that fit one another.
            try laboratory.tamper(
                """
                truncate audit.checkpoints, audit.unsigned_seals;
                delete from sentinode.predictions;
                delete from audit.seals where (writer, number) in (select writer, seal from audit.events where action in ('batch.recorded', 'audit.checkpointed'));
                delete from audit.events where action in ('batch.recorded', 'audit.checkpointed');
                insert into audit.unsigned_seals select writer, number from audit.seals
                """)
            try laboratory.work(10..<12)
            try laboratory.makeKey("forged.key")
            try laboratory.output(of: "audit", "checkpoint", "--key", "forged.key", "--out", "forged.txt")
            #expect(try laboratory.verifyAnchored(publicKey: "forged.key.pub", outside: ["forged.txt"]).findings == [])
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])

            #expect(try laboratory.verifyAnchored(outside: []).findings.map(\.code) == [.checkpointUntrusted])
            let codes = try laboratory.verifyAnchored().findings.map(\.code)
            #expect(Set(codes) == [.checkpointUntrusted, .checkpointReplaced, .headMissing])
        }
    }

    @Test func `a chain that was made anew under its old name is found`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<2)
            try laboratory.sign()
            try laboratory.tamper(
                """
                update audit.seals set seal = sha256(seal)
                where writer = (select writer from audit.events where action = 'batch.recorded')
                """)
            #expect(try laboratory.verifyAnchored().findings.map(\.code) == [.headChanged])
            #expect(try laboratory.verifyAnchored(outside: []).findings.map(\.code) == [.headChanged])
        }
    }

    @Test func `an event that was added under an earlier time is found, one that is new is not`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.sign()
            func add(_ age: String) throws {
                try laboratory.tamper(
                    """
                    with event as (
                        insert into audit.events (writer, seal, occurred_at, actor, action, leaves, salt)
                        values (gen_random_uuid(), 0, now() - interval '\(age)', 'anna', 'batch.recorded', '', decode(repeat('00', 16), 'hex'))
                        returning writer)
                    insert into audit.seals (writer, number, leaf_count, root, seal)
                    select writer, 0, 1, sha256(''), sha256('') from event
                    """)
            }
            try add("0 s")
            #expect(try laboratory.verifyAnchored().findings == [])
            try add("2 hours")
            #expect(try laboratory.verifyAnchored().findings.map(\.code) == [.eventBackdated])
            // Signing it later does not make it older.
            try laboratory.tamper(
                "insert into audit.unsigned_seals select writer, number from audit.seals where seal = sha256('')")
            try laboratory.sign()
            #expect(try laboratory.verifyAnchored().findings.map(\.code) == [.eventBackdated])
        }
    }

    @Test(arguments: [
        (
            "update audit.events set occurred_at = '-infinity' where action = 'work.paused'",
            [AuditFinding.Kind.eventChanged, .notAsSigned]
        ),
        (
            "update audit.events set occurred_at = 'infinity' where action = 'work.paused'",
            [.eventChanged, .notAsSigned]
        ),
        (
            "update audit.checkpoints set heads = overlay(heads placing decode('7fffffffffffffff', 'hex') from 17)",
            [.rowChanged, .notAsSigned]
        ),
        (
            "alter table audit.checkpoints drop column heads; update sentinode.control set reason = 'another'",
            [.catalogueChanged, .columnMissing, .rowChanged, .notAsSigned]
        ),
        ("update audit.catalogues set objects = 'nothing', server_version = -5", [.catalogueChanged, .rowChanged]),
        (
            "alter table audit.catalogues drop column objects; update sentinode.control set reason = 'another'",
            [.catalogueChanged, .columnMissing, .rowChanged]
        ),
    ])
    func `what cannot be compared is a finding among the others`(tampering: String, kinds: [AuditFinding.Kind])
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.output(of: "pause", "--reason", "a test")
            try laboratory.sign()
            try laboratory.tamper(tampering)
            let outside = try OutsideRecord(
                publicKeyFile: laboratory.path("c.key.pub"), checkpointFiles: [laboratory.path("c.txt")])
            let report = try laboratory.verify(outside: outside)
            #expect(Set(report.findings.map(\.kind)).isSuperset(of: kinds), "\(report.findings)")
        }
    }

    @Test func `a seal that is removed before it was signed is complained about, and seen in the totals`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.output(of: "pause", "--reason", "a test")
            try laboratory.output(of: "resume", "--reason", "a test")
            try laboratory.tamper(
                """
                delete from audit.seals where (writer, number) in (select writer, seal from audit.events where action = 'work.resumed');
                delete from audit.events where action = 'work.resumed'
                """)
            let program = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try program.waitForEnd() == .exit(0))
            #expect(try program.log().contains("1 seals that waited for a checkpoint, or were signed by one, are gone"))
        }
    }

    @Test func `an event that no checkpoint covers is found once two were made since it says it happened`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            for _ in 0..<3 { try laboratory.sign() }
            let outside = try CheckpointFile.read(laboratory.path("c.txt")).map(\.document)
            func add(at time: Timestamp) throws {
                try laboratory.tamper(
                    """
                    with event as (
                        insert into audit.events (writer, seal, occurred_at, actor, action, leaves, salt)
                        values (gen_random_uuid(), 0, '\(time)', 'anna', 'batch.recorded', '', decode(repeat('00', 16), 'hex'))
                        returning writer)
                    insert into audit.seals (writer, number, leaf_count, root, seal)
                    select writer, 0, 1, sha256(''), sha256('') from event
                    """)
            }
            try add(at: outside[1].serverTime)
            #expect(try laboratory.verifyAnchored().findings == [])
            try add(at: outside[0].serverTime)
            #expect(try laboratory.verifyAnchored().findings.map(\.code) == [.eventUncovered])
        }
    }

    @Test func `seals that were taken off the list of what waits are signed all the same, and it is said`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.work(0..<2)
            try laboratory.tamper("delete from audit.unsigned_seals")
            try laboratory.output(of: "pause", "--reason", "a test")
            let program = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try program.waitForEnd() == .exit(0))
            #expect(try program.log().contains("seals had been taken off the list of what waits"))
            let newest = try CheckpointFile.last(of: laboratory.path("c.txt")).document
            let own = try laboratory.count("select count(*) from audit.checkpoints where number = 2")
            #expect(Int(newest.seals) == (try laboratory.count("select count(*) from audit.seals")) - own)
            #expect(try laboratory.verifyAnchored().findings == [])
            // The next one has nothing to heal.
            let next = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try next.waitForEnd() == .exit(0))
            #expect(try !next.log().contains("taken off"))
            #expect(try laboratory.verifyAnchored().findings == [])
        }
    }

    @Test func `a seal that was signed and is gone is told, and the rest is signed`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<2)
            try laboratory.sign()
            try laboratory.tamper(
                "delete from audit.seals where writer in (select writer from audit.events where action = 'batch.recorded')"
            )
            try laboratory.output(of: "pause", "--reason", "a test")
            let program = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try program.waitForEnd() == .exit(0))
            #expect(try program.log().contains("1 seals that waited for a checkpoint, or were signed by one, are gone"))
            #expect(try laboratory.verifyAnchored().findings.map(\.code) == [.headMissing])
        }
    }

    @Test func `nothing is signed where seals stand under heads that were signed without them`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.tamper(
                """
                alter table audit.seals drop constraint seals_number_check, drop constraint seals_check;
                insert into audit.seals (writer, number, leaf_count, root, seal) values
                    (gen_random_uuid(), -7, 1, sha256(''), sha256(''))
                """)
            let program = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try program.waitForEnd() == .exit(1))
            #expect(try program.log().contains("Nothing was signed"))
        }
    }

    @Test(arguments: [
        (
            "update audit.checkpoints set document = replace(document, 'chains ', 'chains 1') where number = 2",
            [AnchorFinding.Code.checkpointBroken, .checkpointReplaced, .checkpointUntrusted]
        ),
        (
            "update audit.checkpoints set signature = set_byte(signature, 3, get_byte(signature, 3) # 1) where number = 2",
            [.checkpointBroken]
        ),
        (
            "update audit.checkpoints set signature = set_byte(signature, 3, get_byte(signature, 3) # 1) where number = 3",
            [.checkpointBroken]
        ),
        ("update audit.checkpoints set heads = '' where number = 2", [.checkpointBroken]),
        (
            "update audit.checkpoints set heads = set_byte(heads, 20, get_byte(heads, 20) # 1) where number = 2",
            [.checkpointBroken]
        ),
        ("delete from audit.checkpoints where number = 1", [.checkpointMissing]),
        ("delete from audit.checkpoints where number = 2", [.checkpointMissing]),
        ("delete from audit.checkpoints where number = 3", [.checkpointMissing]),
        ("update audit.checkpoints set number = 9 where number = 2", [.checkpointBroken, .checkpointMissing]),
    ])
    func `a checkpoint that was changed or removed is found`(tampering: String, codes: [AnchorFinding.Code])
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            for _ in 0..<3 { try laboratory.sign() }
            try laboratory.tamper(tampering)
            let found = try laboratory.verifyAnchored().findings
            #expect(Set(found.map(\.code)) == Set(codes), "\(found)")
        }
    }
}

extension Laboratory {
    /// Which of these seals are gone.
    fileprivate func missing(_ heads: [SignedHead]) throws -> [SignedHead] {
        try heads.filter {
            try count(
                "select count(*) from audit.seals where writer = $1 and number = $2",
                [.uuid($0.writer), .int8($0.number)]
            ) == 0
        }
    }
}
