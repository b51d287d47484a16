import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Checkpoints in the database that somebody made unreadable.
@Suite(.needsStack) struct CheckpointUnreadableTests {
    private static let garbled = "update audit.checkpoints set document = 'garbled' where number = "

    @Test func `the newest one is passed over where it is known outside, and mended from there all fits again`()
        async throws
    {
        try await withCheckpoints { laboratory in
            try laboratory.tamper("create table public.kept as select * from audit.checkpoints where number = 3")
            try laboratory.tamper(CheckpointUnreadableTests.garbled + "3")
            try laboratory.work(3..<4)
            let signing = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try signing.waitForEnd() == .exit(0), "\(signing.lastWords())")
            #expect(try signing.log().contains("number 3 cannot be read"))
            #expect(try CheckpointFile.read(laboratory.path("c.txt")).map(\.document.number) == [1, 2, 3, 4])
            let words = try laboratory.verifyAnchored().findings.map(\.sentence)
            #expect(words.contains { $0.hasPrefix("checkpoint 3 cannot be read: ") }, "\(words)")
            try laboratory.sign()
            try laboratory.tamper(
                """
                update audit.checkpoints set document = kept.document from public.kept
                where kept.number = checkpoints.number
                """)
            #expect(try laboratory.verifyAnchored().findings == [])
        }
    }

    @Test func `the newest one is passed over also where its heads are gone and the list of what waits was emptied`()
        async throws
    {
        try await withCheckpoints { laboratory in
            try laboratory.work(3..<4)
            try laboratory.tamper("\(CheckpointUnreadableTests.garbled)3; delete from audit.unsigned_seals")
            try laboratory.tamper("update audit.checkpoints set heads = '' where number = 3")
            let signing = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--out", "c.txt")
            #expect(try signing.waitForEnd() == .exit(0), "\(signing.lastWords())")
            let words = try signing.log()
            #expect(words.contains("had been taken off the list") && !words.contains("are gone"), "\(words)")
        }
    }

    @Test func `nothing is signed behind one that nobody has, until somebody says why`() async throws {
        try await withCheckpoints { laboratory in
            try laboratory.tamper(CheckpointUnreadableTests.garbled + "3")
            let file = laboratory.path("c.txt")
            let older = try CheckpointFile.read(file).filter { $0.document.number < 3 }.map(\.text)
            try Data(older.joined(separator: "\n").utf8).write(to: URL(filePath: laboratory.path("older.txt")))
            for outside in [[], ["--previous", "older.txt"]] {
                let refused = try laboratory.start(["audit", "checkpoint", "--key", "c.key"] + outside)
                #expect(try refused.waitForEnd() == .exit(1))
                let words = try refused.log()
                #expect(
                    words.contains("checkpoint 3 in the database, row number=3 of audit.checkpoints, cannot be read: "))
                #expect(words.contains("nothing was signed") && words.contains("--previous"), "\(words)")
            }
            try laboratory.output(
                of: "audit", "checkpoint", "--key", "c.key", "--previous", "older.txt", "--out", "on.txt", "--restored",
                "checkpoint 3 was made unreadable")
            let report = try laboratory.verifyAnchored(outside: ["older.txt", "on.txt"])
            #expect(report.findings.map(\.code) == [.checkpointBroken], "\(report.findings)")
            #expect(report.notes.contains { $0.contains("checkpoint 3 was made unreadable") })
            try laboratory.output(of: "audit", "checkpoint", "--key", "c.key", "--out", "on.txt")
        }
    }

    @Test func `older ones that cannot be read are named, and stop nothing`() async throws {
        try await withCheckpoints { laboratory in
            let first = try CheckpointFile.read(laboratory.path("c.txt"))[0]
            try Data(first.text.utf8).write(to: URL(filePath: laboratory.path("first.txt")))
            try laboratory.tamper(CheckpointUnreadableTests.garbled + "1")
            try laboratory.tamper(
                """
                update audit.checkpoints set document = regexp_replace(document, 'chains', E'restored nonsense\\nchains')
                where number = 2
                """)
            try laboratory.sign()
            let late = try laboratory.start("audit", "checkpoint", "--key", "c.key", "--previous", "first.txt")
            #expect(try late.waitForEnd() == .exit(1))
            #expect(try late.log().contains("checkpoint 1 in the database, row number=1 of audit.checkpoints"))
            let codes = try laboratory.verifyAnchored().findings.map(\.code)
            #expect(codes.filter { $0 == .checkpointBroken }.count == 2, "\(codes)")
            let job = try TestPatches.jobID("patch-0").uuidString
            try laboratory.output(of: "audit", "proof", job)
        }
    }

    /// Three checkpoints in the database and in `c.txt`, each of a patch more.
    private func withCheckpoints(_ body: (Laboratory) throws -> Void) async throws {
        try await Laboratory.with { laboratory in
            try laboratory.makeKey()
            for number in 0..<3 {
                try laboratory.work(number..<number + 1)
                try laboratory.sign()
            }
            try body(laboratory)
        }
    }
}
