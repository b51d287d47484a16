import AuditTrail
import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct CheckpointTests {
    @Test func `an untouched database agrees with every checkpoint, and says until when it is anchored`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<3)
            try laboratory.sign()
            try laboratory.sign()
            try laboratory.work(3..<5)
            try laboratory.sign()
            let outside = try CheckpointFile.read(laboratory.path("c.txt"))
            let report = try laboratory.verifyAnchored()
            #expect(report.findings == [])
            #expect(report.notes == [])
            #expect(report.checkpoints == 3)
            #expect(report.anchor?.checkpoint == 3)
            #expect(report.anchor?.time == outside[2].document.signedAt)
            // Nothing but the last checkpoint's own event came after it.
            #expect(report.eventsSince == 1)
            // The second names the chain of the first alone; the template's chains are not named again.
            #expect(outside.map(\.document.heads) == [outside[0].document.chains, 1, 2])
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `every seal is signed by exactly one checkpoint, also those from before checkpoints were known`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<3)
            try laboratory.sign()
            let document = try #require(try CheckpointFile.read(laboratory.path("c.txt")).first).document
            let seals = try laboratory.count(
                "select count(*) from audit.seals where writer <> (select writer from audit.checkpoints)")
            #expect(Int(document.seals) == seals)
            #expect(try laboratory.count("select count(*) from audit.unsigned_seals") == 1)
        }
    }

    @Test func `a listener of the exchange gets the document and its signature`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.drain()
            struct Told: Decodable { let document, signature, digest: String }
            let event = try #require(try laboratory.takeEvents().first { $0.routingKey == "audit.checkpointed" })
            let told = try JSONDecoder().decode(Told.self, from: Data(event.body))
            let document = try CheckpointDocument(parsing: told.document)
            #expect(try document == CheckpointFile.last(of: laboratory.path("c.txt")).document)
            #expect(hexadecimal(try document.digest()) == told.digest)
            let key = try KeyFiles.verifyingKey(laboratory.path("c.key.pub"))
            #expect(key.verifies(bytes(hexadecimal: told.signature) ?? [], over: Array(told.document.utf8)))
        }
    }

    @Test func `openssl verifies a checkpoint with the public key that was written`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            let printed = try laboratory.output(of: "audit", "checkpoint", "--key", "c.key")
            let parts = printed.components(separatedBy: "\n\n")
            try Data((parts[0] + "\n").utf8).write(to: URL(filePath: laboratory.path("document")))
            let signature = try #require(parts[1].split(separator: "\n").first?.dropFirst(10))
            try Data(bytes(hexadecimal: signature) ?? []).write(to: URL(filePath: laboratory.path("signature")))
            let said = try laboratory.command(
                "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "c.key.pub", "-rawin", "-in", "document",
                "-sigfile",
                "signature")
            #expect(said.contains("Signature Verified Successfully"))
        }
    }

    @Test func `a key file is for its owner alone and is never overwritten`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            let before = try String(contentsOfFile: laboratory.path("c.key"), encoding: .utf8)
            try laboratory.output(of: "audit", "key", "--out", "c.key", expecting: 1)
            #expect(try String(contentsOfFile: laboratory.path("c.key"), encoding: .utf8) == before)
            let attributes = try FileManager.default.attributesOfItem(atPath: laboratory.path("c.key"))
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func `after the key was handed over the old one signs nothing, and either public key verifies all`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.makeKey("n.key")
            try laboratory.makeKey("other.key")
            try laboratory.sign()
            try laboratory.sign("--new-key", "n.key.pub")
            try laboratory.sign(expecting: 1)
            try laboratory.sign(key: "other.key", expecting: 1)
            try laboratory.sign(key: "n.key")
            for publicKey in ["c.key.pub", "n.key.pub"] {
                let report = try laboratory.verifyAnchored(publicKey: publicKey)
                #expect(report.findings == [], "\(publicKey)")
                #expect(report.anchor?.checkpoint == 3)
            }
            let report = try laboratory.verifyAnchored(publicKey: "other.key.pub")
            #expect(report.anchor == nil)
            #expect(report.findings.map(\.code).filter { $0 == .checkpointUntrusted }.count == 6)
        }
    }

    @Test func `the service signs until SIGTERM, comes back after its connection was cut, and leaves no gap`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            let service = try laboratory.start(
                "audit", "checkpoint", "--key", "c.key", "--out", "c.txt", "--every", "1s")
            func signed() throws -> Int64 {
                guard FileManager.default.fileExists(atPath: laboratory.path("c.txt")) else { return 0 }
                return try CheckpointFile.read(laboratory.path("c.txt")).last?.document.number ?? 0
            }
            try wait(for: "a checkpoint") { try signed() >= 1 }
            try laboratory.database.run(
                script: """
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where application_name = 'sentinode audit' and datname = current_database()
                    """)
            let before = try signed()
            try wait(for: "two more checkpoints") { try signed() >= before + 2 }
            service.send(SIGTERM)
            #expect(try service.waitForEnd() == .exit(0), "\(service.lastWords())")
            #expect(try service.log().contains("trying again"))
            let numbers = try CheckpointFile.read(laboratory.path("c.txt")).map(\.document.number)
            #expect(numbers == Array(1...Int64(numbers.count)))
            #expect(try laboratory.verifyAnchored().findings == [])
        }
    }

    @Test func `a file that lost its end is made whole from the database`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.sign()
            try laboratory.sign()
            let whole = try String(contentsOfFile: laboratory.path("c.txt"), encoding: .utf8)
            try Data(whole.utf8.dropLast(50)).write(to: URL(filePath: laboratory.path("c.txt")))
            try laboratory.sign()
            let mended = try String(contentsOfFile: laboratory.path("c.txt"), encoding: .utf8)
            #expect(mended.hasPrefix(whole))
            #expect(try CheckpointFile.read(laboratory.path("c.txt")).map(\.document.number) == [1, 2, 3])
        }
    }

    @Test func `an administrator's login signs, an auditor's verifies and cannot sign or touch checkpoints`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            let admin = try laboratory.makeLogin(in: "sentinode_admin")
            let auditor = try laboratory.makeLogin(in: "sentinode_auditor")
            defer { laboratory.drop(admin); laboratory.drop(auditor) }
            func sign(_ url: String) throws -> Program.End {
                try laboratory.start(
                    "audit", "checkpoint", "--key", "c.key", "--out", "c.txt",
                    environment: ["SENTINODE_DATABASE_URL": url]
                ).waitForEnd()
            }
            #expect(try sign(admin.url) == .exit(0))
            #expect(try sign(auditor.url) == .exit(78))
            let connection = try laboratory.connect(as: auditor)
            #expect(try laboratory.verifyAnchored(connection).findings == [])
            connection.close()
            for login in [admin, auditor] {
                for statement in [
                    "update audit.checkpoints set number = 9", "delete from audit.checkpoints",
                    "truncate audit.checkpoints", "insert into audit.unsigned_seals values (gen_random_uuid(), 0)",
                    "insert into audit.catalogues default values", "delete from audit.catalogues",
                ] {
                    #expect(try laboratory.sqlstate(of: statement, as: login) == "42501", "\(statement)")
                }
            }
        }
    }
}
