import Foundation
import PatchClassifier
import Training

/// An evaluation as one HTML page: figures, curves, and the patches on which the model is surest and wrong.
public struct EvaluationPage {
    private let answers: LabelledAnswers
    private let evaluation: ModelEvaluation
    private let model: String
    private let source: String
    private let comparison: (name: String, result: ModelComparison)?

    private static let mostMistakes = 12
    private static let mostSubgroups = 100

    public init(
        _ answers: LabelledAnswers, of model: String, on source: String, against: (name: String, ModelComparison)? = nil
    ) {
        (self.answers, self.model, self.source) = (answers, model, source)
        evaluation = answers.evaluation
        comparison = against.map { ($0.name, $0.1) }
    }

    /// - Throws: `PatchDecodingError` for a picture that cannot be encoded.
    public var html: String {
        get throws {
            var chapters: [(title: String, parts: [ReportPart])] = [
                ("Figures", [figures(evaluation, "All patches"), matrix]),
                ("Over all thresholds", ScoreCurves(labelled: answers.probabilities, name: "these patches").parts),
            ]
            let subgroups = answers.subgroups
            if !subgroups.isEmpty { chapters.append(("Subgroups", [table(of: subgroups)])) }
            if let comparison { chapters.append(("Against \(comparison.name)", [compared(comparison.result)])) }
            chapters.append(
                (
                    "Most confident mistakes",
                    [
                        try mistakes(isTumor: true, "Tumour that it calls normal"),
                        try mistakes(isTumor: false, "Normal tissue that it calls tumour"),
                    ]
                ))
            return ReportPage(
                title: "Sentinode evaluation", verdict: verdict, mood: .calm, facts: facts, chapters: chapters
            ).html
        }
    }

    private var verdict: String {
        let words = ["AUC-ROC", "recall", "specificity"].compactMap { name -> String? in
            guard let figure = evaluation.figures.first(where: { $0.name == name }), let value = figure.value else {
                return nil
            }
            return "\(name) \(value.short)\(EvaluationPage.interval(figure).map { " (\($0))" } ?? "")"
        }
        return words.isEmpty
            ? "Not enough data for a figure." : words.joined(separator: ", ") + " at threshold \(evaluation.threshold)."
    }

    private var facts: [String] {
        let slides = evaluation.slides.map { "of \($0) slides" } ?? "slides not known: patches count as independent"
        return [
            "Model: \(model)", "Patches: \(source)",
            "\(evaluation.patches) patches, \(evaluation.tumors) with tumour, \(slides)",
            evaluation.weighted ? "Figures weigh each patch by those that it stands for." : nil,
            answers.rule.temperature.map { "Temperature \($0)" },
            answers.rule.augmentation == .none ? nil : "Asked in the eight symmetries of the square.",
        ].compactMap(\.self)
    }

    private func figures(_ evaluation: ModelEvaluation, _ title: String) -> ReportPart {
        ReportPart(
            title: title, words: "Intervals are 95 %.",
            table: ReportTable(
                columns: ["figure", "value", "interval"],
                rows: evaluation.figures.map { figure in
                    [
                        figure.name, figure.value?.short ?? figure.note ?? "not enough data",
                        EvaluationPage.interval(figure) ?? (figure.value == nil ? "" : figure.note ?? ""),
                    ]
                }), isTable: true)
    }

    private var matrix: ReportPart {
        let rows = [
            ["tumour", "\(evaluation.true_positives)", "\(evaluation.false_negatives)"],
            ["normal", "\(evaluation.false_positives)", "\(evaluation.true_negatives)"],
        ]
        var words = "Patches, at threshold \(evaluation.threshold)."
        if let low = evaluation.uncertain_low, let high = evaluation.uncertain_high {
            words +=
                " From \(low) and below \(high) a person decides: \(evaluation.uncertain) patches, "
                + "\(evaluation.uncertain_tumors) of them with tumour."
        }
        return ReportPart(
            title: "Confusion matrix", words: words,
            table: ReportTable(columns: ["", "called tumour", "called normal"], rows: rows), isTable: true)
    }

    private func table(of subgroups: [LabelledAnswers.SubgroupEvaluation]) -> ReportPart {
        let names = ["recall", "specificity", "AUC-ROC"]
        let rows = subgroups.prefix(EvaluationPage.mostSubgroups).map { group in
            ["\(group.by) \(group.name)", "\(group.evaluation.patches)"]
                + names.map { name in
                    guard let figure = group.evaluation.figures.first(where: { $0.name == name }) else { return "" }
                    let value = figure.value?.short ?? figure.note ?? "not enough data"
                    return EvaluationPage.interval(figure).map { "\(value) (\($0))" } ?? value
                }
        }
        let hidden = subgroups.count - rows.count
        return ReportPart(
            title: "Each site, scanner and stain", words: hidden > 0 ? "\(hidden) more are not shown." : "",
            table: ReportTable(columns: ["", "patches"] + names, rows: Array(rows)), isTable: true)
    }

    private func compared(_ result: ModelComparison) -> ReportPart {
        func number(_ value: Double?) -> String { value?.short ?? "not enough data" }
        let rows = [
            ["AUC-ROC differs by", number(result.auc_difference)],
            ["95 % interval", "\(number(result.auc_lower)) to \(number(result.auc_upper))"],
            ["only this model is right about", "\(result.only_first_right)"],
            ["only the other is right about", "\(result.only_second_right)"],
            [
                "McNemar's p",
                result.mcnemar_p_value.map { $0 < 0.001 ? "under 0.001" : $0.short }
                    ?? "not computed: patches of a slide are alike",
            ],
        ]
        return ReportPart(
            title: "On the same patches", table: ReportTable(columns: ["", ""], rows: rows), isTable: true)
    }

    private func mistakes(isTumor: Bool, _ title: String) throws -> ReportPart {
        let found = answers.mistakes(isTumor: isTumor, most: EvaluationPage.mostMistakes)
        let rows = found.map {
            [$0.patch.sample.id, $0.pTumor.description, $0.patch.slide ?? "", $0.patch.source.site ?? ""]
        }
        return ReportPart(
            title: title, words: found.isEmpty ? "None." : "The model's probability of tumour below each.",
            table: ReportTable(columns: ["patch", "probability of tumour", "slide", "site"], rows: rows),
            pictures: try found.map {
                (try $0.patch.sample.patch.pngEncoded(), "\(Double($0.pTumor).short) \($0.patch.sample.id)")
            })
    }

    private static func interval(_ figure: EvaluatedFigure) -> String? {
        guard let lower = figure.lower, let upper = figure.upper else { return nil }
        return "\(lower.short) to \(upper.short)"
    }
}
