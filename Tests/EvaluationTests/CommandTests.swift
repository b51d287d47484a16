import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// What people see of the commands: answers, sentences and exit codes.
@Suite(.needsStack) struct CommandTests {
    private static let full = URL(filePath: "/dev/full")

    /// Runs a command and requires its exit code.
    @discardableResult
    private func run(
        _ laboratory: Laboratory, _ arguments: String..., ends code: Int32, output: URL? = nil,
        environment: [String: String] = [:]
    ) throws -> Program {
        let program = try laboratory.start(arguments, environment: environment, output: output)
        let end = try program.waitForEnd()
        let log = try program.log()
        #expect(end == .exit(code), "\(arguments): \(log)")
        return program
    }

    /// Runs `body` with a folder that holds a patch, `good.png`.
    private func withPatch(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "command-\(randomName())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(try TestPatches.png(1)).write(to: folder.appending(path: "good.png"))
        try await body(folder)
        try FileManager.default.removeItem(at: folder)
    }

    @Test func `a missing file is reported, and the others are classified and sent`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                let (good, missing) = (folder.path + "/good.png", folder.path + "/nope.png")
                let model = ["SENTINODE_MODEL": TemplateDatabase.weights]
                let classified = try run(laboratory, "classify", missing, good, ends: 1, environment: model)
                #expect(try classified.output().contains(good))
                #expect(try classified.log() == "sentinode: \(missing): does not exist\n")
                let sent = try run(laboratory, "enqueue", missing, good, ends: 1)
                #expect(try sent.output() == "1 patches sent\n")
                #expect(try sent.log().contains("nope.png does not exist"))
                #expect(try laboratory.depth(of: BrokerNames.patches) == 1)
            }
        }
    }

    @Test func `work goes on where nothing more can be written to the log`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(20) + [TestPatches.message([1, 2, 3], id: "bad")])
            let worker = try laboratory.start(["work", "--drain", "--lanes", "2"], errors: Self.full)
            #expect(try worker.waitForEnd() == .exit(0))
            #expect(try laboratory.predictions() == 20)
            #expect(try laboratory.quarantine().count == 1)
        }
    }

    @Test func `a folder without patches and a manifest without lines both send nothing and end with 1`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                try FileManager.default.removeItem(at: folder.appending(path: "good.png"))
                #expect(try run(laboratory, "enqueue", folder.path, ends: 1).log().contains("holds no PNG file"))
                let manifest = folder.appending(path: "m.csv")
                try Data("path,slide_id\n".utf8).write(to: manifest)
                let empty = try run(laboratory, "enqueue", "--manifest", manifest.path, ends: 1)
                #expect(try empty.log().contains("m.csv lists no patch"))
                let missing = try run(laboratory, "enqueue", "--manifest", folder.path + "/n.csv", ends: 1)
                #expect(try missing.log().contains("n.csv does not exist"))
            }
        }
    }

    @Test func `what a worker would refuse is refused before anything is sent`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                let manifest = folder.appending(path: "m.csv")
                try Data("path,mpp\ngood.png,0.5\ngood.png,nan\n".utf8).write(to: manifest)
                let refused = try run(laboratory, "enqueue", "--manifest", manifest.path, ends: 1)
                #expect(try refused.log().contains("m.csv, line 3: mpp is nan"))
                let slide = try run(laboratory, "enqueue", folder.path, "--slide", "", ends: 64)
                #expect(try slide.log().contains("slide_id has 0 bytes"))
                #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
            }
        }
    }

    @Test func `a manifest's own time of sending is the one that is stored`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                let manifest = folder.appending(path: "m.csv")
                try Data("path,sent_at\ngood.png,2026-05-04T10:20:30Z\n".utf8).write(to: manifest)
                try run(laboratory, "enqueue", "--manifest", manifest.path, ends: 0)
                try laboratory.drain()
                #expect(
                    try laboratory.count(
                        "select count(*) from sentinode.predictions where enqueued_at = '2026-05-04T10:20:30Z'") == 1)
            }
        }
    }

    @Test func `output that does not arrive ends with 74 and a sentence`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                for arguments in [["model", "list"], ["quarantine", "list"]] {
                    let program = try laboratory.start(arguments, output: Self.full)
                    #expect(try program.waitForEnd() == .exit(74), "\(arguments)")
                    #expect(try program.log().contains("could not be written"))
                }
                let classify = try run(
                    laboratory, "classify", folder.path, ends: 74, output: Self.full,
                    environment: ["SENTINODE_MODEL": TemplateDatabase.weights])
                #expect(try classify.log().contains("could not be written"))
            }
        }
    }

    @Test func `a model that is not there is missed alike, and a file that is none is named`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                for verb in [["show", "nope"], ["activate", "nope", "--reason", "a test"]] {
                    let program = try laboratory.start(["model"] + verb)
                    #expect(try program.waitForEnd() == .exit(1))
                    #expect(try program.log().contains("there is no model version nope"))
                }
                let patch = folder.path + "/good.png"
                let words = try run(laboratory, "model", "import", patch, "--name", "new", ends: 1).log()
                #expect(words.contains(patch + ": "))
                let classify = try run(laboratory, "classify", patch, "--model", patch, ends: 1)
                #expect(try classify.log().contains(patch + ": "))
            }
        }
    }

    @Test func `importing again says when the card is another one, which is not stored`() async throws {
        try await withPatch { folder in
            try await Laboratory.with { laboratory in
                let card = folder.appending(path: "card.md")
                let model = [TemplateDatabase.weights, "--name", "again", "--threshold", "0.4", "--card", card.path]
                var words: [String] = []
                for text in ["first", "first", "second"] {
                    try Data(text.utf8).write(to: card)
                    let program = try laboratory.start(["model", "import"] + model)
                    #expect(try program.waitForEnd() == .exit(0))
                    words.append(try program.output())
                }
                #expect(words[0].contains("imported again"))
                #expect(words[1] == "again is here already, the same\n")
                #expect(words[2].contains("but for the card"))
                let shown = try run(laboratory, "model", "show", "again", ends: 0).output()
                #expect(shown.hasSuffix("\nfirst\n") && shown.contains("made for         not declared"))
                let other = try laboratory.start(["model", "import"] + model + ["--mpp", "0.9,1.1", "--stain", "H&E"])
                #expect(try other.waitForEnd() == .exit(0))
                #expect(try other.output().contains("but for the card and what it was made for"))
            }
        }
    }

    @Test func `a version keeps the resolution and the stains that it was made for`() async throws {
        try await withPatch { _ in
            try await Laboratory.with { laboratory in
                let model = [TemplateDatabase.weights, "--name", "scoped", "--threshold", "0.4"]
                for wrong in [["--mpp", "1"], ["--mpp", "2,1"], ["--mpp", "0,1"], ["--stain", "H&E,HES"]] {
                    #expect(try laboratory.start(["model", "import"] + model + wrong).waitForEnd() == .exit(64))
                }
                let scope = ["--mpp", "0.9,1.1", "--stain", "HES", "--stain", "H&E"]
                #expect(try laboratory.start(["model", "import"] + model + scope).waitForEnd() == .exit(0))
                let shown = try run(laboratory, "model", "show", "scoped", ends: 0).output()
                #expect(shown.contains("made for         0.9 to 1.1 micrometres a pixel, H&E, HES\n"))
            }
        }
    }

    @Test func `what is wrong with the database is told with what to do`() async throws {
        try await Laboratory.with { laboratory in
            let empty = "empty_" + randomName()
            try laboratory.stack.administrator().run(script: "create database \(empty)")
            let cases: [(String, String)] = [
                (try laboratory.stack.databaseURL(database: empty), "with `sentinode migrate`"),
                (try laboratory.stack.databaseURL(database: "no_such_database"), "the name of the database"),
                (
                    try laboratory.stack.databaseURL(database: empty, user: "nobody_knows", password: "x"),
                    "the user and the password"
                ), (laboratory.databaseURL + "?sslmode=bogus", "sslmode"),
            ]
            for (url, words) in cases {
                let environment = ["SENTINODE_DATABASE_URL": url]
                let program = try run(laboratory, "model", "list", ends: 78, environment: environment)
                #expect(try program.log().contains(words))
            }
            try laboratory.stack.administrator().run(script: "drop database \(empty)")
        }
    }
}
