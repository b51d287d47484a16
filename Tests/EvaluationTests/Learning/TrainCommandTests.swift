import Foundation
import PatchClassifier
import Testing

@testable import Evaluation

/// `sentinode train` as a person runs it.
@Suite struct TrainCommandTests {
    /// Synthesized patches in `folder`.
    private func synthesize(_ count: Int, to name: String, seed: Int = 1, in folder: LabelledFolder) throws -> String {
        let out = folder.path + "/" + name
        let program = try start(["synthesize", "--count", "\(count)", "--out", out, "--seed", "\(seed)"], folder)
        #expect(try program.waitForEnd() == .exit(0), "\(program.lastWords())")
        return out + "/labels.csv"
    }

    private func start(_ arguments: [String], _ folder: LabelledFolder, on processor: String? = nil) throws -> Program {
        try Program(arguments, environment: [:], folder: URL(filePath: folder.path), on: processor)
    }

    private func train(_ arguments: [String], ends code: Int32 = 0, _ folder: LabelledFolder) throws -> Program {
        let program = try start(["train"] + arguments, folder)
        #expect(try program.waitForEnd() == .exit(code), "\(program.lastWords())")
        return program
    }

    private func weights(_ folder: LabelledFolder, _ out: String) throws -> Data {
        try Data(contentsOf: URL(filePath: folder.path + "/\(out)/weights.safetensors"))
    }

    @Test func `trains, is killed, goes on, and gives the weights of a run that nobody disturbed`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                let list = try synthesize(90, to: "patches", in: folder)
                let flags = [list, "--epochs", "3", "--batch", "32", "--seed", "3"]
                let whole = try train(flags + ["--out", "whole", "--threads", "1", "--power", "20"], folder)
                #expect(try whole.output().contains("patches to validate with"))
                #expect(try whole.output().contains("energy: "))
                let history = try String(contentsOfFile: folder.path + "/whole/history.csv", encoding: .utf8)
                #expect(history.split(separator: "\n").count == 4)
                let page = try String(contentsOfFile: folder.path + "/whole/history.html", encoding: .utf8)
                #expect(page.contains("of 3 had the lowest validation loss") && page.contains("<polyline"))

                let killed = try start(["train"] + flags + ["--out", "killed"], folder)
                try wait(for: "a checkpoint") {
                    FileManager.default.fileExists(atPath: folder.path + "/killed/checkpoint")
                }
                killed.send(SIGKILL)
                _ = try killed.waitForEnd()
                let again = try train(flags + ["--out", "killed"], ends: 1, folder)
                #expect(try again.log().contains("go on with --resume"))
                _ = try train(flags + ["--out", "killed", "--resume"], folder)
                #expect(try weights(folder, "killed") == weights(folder, "whole"))

                let network = try Network(Weights.read(path: folder.path + "/whole/weights.safetensors"))
                let shipped = try Network(Weights.read(path: TemplateDatabase.weights))
                #expect(network.architecture == shipped.architecture)
                let other = try train(
                    [list, "--epochs", "9", "--batch", "32", "--seed", "3", "--out", "killed", "--resume"], ends: 1,
                    folder)
                #expect(try other.log().contains("of another recipe"))
            }
        }
    }

    @Test(.needsEmulator, arguments: ["Haswell", "Nehalem"])
    func `a processor with AVX2 alone, and one without it, train the same weights`(processor: String) async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                let list = try synthesize(16, to: "patches", in: folder)
                let flags = ["train", list, "--epochs", "1", "--batch", "8", "--out"]
                let programs = [
                    try start(flags + ["here"], folder), try start(flags + ["there"], folder, on: processor),
                ]
                for program in programs { #expect(try program.waitForEnd() == .exit(0), "\(program.lastWords())") }
                #expect(try weights(folder, "there") == weights(folder, "here"))
            }
        }
    }

    @Test func `a stop ends between steps and says how to go on`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                let list = try synthesize(40, to: "patches", in: folder)
                let program = try start(["train", list, "--epochs", "5000", "--out", "out"], folder)
                try wait(for: "a checkpoint") {
                    FileManager.default.fileExists(atPath: folder.path + "/out/checkpoint")
                }
                program.send(SIGTERM)
                #expect(try program.waitForEnd() == .exit(75))
                #expect(try program.log().contains("--resume goes on from the last whole epoch"))
            }
        }
    }

    @Test(.enabled(if: SmallDisk.canBeMade, "only root can mount a small file system"))
    func `a full disk ends it with the last checkpoint whole, and with room it goes on to the same weights`()
        async throws
    {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                let list = try synthesize(60, to: "patches", in: folder)
                let flags = [list, "--epochs", "3", "--batch", "32", "--recipe", "seed-50"]
                _ = try train(flags + ["--out", "whole"], folder)
                // Room for one checkpoint, and not for a second beside it.
                let disk = try SmallDisk(at: folder.path + "/disk", kibibytes: 3000)
                defer { disk.remove() }
                let full = try train(flags + ["--out", "disk/out"], ends: 1, folder)
                #expect(try full.log().contains("checkpoint could not be written (write: No space left on device)"))
                #expect(!FileManager.default.fileExists(atPath: folder.path + "/disk/out/checkpoint.partial"))
                try disk.resize(kibibytes: 20_000)
                _ = try train(flags + ["--out", "disk/out", "--resume"], folder)
                #expect(try weights(folder, "disk/out") == weights(folder, "whole"))
            }
        }
    }

    @Test func `fine-tunes the shipped weights`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                let list = try synthesize(80, to: "patches", in: folder)
                let validation = try synthesize(40, to: "others", seed: 2, in: folder)
                _ = try train(
                    [
                        list, "--validation", validation, "--init", TemplateDatabase.weights, "--epochs", "4",
                        "--learning-rate", "3e-4", "--batch", "16", "--out", "tuned",
                    ], folder)
                let rows = try CSVTable(String(contentsOfFile: folder.path + "/tuned/history.csv", encoding: .utf8))
                    .rows
                let losses = try rows.map { try #require(Double($0.fields[3])) }
                let best = try #require(losses.min())
                #expect(best < losses[0], "\(losses)")
            }
        }
    }

    @Test func `bad input is answered with what to do`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                let list = try synthesize(60, to: "patches", in: folder)
                func complaint(_ arguments: [String], ends code: Int32 = 1) throws -> String {
                    try train(arguments + ["--out", "out-\(UUID().uuidString)", "--epochs", "1"], ends: code, folder)
                        .log()
                }
                #expect(try complaint(["nowhere.csv"]).contains("nowhere.csv does not exist"))
                #expect(try complaint([list, "--validation", list]).contains("60 pictures of"))
                #expect(try complaint([list, "--batch", "0"]).contains("a batch has at least 1 patch"))
                #expect(try complaint([list, "--init", list]).contains("labels.csv"))
                #expect(
                    try complaint([list, "--learning-rate", "1e30", "--batch", "10"]).contains(
                        "no finite number in epoch 1"))
                #expect(try complaint([list, "--validation-share", "2"], ends: 64).contains("0.01 to 0.9"))
                try Data("broken".utf8).write(to: URL(filePath: folder.path + "/patches/broken.png"))
                let lines = try String(contentsOfFile: list, encoding: .utf8) + "broken,1\n"
                try Data(lines.utf8).write(to: URL(filePath: list))
                let refused = try complaint([list])
                #expect(refused.contains("broken.png: ") && refused.contains("--skip-bad"), "\(refused)")
                #expect(try complaint([list, "--skip-bad"], ends: 0).contains("broken.png: "))
            }
        }
    }
}

/// A file system in memory of a size of its own.
private struct SmallDisk {
    let path: String

    static let canBeMade: Bool = {
        do {
            let place = FileManager.default.temporaryDirectory.appending(path: randomName()).path
            try SmallDisk(at: place, kibibytes: 64).remove()
            return true
        } catch {
            return false
        }
    }()

    init(at path: String, kibibytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try SmallDisk.run("mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", path])
    }

    func resize(kibibytes: Int) throws {
        try SmallDisk.run("mount", ["-o", "remount,size=\(kibibytes)k", path])
    }

    func remove() {
        do {
            try SmallDisk.run("umount", [path])
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Issue.record(error)
        }
    }

    private struct Refused: Error {}

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused() }
    }
}
