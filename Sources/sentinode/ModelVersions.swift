import ArgumentParser
import Evaluation
import Foundation

extension Model {
    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what sets two versions apart.",
            discussion: """
                Example:
                  sentinode model diff lab-1 lab-2
                """)

        @Argument(help: "Name of a version.") var first: String
        @Argument(help: "Name of another.") var second: String

        func run() throws {
            try reportingFailures {
                let found = try ModelRegistry(databaseSettings("model")).differences(first, second)
                if found.isEmpty { return print("\(first) and \(second) decide alike and declare the same") }
                printTable(["", first, second], found.map { [$0.what, $0.first, $0.second] })
            }
        }
    }

    struct ExportWeights: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write a version's weights to a file for other programs.",
            discussion: """
                The kind is that of the file's name: .safetensors, .pt (a state_dict for torch.load) or .onnx (the whole \
                network, which takes RGB divided by 255 and gives log-probabilities of normal and tumour).

                Example:
                  sentinode model export lab-2 lab-2.onnx
                """)

        @Argument(help: "Name of the version.") var name: String
        @Argument(help: "File to write.") var file: String

        private var kind: WeightsFileKind? {
            switch URL(filePath: file).pathExtension {
            case "safetensors": .safetensors
            case "pt", "pth": .pytorch
            case "onnx": .onnx
            default: nil
            }
        }

        func validate() throws {
            guard kind != nil else { throw ValidationError("the file's name ends in .safetensors, .pt or .onnx") }
        }

        func run() throws {
            try reportingFailures {
                guard let kind else { return }
                let bytes = try ModelRegistry(databaseSettings("model")).export(name, as: kind)
                do {
                    try Data(bytes).write(to: URL(filePath: file), options: .atomic)
                } catch {
                    throw OperationError("\(file) cannot be written")
                }
                print("\(file): \(bytes.count) bytes")
            }
        }
    }

    struct Shadow: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a version predict beside the active one and decide nothing, and see how it does.",
            discussion: """
                With --criteria a shadow period begins: every worker asks the version too, from its next batch on, and keeps \
                what it says beside the decision. What it must show is written down before, as JSON:

                  {"fewest_days": 14, "fewest_labels": 400, "fewest_tumor_labels": 100,
                   "recall_margin": 0.02, "specificity_margin": 0.03, "most_disagreement": 0.15, "most_uncertain": 0.2}

                `model activate` refuses it until then. Without flags: how it does so far, 1 as the exit code where not all is \
                met. Each patch is computed twice meanwhile.

                Examples:
                  sentinode model shadow lab-2 --criteria criteria.json --reason "beside lab-1 for two weeks"
                  sentinode model shadow lab-2
                  sentinode model shadow lab-2 --end --reason "it disagrees too often"
                """)

        @Argument(help: "Name of the version.") var name: String
        @Option(help: "What it must show, a JSON file; begins a shadow period.")
        var criteria: String?
        @Flag(help: "End its shadow period.")
        var end = false
        @Option(help: "Why; it stays in the audit trail.")
        var reason: Reason?

        func validate() throws {
            guard criteria == nil || !end else { throw ValidationError("--criteria begins a period, --end ends it") }
            guard (criteria != nil || end) == (reason != nil) else {
                throw ValidationError("--criteria and --end need a --reason, and nothing else does")
            }
        }

        func run() throws {
            try reportingFailures {
                // A trial looks at every patch of its period.
                let registry = try ModelRegistry(databaseSettings("model", statementTimeout: 600))
                guard let reason else { return try showTrial(registry) }
                if let criteria {
                    try registry.startShadow(name, read(criteria), reason: reason.text)
                    print("\(name) is asked about every patch from now on, and decides nothing")
                } else {
                    try registry.endShadow(name, reason: reason.text)
                    print("\(name) is asked no longer")
                }
            }
        }

        private func read(_ path: String) throws -> ShadowCriteria {
            do {
                return try ShadowCriteria(json: String(contentsOfFile: path, encoding: .utf8))
            } catch let error as OperationError {
                throw OperationError("\(path): \(error)")
            } catch {
                throw OperationError("\(path) cannot be read as UTF-8 text")
            }
        }

        private func showTrial(_ registry: ModelRegistry) throws {
            guard let trial = try registry.shadowTrial(of: name) else {
                throw OperationError("\(name) was never in a shadow period")
            }
            print("\(name), since \(trial.startedAt)\(trial.endedAt.map { " until \($0)" } ?? "")")
            printTable(
                ["", "criterion", "found"],
                trial.criteria.map { [$0.isMet ? "met" : "not met", $0.name, $0.finding] })
            if !trial.unmet.isEmpty { throw Exit.problemFound }
        }
    }

    struct Rollback: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put the version back in charge that was before the active one.",
            discussion: """
                Example:
                  sentinode model rollback --reason "lab-2 calls artefacts tumour"
                """)

        @Option(help: "Why; it stays in the audit trail.")
        var reason: Reason

        func run() throws {
            try reportingFailures {
                let name = try ModelRegistry(databaseSettings("model")).rollback(reason: reason.text)
                print("\(name) is active again")
            }
        }
    }

    struct Retire: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that a version is never to be activated again; what it decided stays.",
            discussion: """
                Example:
                  sentinode model retire lab-1 --reason "replaced by lab-2"
                """)

        @Argument(help: "Name of the version.") var name: String
        @Option(help: "Why; it stays in the audit trail.")
        var reason: Reason

        func run() throws {
            try reportingFailures {
                try ModelRegistry(databaseSettings("model")).retire(name, reason: reason.text)
                print("\(name) is retired")
            }
        }
    }
}
