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

            Examples:
              sentinode evaluate test.csv --model trained/weights.safetensors
              sentinode evaluate test.csv --model trained/weights.safetensors --against models/sentinode-baseline-1.safetensors
              sentinode evaluate patches/ --model weights.pt --threshold 0.3 --json
            """)

    @Argument(help: "Labelled patches.")
    var source: String
    @Option(help: "Weights, .safetensors or .pt (default: SENTINODE_MODEL).")
    var model: String?
    @Option(help: "Weights of another model to compare with on the same patches.")
    var against: String?
    @Option(help: "Folder of the PNG files that a CSV file lists (default: beside it).")
    var images: String?
    @Option(help: "tumor when p_tumor is at least this.")
    var threshold: Float = 0.5
    @Option(help: "The same for the model that it is compared with (default: as --threshold).")
    var againstThreshold: Float?
    @Flag(help: "Leave out files that cannot be read as patches, instead of stopping.")
    var skipBad = false
    @Flag(help: "One JSON object.")
    var json = false

    func validate() throws {
        for threshold in [threshold, againstThreshold ?? threshold] where !(threshold > 0 && threshold <= 1) {
            throw ValidationError("thresholds are above 0 and at most 1")
        }
    }

    func run() throws {
        try reportingFailures {
            var environment = Environment()
            let path =
                model ?? environment.require("SENTINODE_MODEL", example: "models/sentinode-baseline-1.safetensors")
            try environment.check()
            let weights = try Weights.read(path: path)
            let read = try LabelledSource(source, images: images, skipBad: skipBad)
                .read(side: ClassifiedPatches.network(path).architecture.side)
            let answers = try LabelledAnswers(read, weights)
            let other = try against.map { try LabelledAnswers(read, Weights.read(path: $0)) }
            let report = EvaluationReport(
                model: path, source: source, evaluation: answers.evaluation(threshold: threshold),
                sites: answers.evaluationsBySite(threshold: threshold).compactMap { site, evaluation in
                    site.map { EvaluationReport.Site(site: $0, evaluation: evaluation) }
                },
                against: against,
                comparison: other.map {
                    answers.comparison(with: $0, threshold: threshold, other: againstThreshold ?? threshold)
                },
                notice: notice)
            if json { print(jsonLine(report)) } else { report.show() }
        }
    }
}

/// What `--json` prints.
private struct EvaluationReport: Encodable {
    struct Site: Encodable {
        let site: String
        let evaluation: ModelEvaluation
    }

    let model: String
    let source: String
    let evaluation: ModelEvaluation
    let sites: [Site]
    let against: String?
    let comparison: ModelComparison?
    let notice: String

    func show() {
        show(evaluation, of: "\(source), by \(model)")
        if sites.count > 1 { for site in sites { show(site.evaluation, of: "site \(site.site)") } }
        if let comparison, let against { show(comparison, against) }
        print("(\(notice))")
    }

    private func show(_ evaluation: ModelEvaluation, of what: String) {
        let slides = evaluation.slides.map { "of \($0) slides" } ?? "slides not known"
        print("\(what): \(evaluation.patches) patches, \(evaluation.tumors) with tumour, \(slides)")
        print("at threshold \(evaluation.threshold):    called tumor  called normal")
        print(row("  tumour", evaluation.true_positives, evaluation.false_negatives))
        print(row("  normal", evaluation.false_positives, evaluation.true_negatives))
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
                    format: "  AUC-ROC differs by        %+.4f   %+.4f to %+.4f, p %.4f", difference, lower, upper, p))
        } else {
            print("  AUC-ROC: not enough data to compare")
        }
        let right = "only this one is right about \(comparison.only_first_right) patches, only the other about "
        let test = comparison.mcnemar_p_value.map { String(format: ", McNemar's p %.4f", $0) } ?? ""
        print("  \(right)\(comparison.only_second_right)\(test)")
        print("")
    }
}
