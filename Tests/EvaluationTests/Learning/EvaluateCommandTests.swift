import AuditTrail
import Foundation
import PatchClassifier
import Testing

@testable import Evaluation

/// `sentinode evaluate` as a person runs it.
@Suite struct EvaluateCommandTests {
    private func evaluate(_ arguments: [String], ends code: Int32 = 0, in folder: String) throws -> Program {
        let program = try Program(
            ["evaluate"] + arguments, environment: ["SENTINODE_MODEL": TemplateDatabase.weights],
            folder: URL(filePath: folder))
        #expect(try program.waitForEnd() == .exit(code), "\(program.lastWords())")
        return program
    }

    private struct Report: Decodable {
        struct Figure: Decodable {
            let name: String
            let value: Double?
            let lower: Double?
            let upper: Double?
            let note: String?
        }

        struct Evaluation: Decodable {
            let patches: Int
            let slides: Int?
            let true_positives, false_positives, false_negatives, true_negatives: Int
            let figures: [Figure]

            subscript(_ name: String) -> Figure? { figures.first { $0.name == name } }
        }

        struct Subgroup: Decodable {
            let by, name: String
            let evaluation: Evaluation
        }

        struct Comparison: Decodable {
            let auc_difference, auc_lower: Double?
            let only_first_right, only_second_right: Int
            let mcnemar_p_value: Double?
        }

        let evaluation: Evaluation
        let subgroups: [Subgroup]
        let comparison: Comparison?
    }

    private func report(_ program: Program) throws -> Report {
        try JSONDecoder().decode(Report.self, from: Data(program.output().utf8))
    }

    /// `baseline.json` beside the weights says what scikit-learn computed from PyTorch's answers.
    @Test(.needsRealPatches) func `says of the shipped model what scikit-learn says of PyTorch's answers`() async throws
    {
        try await onDedicatedThread {
            let list = RealPatches.folder.path + ".csv"
            let found = try report(evaluate([list, "--json"], in: NSTemporaryDirectory())).evaluation
            let file = RealPatches.folder.appending(path: "../../models/baseline.json").standardized
            struct Baseline: Decodable { let test: [String: Double] }
            let known = try JSONDecoder().decode(Baseline.self, from: Data(contentsOf: file)).test
            #expect(found.patches == 1000)
            for (name, key) in [
                ("accuracy", "accuracy"), ("recall", "recall"), ("precision", "precision"),
                ("specificity", "specificity"), ("AUC-ROC", "auc"), ("log loss", "nll"),
            ] {
                let (value, expected) = (try #require(found[name]?.value), try #require(known[key]))
                #expect(abs(value - expected) < 2e-6, "\(name) is \(value), \(expected) was expected")
                let (lower, upper) = (try #require(found[name]?.lower), try #require(found[name]?.upper))
                #expect(lower < expected && expected < upper)
            }
        }
    }

    @Test(.needsRealPatches) func `the shipped model is better than the baseline, by what its card says`() async throws
    {
        try await onDedicatedThread {
            let models = Stack.packageRoot.appending(path: "models")
            let weights = models.appending(path: "sentinode-1.safetensors").path
            let card = try String(contentsOf: models.appending(path: "sentinode-1.md"), encoding: .utf8)
            let digest = hexadecimal(try Hash.sha256(Array(Data(contentsOf: URL(filePath: weights)))))
            #expect(card.contains(digest))
            let list = RealPatches.folder.path + ".csv"
            let found = try report(
                evaluate(
                    [list, "--model", weights, "--against", TemplateDatabase.weights, "--json"],
                    in: NSTemporaryDirectory()))
            func figure(_ name: String) throws -> (value: Double, lower: Double, upper: Double) {
                let figure = try #require(found.evaluation[name])
                return (try #require(figure.value), try #require(figure.lower), try #require(figure.upper))
            }
            let (area, recall, specificity) = (try figure("AUC-ROC"), try figure("recall"), try figure("specificity"))
            #expect(abs(area.value - 0.9547) < 1e-4 && abs(specificity.value - 0.6389) < 1e-4)
            #expect(abs(recall.value - 0.9599) < 1e-4 && recall.lower < 0.95 && recall.upper > 0.95)
            let comparison = try #require(found.comparison)
            #expect(try abs(#require(comparison.auc_difference) - 0.0211) < 1e-4)
            #expect(try #require(comparison.auc_lower) > 0)
        }
    }

    @Test func `slides widen intervals, and sites have figures of their own`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                try folder.write(patches: 0..<48, to: "patches")
                func list(_ slide: (Int) -> String) throws -> String {
                    try folder.list(
                        "patches.csv",
                        lines: ["id,label,slide_id,site,scanner,stain"]
                            + (0..<48).map {
                                "\($0),\($0 % 2),\(slide($0)),\($0 < 30 ? "north" : "south"),s\($0 % 3),H&E"
                            })
                }
                let many = try report(evaluate([list { "s\($0 / 4)" }, "--json"], in: folder.path))
                #expect(many.evaluation.slides == 12)
                // All have one stain, which is no subgroup then.
                #expect(many.subgroups.map(\.by) == ["site", "site", "scanner", "scanner", "scanner"])
                #expect(many.subgroups.map(\.name) == ["north", "south", "s0", "s1", "s2"])
                #expect(many.subgroups.map(\.evaluation.patches) == [30, 18, 16, 16, 16])
                let few = try report(evaluate([list { "s\($0 / 16)" }, "--json"], in: folder.path)).evaluation
                #expect(few["AUC-ROC"]?.note == "not enough data for an interval (3 of 10 slides)")
                #expect(few["AUC-ROC"]?.value != nil && few["AUC-ROC"]?.lower == nil)
                let none = try report(evaluate([list { _ in "" }, "--json"], in: folder.path)).evaluation
                #expect(none.slides == nil && none["accuracy"]?.lower != nil)
            }
        }
    }

    @Test func `a report needs nothing from elsewhere, and shows the surest mistakes first`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                try folder.write(patches: 0..<60, to: "patches")
                let list = try folder.list(
                    "patches.csv",
                    lines: ["id,label,slide_id,site"] + (0..<60).map { "\($0),\($0 % 2),s\($0 / 5),<north> \($0 % 4)" })
                _ = try evaluate(
                    [
                        list, "--threshold", "0.9999", "--against", TemplateDatabase.weights, "--report", "report.html",
                    ], in: folder.path)
                let page = try String(contentsOfFile: folder.path + "/report.html", encoding: .utf8)
                #expect(page.contains("default-src 'none'") && !page.contains("http:") && !page.contains("https:"))
                for words in ["ROC curve", "Reliability", "Precision and recall", "Each site", "On the same patches"] {
                    #expect(page.contains(words), "\(words)")
                }
                #expect(page.contains("&lt;north&gt; 1") && !page.contains("<north>"))
                #expect(page.contains("data:image/png;base64,"))
                let missed = try #require(page.range(of: "Tumour that it calls normal"))
                let scores = page[missed.upperBound...].components(separatedBy: "</section>")[0]
                    .matches(of: #/<figcaption>([0-9.]+) /#).compactMap { Double($0.1) }
                #expect(scores.count == 12 && scores == scores.sorted(), "\(scores)")
                let full = try evaluate([list, "--report", "/nowhere/report.html"], ends: 1, in: folder.path)
                #expect(try full.log().contains("/nowhere/report.html cannot be written"))
            }
        }
    }

    @Test func `what is chosen is kept beside the weights, and followed`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                try folder.write(patches: 0..<60, to: "patches")
                let list = try folder.list("patches.csv", lines: ["id,label"] + (0..<60).map { "\($0),\($0 % 2)" })
                let weights = folder.path + "/w.safetensors"
                try FileManager.default.copyItem(atPath: TemplateDatabase.weights, toPath: weights)
                let chosen = try evaluate(
                    [list, "--model", weights, "--tta", "--target-recall", "0.6", "--review-budget", "0.3", "--save"],
                    in: folder.path)
                #expect(try chosen.output().contains("the threshold was chosen on these patches, which flatters it"))
                let declared = try #require(try VersionDeclaration.read(beside: weights))
                #expect(declared.rule.augmentation == .dihedral && declared.rule.operatingPoint.uncertain != nil)
                #expect(declared.chosen?.contains("on 60 patches of") == true)
                #expect(try VersionDeclaration(json: declared.json) == declared)

                func recall(_ arguments: String...) throws -> Double? {
                    try report(evaluate([list, "--model", weights, "--json"] + arguments, in: folder.path))
                        .evaluation["recall"]?.value
                }
                #expect(try #require(try recall()) > 0.6)
                #expect(try recall("--threshold", "0.999999") != recall())

                try Data(#"{"threshold": 3}"#.utf8).write(to: URL(filePath: folder.path + "/w.version.json"))
                let refused = try evaluate([list, "--model", weights], ends: 1, in: folder.path)
                #expect(try refused.log().contains("w.version.json: the threshold lies between 0 and 1"))
                for flags in [["--save"], ["--review-budget", "0.2"], ["--target-recall", "2"]] {
                    _ = try evaluate([list, "--model", weights] + flags, ends: 64, in: folder.path)
                }
            }
        }
    }

    @Test func `a model does not differ from itself, and one class has no AUC`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                try folder.write(patches: 0..<20, to: "patches")
                let both = try folder.list(
                    "patches.csv", lines: ["id,label"] + (0..<20).map { "\($0),\($0 % 2)" })
                let same = try evaluate([both, "--against", TemplateDatabase.weights, "--json"], in: folder.path)
                let comparison = try #require(try report(same).comparison)
                #expect(comparison.auc_difference == 0 && comparison.mcnemar_p_value == 1)
                #expect(comparison.only_first_right == 0 && comparison.only_second_right == 0)
                let one = try folder.list("patches.csv", lines: ["id,label"] + (0..<20).map { "\($0),0" })
                let table = try evaluate([one], in: folder.path).output()
                let lines = table.split(separator: "\n")
                let area = try #require(lines.first { $0.contains("AUC-ROC") })
                let recall = try #require(lines.first { $0.contains("recall") })
                #expect(area.contains("not enough data") && recall.contains("no patch that it is a share of"))
                #expect(table.contains("not a diagnosis"))
            }
        }
    }

    @Test func `bad input is answered with what to do`() async throws {
        try await onDedicatedThread {
            try LabelledFolder.with { folder in
                try folder.write(patches: 0..<2, to: "patches")
                let list = try folder.list("patches.csv", "id,label", "0,0", "1,1", "2,1")
                let refused = try evaluate([list], ends: 1, in: folder.path).log()
                #expect(refused.contains("2.png: the file cannot be read") && refused.contains("--skip-bad"))
                _ = try evaluate([list, "--skip-bad"], in: folder.path)
                #expect(try evaluate([list, "--model", list], ends: 1, in: folder.path).log().contains(list))
                #expect(
                    try evaluate([list, "--threshold", "2"], ends: 64, in: folder.path).log().contains(
                        "between 0 and 1"))
            }
        }
    }
}
