import ArgumentParser
import Evaluation
import Foundation
import PatchClassifier

struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Classify PNG files here and now, without broker and database.",
        discussion: """
            A file that cannot be classified is reported, and the rest goes on; the exit code is 1 then.

            Examples:
              sentinode classify patch.png --model models/sentinode-baseline-1.safetensors
              SENTINODE_MODEL=weights.pt sentinode classify patches/ --json
            """)

    @Argument(help: "PNG files, or folders of them.")
    var paths: [String]
    @Option(help: "Weights, .safetensors or .pt (default: SENTINODE_MODEL).")
    var model: String?
    @Option(help: "tumor when p_tumor is at least this.")
    var threshold: Float = 0.5
    @Option(help: "LOW,HIGH: from LOW on and below HIGH the decision is uncertain.")
    var uncertain: UncertainBand?
    @Option(help: "Kernel: \(Kernel.allCases.map(\.rawValue).joined(separator: ", ")); all give the same bits.")
    var kernel: KernelName = KernelName(kernel: .best)
    @Flag(help: "One JSON object a line.")
    var json = false

    func validate() throws { try OperatingPointArguments.check(threshold, uncertain) }

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let weights =
                model ?? environment.require("SENTINODE_MODEL", example: "models/sentinode-baseline-1.safetensors")
            try environment.check()
            guard kernel.kernel.isSupported else {
                throw OperationError("this CPU cannot run the kernel \(kernel.kernel.rawValue)")
            }
            let classifier = Classifier(try network(weights), kernel: kernel.kernel, capacity: 64)
            let found = PatchFiles(paths)
            let files = found.files
            let point = OperatingPoint(threshold: threshold, uncertain: uncertain?.range)
            if !json { print("decision   p_tumor   log_p_normal  log_p_tumor   file") }
            for problem in found.problems { report(problem.path, problem.sentence) }
            var failures = found.problems.count
            for start in stride(from: 0, to: files.count, by: 64) {
                failures += try classify(files[start..<min(start + 64, files.count)], classifier, point)
            }
            if !json { print("(\(notice))") }
            if failures > 0 { throw Exit.problemFound }
        }
    }

    private func network(_ path: String) throws -> Network {
        let weights = try Weights.read(path: path)
        do {
            return try Network(weights)
        } catch {
            throw OperationError("\(path): \(error)")
        }
    }

    /// Returns how many files could not be classified.
    private func classify(_ files: ArraySlice<String>, _ classifier: Classifier, _ point: OperatingPoint) throws -> Int
    {
        var good: [(file: String, patch: Patch)] = []
        for file in files {
            do {
                let side = classifier.network.architecture.side
                let png = try [UInt8](Data(contentsOf: URL(filePath: file)))
                good.append((file, try Patch(png: png, width: side, height: side)))
            } catch let error as PatchDecodingError {
                report(file, error.message)
            } catch {
                report(file, "the file cannot be read")
            }
        }
        for (one, answer) in zip(good, try classifier.classify(good.map(\.patch))) {
            show(one.file, answer, point.decision(answer.pTumor), engine: classifier.engine)
        }
        return files.count - good.count
    }

    private func show(_ file: String, _ answer: LogProbabilities, _ decision: Decision, engine: String) {
        if json {
            print(
                jsonLine(
                    ClassifiedFile(
                        file: file, decision: decision.rawValue, p_tumor: answer.pTumor, log_p_normal: answer.normal,
                        log_p_tumor: answer.tumor, engine: engine, notice: notice)))
        } else {
            let name = decision.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0)
            print(
                String(
                    format: "%@  %8.4f  %13.6f  %11.6f   %@", name, Double(answer.pTumor), Double(answer.normal),
                    Double(answer.tumor), file))
        }
    }

    private func report(_ file: String, _ problem: String) {
        if json { print(jsonLine(["file": file, "error": problem])) } else { complain("\(file): \(problem)") }
    }
}

/// A line of `--json`.
private struct ClassifiedFile: Encodable {
    let file: String
    let decision: String
    let p_tumor: Float
    let log_p_normal: Float
    let log_p_tumor: Float
    let engine: String
    let notice: String
}

/// A kernel's name on the command line.
struct KernelName: ExpressibleByArgument {
    let kernel: Kernel

    init(kernel: Kernel) { self.kernel = kernel }

    init?(argument: String) {
        guard let kernel = Kernel(rawValue: argument) else { return nil }
        self.kernel = kernel
    }

    var defaultValueDescription: String { kernel.rawValue }
}
