import AuditTrail
import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct InclusionProofTests {
    private static let fits = [
        "the row has the digest of its leaf", "the leaf stands under the root", "the root is sealed",
        "the chain leads to the heads of checkpoint 1", "the checkpoint names the root",
        "the checkpoint is signed by the key given",
    ].map { "fits: \($0)" }

    /// Writes the proof of a job into `proof.sh`.
    private func prove(_ job: UUID, _ laboratory: Laboratory) throws {
        try write(laboratory.output(of: "audit", "proof", job.uuidString), "proof.sh", laboratory)
    }

    private func write(_ text: String, _ name: String, _ laboratory: Laboratory) throws {
        try Data(text.utf8).write(to: URL(filePath: laboratory.path(name)))
    }

    private func verdicts(_ printed: String) -> [String] {
        printed.split(separator: "\n").map(String.init).filter { $0.hasPrefix("fits: ") }
    }

    @Test func `a prediction is proved by a shell with a hash tool, up to the signature`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.makeKey("other.key")
            // Several batches of one lane, so that the head of its chain is not the first seal.
            try laboratory.publish(try TestPatches.jobs(9))
            try laboratory.drain(environment: ["SENTINODE_BATCH": "4"])
            let rows = try laboratory.database.query("select job_id from sentinode.predictions order by seal, leaf")
            let jobs = try rows.map { try $0.uuid("job_id") }
            let job = try #require(jobs.first)
            try prove(job, laboratory)
            #expect(
                try laboratory.command("sh", "proof.sh").contains("not anchored: no checkpoint covers this seal yet"))

            try laboratory.sign()
            for job in jobs {
                try prove(job, laboratory)
                #expect(try verdicts(laboratory.command("sh", "proof.sh", "c.key.pub")) == Self.fits)
            }
            #expect(try verdicts(laboratory.command("sh", "proof.sh")) == Array(Self.fits.dropLast()))
            let wrong = try laboratory.command("sh", "proof.sh", "other.key.pub", expecting: 1)
            #expect(wrong.contains("DOES NOT FIT: the checkpoint is signed by the key given"))
        }
    }

    @Test func `a changed digit anywhere in a proof does not fit`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.work(0..<3)
            try laboratory.sign()
            try prove(TestPatches.jobID("patch-1"), laboratory)
            let script = try String(contentsOfFile: laboratory.path("proof.sh"), encoding: .utf8)
            for prefix in ["row=", "root=", "previous=", "document=", "signature=", "node=$(sha256 \"01"] {
                let start = try #require(script.range(of: "\n" + prefix)).upperBound
                let digit = script.index(start, offsetBy: 40)
                var changed = script
                changed.replaceSubrange(digit...digit, with: script[digit] == "a" ? "b" : "a")
                try write(changed, "changed.sh", laboratory)
                #expect(
                    try laboratory.command("sh", "changed.sh", "c.key.pub", expecting: 1).contains("DOES NOT FIT"),
                    "\(prefix)")
            }
        }
    }

    @Test func `what a sender wrote is never executed by the proof`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            let slide = "S $(touch executed) `touch executed`'\"; touch executed #"
            var message = TestPatches.message(try TestPatches.png(1), id: "patch $(touch executed)")
            message.properties.headers = [
                .init("slide_id", .text(slide)), .init("batch", .text("14\ntouch executed\r\n$(touch executed)")),
            ]
            try laboratory.publish([message])
            try laboratory.drain()
            try laboratory.sign()
            let job = try laboratory.database.query("select job_id, slide_id from sentinode.predictions").onlyRow()
            #expect(try job.text("slide_id") == slide)
            try prove(try job.uuid("job_id"), laboratory)
            #expect(try verdicts(laboratory.command("sh", "proof.sh", "c.key.pub")) == Self.fits)
            #expect(!FileManager.default.fileExists(atPath: laboratory.path("executed")))
        }
    }

    @Test func `a quarantined message is proved too, and as JSON`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            try laboratory.publish([TestPatches.message(Array("no patch".utf8), id: "bad")])
            try laboratory.drain()
            try laboratory.sign()
            let job = try TestPatches.jobID("bad")
            try prove(job, laboratory)
            #expect(try verdicts(laboratory.command("sh", "proof.sh", "c.key.pub")) == Self.fits)
            struct Proof: Decodable { let table, encoding, digest, root, seal: String; let leaf, leaf_count: Int }
            let json = try laboratory.output(of: "audit", "proof", job.uuidString, "--json")
            let proof = try JSONDecoder().decode(Proof.self, from: Data(json.utf8))
            #expect(proof.table == "sentinode.quarantined_messages")
            #expect(hexadecimal(try Hash.sha256(bytes(hexadecimal: proof.encoding) ?? [])) == proof.digest)
            #expect(proof.leaf == 1 && proof.leaf_count == 2)
        }
    }

    @Test func `an unknown job, and a row that was changed, have no proof`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.work(0..<2)
            try laboratory.output(of: "audit", "proof", UUID().uuidString, expecting: 1)
            try laboratory.tamper("update sentinode.predictions set scanner = 'another'")
            let program = try laboratory.start("audit", "proof", try TestPatches.jobID("patch-1").uuidString)
            #expect(try program.waitForEnd() == .exit(1))
            #expect(try program.log().contains("is not what was sealed"))
        }
    }

    @Test func `a receipt that was kept fits the database until the record is changed`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.work(0..<3)
            let event = try #require(try laboratory.takeEvents().first { $0.isPrediction })
            let (whole, root) = (String(decoding: event.body, as: UTF8.self), try #require(event.content.receipt?.root))
            func check(_ text: String, expecting code: Int32) throws {
                try write(text, "answer.json", laboratory)
                try laboratory.output(of: "audit", "proof", "--receipt", "answer.json", expecting: code)
            }
            try check(whole, expecting: 0)
            let receipt = try #require(event.content.receipt)
            try check(
                "{\"writer\": \"\(receipt.writer)\", \"seal\": \(receipt.seal), \"leaf\": \(receipt.leaf), \"root\": \"\(root)\"}",
                expecting: 0)
            try check(whole.replacing(root, with: String(root.reversed())), expecting: 1)
            try check(whole.replacing("\"leaf\":\(receipt.leaf)", with: "\"leaf\":99"), expecting: 1)
            try check("no receipt", expecting: 1)
            for (field, told, other) in [
                ("decision", "\"\(try #require(event.content.decision))\"", "\"unknown\""),
                ("slide_id", "null", "\"S-9\""),
                ("event", "\"prediction", "\"message"), ("p_tumor", "", "1"),
            ] {
                let changed = whole.replacing("\"\(field)\":\(told)", with: "\"\(field)\":\(other)")
                #expect(changed != whole)
                try check(changed, expecting: 1)
            }
            let job = try #require(event.content.job_id).uuidString
            try laboratory.tamper("update sentinode.predictions set slide_id = 'other' where job_id = '\(job)'")
            try check(whole, expecting: 1)
            try laboratory.tamper("delete from sentinode.predictions where job_id = '\(job)'")
            try check(whole, expecting: 1)
            try laboratory.tamper("delete from audit.seals where writer = '\(receipt.writer)'")
            try check(whole, expecting: 1)
        }
    }

    @Test func `proofs know every column of events`() async throws {
        try await Laboratory.with { laboratory in
            let rows = try laboratory.database.query(
                """
                select attname::text as name from pg_attribute
                where attrelid = 'audit.events'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
                order by attname collate "C"
                """)
            #expect(try rows.map { try $0.text("name") } == SealedRow.eventColumns.map(\.name))
        }
    }
}
