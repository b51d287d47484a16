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
              sentinode classify patch.png --model models/sentinode-1.safetensors
              SENTINODE_MODEL=weights.pt sentinode classify patches/ --json
              sentinode classify patch.png --model weights.pt --engine direct-1/avx2
            """)

    @Argument(help: "PNG files, or folders of them.")
    var paths: [String]
    @Option(help: "Weights, .safetensors or .pt (default: SENTINODE_MODEL).")
    var model: String?
    @OptionGroup var deciding: DecisionOptions
    @Option(
        help: ArgumentHelp(
            "What computes, as stored with a prediction: an arithmetic "
                + "(\(Arithmetic.allCases.map(\.rawValue).joined(separator: ", "))), or one with a kernel "
                + "(\(Kernel.allCases.map(\.rawValue).joined(separator: ", "))). All kernels of an arithmetic give the same bits.",
            valueName: "arithmetic[/kernel]"))
    var engine = EngineName(engine: Engine(.current))
    @Flag(help: "One JSON object a line.")
    var json = false

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let weights =
                model ?? environment.require("SENTINODE_MODEL", example: "models/sentinode-1.safetensors")
            try environment.check()
            let rule = try deciding.declaration(beside: weights).rule
            let network = try ClassifiedPatches.network(weights, engine.engine.arithmetic)
            let classifier = Classifier(network, kernel: engine.kernelHere, augmentation: rule.augmentation)
            if !json { print("decision   p_tumor   log_p_normal  log_p_tumor   file") }
            let failures = try ClassifiedPatches(classifier).classify(PatchFiles(paths), failing: report) {
                show($0, $2, rule, engine: classifier.engine.name)
            }
            if !json { print("(\(notice))") }
            if failures > 0 { throw Exit.problemFound }
        }
    }

    private func show(_ file: String, _ answer: LogProbabilities, _ rule: DecisionRule, engine: String) {
        let (decision, pTumor) = (rule.decision(answer), rule.pTumor(answer))
        if json {
            print(
                jsonLine(
                    ClassifiedFile(
                        file: file, decision: decision.rawValue, p_tumor: pTumor, log_p_normal: answer.normal,
                        log_p_tumor: answer.tumor, engine: engine, notice: notice)))
        } else {
            let name = decision.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0)
            print(
                String(
                    format: "%@  %8.4f  %13.6f  %11.6f   %@", name, Double(pTumor), Double(answer.normal),
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

/// An arithmetic's name on the command line.
struct ArithmeticName: ExpressibleByArgument {
    let arithmetic: Arithmetic

    init?(argument: String) {
        guard let arithmetic = Arithmetic(rawValue: argument) else { return nil }
        self.arithmetic = arithmetic
    }

    static var allValueStrings: [String] { Arithmetic.allCases.map(\.rawValue) }
}

/// An engine's name on the command line.
struct EngineName: ExpressibleByArgument {
    let engine: Engine

    init(engine: Engine) { self.engine = engine }

    init?(argument: String) {
        guard let engine = Engine(named: argument) else { return nil }
        self.engine = engine
    }

    /// Its kernel, or where this CPU lacks it, which is said, the best one that it has.
    var kernelHere: Kernel {
        guard !engine.kernel.isSupported else { return engine.kernel }
        complain(
            "this CPU lacks \(engine.kernel.rawValue): computed with \(Kernel.best.rawValue), which gives the same bits"
        )
        return .best
    }

    var defaultValueDescription: String { engine.name }
}
