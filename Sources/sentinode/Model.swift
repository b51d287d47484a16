import ArgumentParser
import Evaluation
import Foundation
import PatchClassifier

struct Model: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Model versions: import, list, show, compare, export, try out in shadow, activate, roll back, retire.",
        discussion: """
            Examples:
              sentinode model import weights.safetensors --name lab-2 --threshold 0.4 --uncertain 0.3,0.6
              sentinode model list
              sentinode model show lab-2
              sentinode model shadow lab-2 --criteria criteria.json --reason "beside lab-1 for two weeks"
              sentinode model activate lab-2 --reason "validated on our 2026 cases"
            """,
        subcommands: [
            Import.self, Profile.self, List.self, Show.self, Diff.self, ExportWeights.self, Shadow.self, Activate.self,
            Rollback.self, Retire.self,
        ])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Store weights and an operating point under a name.",
            discussion: """
                Reads safetensors, or a PyTorch state_dict (.pt), by a parser that executes nothing. The version is \
                immutable; a model card (same name, .md) and a development profile (same name, .profile.json) beside the \
                file are stored with it, and what `evaluate --target-recall` chose (same name, .version.json) is what it \
                decides by unless flags say otherwise.

                Example:
                  sentinode model import weights.safetensors --name lab-2 --threshold 0.4 --uncertain 0.3,0.6
                """)

        @Argument(help: "Weights: .safetensors or .pt.")
        var file: String
        @Option(help: "Name of the version: a-z, 0-9, dot, hyphen, underscore.")
        var name: String
        @OptionGroup var deciding: DecisionOptions
        @Option(help: "LOW,HIGH: made for patches of so many micrometres a pixel; the monitor counts others.")
        var mpp: Resolutions?
        @Option(help: "A stain that it was made for, as jobs name it; can be given again.")
        var stain: [String] = []
        @Option(help: "Compute it by this arithmetic, such as an older one while workers of before still run.")
        var arithmetic: ArithmeticName?
        @Option(help: "What `model profile` made of the patches it was developed on.")
        var profile: String?
        @Option(help: "Model card, Markdown.")
        var card: String?

        func validate() throws {
            if stain.contains(where: { $0.isEmpty || $0.contains(",") || $0.utf8.count > 256 }) || stain.count > 15 {
                throw ValidationError("--stain is the name of one stain, without commas; at most 15 can be given")
            }
        }

        func run() throws {
            try reportingFailures {
                let declared = try deciding.declaration(beside: file)
                let registry = try ModelRegistry(databaseSettings("model"))
                let imported = try registry.importModel(
                    path: file, name: name, rule: declared.rule,
                    scope: DeclaredScope(
                        mpp: mpp?.range ?? declared.scope.mpp,
                        stains: stain.isEmpty ? declared.scope.stains : Set(stain)),
                    arithmetic: arithmetic?.arithmetic, development: try developmentProfile(), card: try cardText(),
                    chosen: declared.chosen,
                    training: try trainingRecord())
                switch imported {
                case .new:
                    print("imported \(name); it decides nothing until `sentinode model activate \(name) --reason TEXT`")
                case .already(differing: []): print("\(name) is here already, the same")
                case .already(let differing):
                    print(
                        "\(name) is here already, the same but for \(differing.joined(separator: " and ")): "
                            + "a version keeps what it came with")
                }
            }
        }

        private func cardText() throws -> String? { try text(named: card, orBeside: "md", "model card")?.text }

        /// What `sentinode train` left beside the weights.
        private func trainingRecord() throws -> String? {
            let path = URL(filePath: file).deletingLastPathComponent().appending(path: "training.json").path
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            return try text(named: path, orBeside: "", "training record")?.text
        }

        private func developmentProfile() throws -> DevelopmentProfile? {
            guard let found = try text(named: profile, orBeside: "profile.json", "development profile") else {
                return nil
            }
            do {
                return try DevelopmentProfile(json: found.text)
            } catch {
                throw OperationError("\(found.path): \(error)")
            }
        }

        /// A file that was named, or else lies beside the weights under their name.
        private func text(named path: String?, orBeside kind: String, _ what: String) throws -> (
            path: String, text: String
        )? {
            let beside = URL(filePath: file).deletingPathExtension().appendingPathExtension(kind).path
            guard let path = path ?? (FileManager.default.fileExists(atPath: beside) ? beside : nil) else { return nil }
            do {
                return (path, try String(contentsOfFile: path, encoding: .utf8))
            } catch {
                throw OperationError("the \(what) \(path) cannot be read as UTF-8 text")
            }
        }
    }

    struct Profile: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count the patches that a model was developed on, for the monitor.",
            discussion: """
                Writes histograms of scores and input figures as JSON. Stored with a version, they are shown beside local \
                patches until an acceptance reference is frozen; nothing alarms on them.

                Example:
                  sentinode model profile validation/ --model lab-2.safetensors --description "our validation patches" \
                    --out lab-2.profile.json
                """)

        @Argument(help: "PNG files, or folders of them.")
        var paths: [String]
        @Option(help: "Weights, .safetensors or .pt.")
        var model: String
        @OptionGroup var deciding: DecisionOptions
        @Option(help: "Which patches these are, in a few words.")
        var description: String
        @Option(help: "File to write.")
        var out: String

        func run() throws {
            try reportingFailures {
                var profile = try DevelopmentProfile(of: description)
                let rule = try deciding.declaration(beside: model).rule
                let patches = ClassifiedPatches(
                    Classifier(try ClassifiedPatches.network(model), augmentation: rule.augmentation))
                let failures = try patches.classify(PatchFiles(paths), failing: { complain("\($0): \($1)") }) {
                    let pTumor = rule.pTumor($2)
                    profile.add($1, pTumor: pTumor, isCalledTumor: pTumor >= rule.operatingPoint.threshold)
                }
                guard profile.patches > 0 else { throw OperationError("no patch could be counted") }
                do {
                    try Data((profile.json + "\n").utf8).write(to: URL(filePath: out), options: .atomic)
                } catch {
                    throw OperationError("\(out) cannot be written")
                }
                print("\(out): \(profile.patches) patches")
                if failures > 0 { throw Exit.problemFound }
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the model versions, oldest first.",
            discussion: """
                The active one has a star, those in shadow an s, retired ones an r.

                Example:
                  sentinode model list
                """)

        func run() throws {
            try reportingFailures {
                let versions = try ModelRegistry(databaseSettings("model")).versions()
                if versions.isEmpty { return print("no model version is here: `sentinode model import`") }
                printTable(
                    ["", "name", "threshold", "uncertain", "weights", "imported"],
                    versions.map {
                        [
                            $0.isActive ? "*" : $0.isShadow ? "s" : $0.isRetired ? "r" : "", $0.name,
                            "\($0.rule.operatingPoint.threshold)",
                            band($0.rule.operatingPoint), String($0.weightsSHA256.prefix(12)),
                            "\($0.createdAt) by \($0.createdBy)",
                        ]
                    })
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show all there is to know of a version, and its card.",
            discussion: """
                Example:
                  sentinode model show lab-2
                """)

        @Argument(help: "Name of the version.") var name: String

        func run() throws {
            try reportingFailures {
                let version = try ModelRegistry(databaseSettings("model")).version(named: name)
                let state = version.isActive ? " (active)" : version.isShadow ? " (in shadow)" : ""
                print("\(version.name)\(version.isRetired ? " (retired)" : state)")
                let origin = [
                    ("weights SHA-256", version.weightsSHA256), ("version SHA-256", version.versionSHA256),
                    ("imported", "\(version.createdAt) by \(version.createdBy), from \(version.sourceName)"),
                ]
                for (name, value) in version.traits + origin {
                    print("\(name.padding(toLength: 16, withPad: " ", startingAt: 0)) \(value)")
                }
                if let chosen = version.chosen { print("chosen           \(chosen)") }
                if let training = version.training { print("\ntraining.json:\n\(training)") }
                print("\n" + (version.card ?? "No model card was stored with it."))
            }
        }
    }

    struct Activate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a version in charge, in every worker, without a restart.",
            discussion: """
                A version that was in a shadow period is refused until it has met the criteria that were written down \
                before; --override activates it all the same, says so in the audit trail, and lets the monitor raise an \
                alert.

                Example:
                  sentinode model activate lab-2 --reason "validated on our 2026 cases"
                """)

        @Argument(help: "Name of the version.") var name: String
        @Option(help: "Why; it stays in the audit trail.")
        var reason: Reason
        @Flag(help: "Although it has not met the criteria of its shadow period.")
        var `override` = false

        func run() throws {
            try reportingFailures {
                let changed = try ModelRegistry(databaseSettings("model", statementTimeout: 600)).activate(
                    name, reason: reason.text, `override` ? .override : .earned)
                print(changed ? "\(name) is active" : "\(name) was active already")
            }
        }
    }
}

struct Resolutions: ExpressibleByArgument {
    /// Micrometres a pixel.
    let range: ClosedRange<Double>

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
        guard parts.count == 2, let low = parts[0], let high = parts[1], low > 0, low <= high, high < 1000 else {
            return nil
        }
        range = low...high
    }
}

private func band(_ point: OperatingPoint) -> String {
    point.uncertain.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "none"
}

/// Columns padded to their widest cell.
func printTable(_ header: [String], _ rows: [[String]]) {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    for row in [header] + rows {
        var line = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(
            separator: "  ")
        while line.last == " " { line.removeLast() }
        print(line)
    }
}
