import ArgumentParser
import Evaluation
import Foundation
import PatchClassifier

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge a model by labelled patches: every figure with its 95 % interval.",
        discussion: """
            SOURCE is as for `sentinode train`. Where slides are known, intervals allow for patches of a slide being alike; \
            else patches count as independent. AUC is of scores, never of decisions.

            --target-recall chooses an operating point on SOURCE, which should be validation patches: the highest threshold \
            whose lower bound of recall reaches it. --save writes it, with the temperature and the uncertain band, to \
            NAME.version.json beside the weights: `model import` and `classify` follow it from then on.

            Examples:
              sentinode evaluate validation.csv --model trained/weights.safetensors --calibrate --target-recall 0.95 \
                --review-budget 0.2 --save
              sentinode evaluate test.csv --model trained/weights.safetensors
              sentinode evaluate test.csv --model trained/weights.safetensors --against models/sentinode-1.safetensors
              sentinode evaluate patches/ --model weights.pt --threshold 0.3 --json
            """)

    @OptionGroup var labelled: LabelledSource
    @Option(help: "Weights, .safetensors or .pt, or a version of the database (default: SENTINODE_MODEL).")
    var model: String?
    @Option(help: "Another model to compare with on the same patches.")
    var against: String?
    @OptionGroup var deciding: DecisionOptions
    @Option(help: "The same for the model that it is compared with (default: as declared beside it, else 0.5).")
    var againstThreshold: Float?
    @Option(help: "Choose the highest threshold whose recall is at least this, on SOURCE.")
    var targetRecall: Double?
    @Option(help: "Confidence with which it is.")
    var confidence = 0.95
    @Option(help: "Share of patches that may be left to people: chooses the uncertain band around the threshold.")
    var reviewBudget: Double?
    @Flag(help: "Fit the temperature that makes the labels of SOURCE likeliest.")
    var calibrate = false
    @Flag(help: "Write what was chosen to NAME.version.json beside the weights.")
    var save = false
    @Option(help: "Write an HTML page with curves and the most confident mistakes; it needs nothing from elsewhere.")
    var report: String?
    @Flag(help: "One JSON object.")
    var json = false

    func validate() throws {
        if let againstThreshold, !(againstThreshold > 0 && againstThreshold < 1) {
            throw ValidationError("thresholds lie between 0 and 1")
        }
        guard (0.5..<1).contains(confidence) else { throw ValidationError("--confidence is at least 0.5 and below 1") }
        if let targetRecall, !(targetRecall > 0 && targetRecall < 1) {
            throw ValidationError("--target-recall lies between 0 and 1")
        }
        if targetRecall != nil, deciding.threshold != nil || deciding.uncertain != nil {
            throw ValidationError("--target-recall chooses what --threshold and --uncertain would set")
        }
        if let reviewBudget, targetRecall == nil || !(reviewBudget > 0 && reviewBudget < 1) {
            throw ValidationError("--review-budget lies between 0 and 1 and goes with --target-recall")
        }
        if calibrate, deciding.temperature != nil {
            throw ValidationError("--calibrate fits what --temperature would set")
        }
        if save, targetRecall == nil, deciding.threshold == nil {
            throw ValidationError(
                "--save keeps a threshold with what it was chosen for: --target-recall or --threshold")
        }
    }

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let path =
                model ?? environment.require("SENTINODE_MODEL", example: "models/sentinode-1.safetensors")
            try environment.check()
            let named = try NamedModel(path)
            guard named.isFile || !save else {
                throw OperationError(
                    "--save writes beside weights in a file: `sentinode model export \(path) \(path).safetensors` first"
                )
            }
            var declared = try deciding.changing(named.declaration)
            let read = try labelled.read(side: named.network.architecture.side)
            let source = read.source
            var answers = try LabelledAnswers(read, named.weights, declared.rule, arithmetic: named.arithmetic)
            if calibrate { try answers.calibrate() }
            let choice = try wanted.map { try answers.choose($0) }
            let other = try against.map { try compared(NamedModel($0), on: read) }
            let comparison = other.map { answers.comparison(with: $0) }
            let found = EvaluationReport(
                model: path, source: source, evaluation: answers.evaluation,
                subgroups: answers.subgroups,
                against: against, comparison: comparison,
                temperature: answers.rule.temperature, test_time_augmentation: answers.rule.augmentation,
                chosen: choice.map { EvaluationReport.Chosen($0, confidence: confidence) }, notice: notice)
            if json { print(jsonLine(found)) } else { found.show() }
            if let report {
                let against = against.flatMap { name in comparison.map { (name: name, $0) } }
                let page = EvaluationPage(answers, of: path, on: source, against: against)
                try write(Data(page.html.utf8), to: report)
            }
            guard save else { return }
            declared.rule = answers.rule
            declared.chosen =
                [
                    calibrate ? "temperature fitted" : nil,
                    choice.map {
                        String(
                            format: "threshold for a recall whose lower bound at confidence %g is %.4f", confidence,
                            $0.recallLowerBound)
                    },
                ].compactMap(\.self).joined(separator: "; ") + ", on \(read.patches.count) patches of \(source)"
            try write(declared.json, to: VersionDeclaration.path(beside: path))
        }
    }

    private var wanted: OperatingPointChoice.Wanted? {
        targetRecall.map { .init(recall: $0, confidence: confidence, reviewBudget: reviewBudget) }
    }

    /// As it is declared, but for its threshold where one was given.
    private func compared(_ model: NamedModel, on patches: LabelledImages) throws -> LabelledAnswers {
        var rule = model.declaration.rule
        if let againstThreshold { rule.operatingPoint = OperatingPoint(threshold: againstThreshold) }
        return try LabelledAnswers(patches, model.weights, rule, arithmetic: model.arithmetic)
    }

    private func write(_ content: Data, to path: String) throws {
        do {
            try content.write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw OperationError("\(path) cannot be written")
        }
        if !json { print("written to \(path)") }
    }
}

/// What `--json` prints.
private struct EvaluationReport: Encodable {
    let model: String
    let source: String
    let evaluation: ModelEvaluation
    let subgroups: [LabelledAnswers.SubgroupEvaluation]
    let against: String?
    let comparison: ModelComparison?
    let temperature: Float?
    let test_time_augmentation: TestTimeAugmentation
    let chosen: Chosen?
    let notice: String

    struct Chosen: Encodable {
        let recall: Double
        let recall_lower_bound: Double
        let confidence: Double

        init(_ choice: OperatingPointChoice, confidence: Double) {
            (recall, recall_lower_bound) = (choice.recall, choice.recallLowerBound)
            self.confidence = confidence
        }
    }

    func show() {
        show(evaluation, of: "\(source), by \(model)")
        if let temperature { print("temperature \(temperature)") }
        if let chosen {
            print(
                String(
                    format:
                        "the threshold was chosen on these patches, which flatters it: recall %.4f, at least %.4f with "
                        + "confidence %g", chosen.recall, chosen.recall_lower_bound, chosen.confidence))
        }
        for group in subgroups { show(group.evaluation, of: "\(group.by) \(group.name)") }
        if let comparison, let against { show(comparison, against) }
        print("(\(notice))")
    }

    private func show(_ evaluation: ModelEvaluation, of what: String) {
        let slides =
            (evaluation.slides.map { "of \($0) slides" } ?? "slides not known")
            + (evaluation.weighted ? "; figures weigh each patch by those that it stands for" : "")
        print("\(what): \(evaluation.patches) patches, \(evaluation.tumors) with tumour, \(slides)")
        print("at threshold \(evaluation.threshold):    called tumor  called normal")
        print(row("  tumour", evaluation.true_positives, evaluation.false_negatives))
        print(row("  normal", evaluation.false_positives, evaluation.true_negatives))
        if let low = evaluation.uncertain_low, let high = evaluation.uncertain_high {
            let share = String(format: "%.1f", 100 * Double(evaluation.uncertain) / Double(evaluation.patches))
            print(
                "  of them uncertain, from \(low) and below \(high): \(evaluation.uncertain) (\(share) %), "
                    + "\(evaluation.uncertain_tumors) with tumour")
        }
        for figure in evaluation.figures {
            let name = figure.name.padding(toLength: 28, withPad: " ", startingAt: 0)
            guard let value = figure.value else {
                print("  \(name)\(figure.note ?? "not enough data")")
                continue
            }
            let interval =
                if let lower = figure.lower, let upper = figure.upper {
                    String(format: "%.4f to %.4f", lower, upper)
                } else { figure.note ?? "" }
            print("  \(name)\(String(format: "%.4f", value))   \(interval)")
        }
        print("")
    }

    private func row(_ name: String, _ tumor: Int, _ normal: Int) -> String {
        String(format: "%@  %14d %14d", name.padding(toLength: 20, withPad: " ", startingAt: 0), tumor, normal)
    }

    private func show(_ comparison: ModelComparison, _ other: String) {
        print("against \(other), on the same patches:")
        if let difference = comparison.auc_difference, let lower = comparison.auc_lower,
            let upper = comparison.auc_upper, let p = comparison.auc_p_value
        {
            print(
                String(
                    format: "  AUC-ROC differs by        %+.4f   %+.4f to %+.4f, p %.2g", difference, lower, upper, p))
        } else {
            print("  AUC-ROC: too few patches or slides to compare, or patches that stand for others")
        }
        let right = "only this one is right about \(comparison.only_first_right) patches, only the other about "
        let test = comparison.mcnemar_p_value.map { String(format: ", McNemar's p %.2g", $0) } ?? ""
        print("  \(right)\(comparison.only_second_right)\(test)")
        print("")
    }
}
