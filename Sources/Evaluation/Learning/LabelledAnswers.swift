import Foundation
import Monitoring
public import PatchClassifier
import Training

/// What a network says of labelled patches.
public struct LabelledAnswers: Sendable {
    private let patches: [LabelledImage]
    private let scored: [ModelEvaluation.Scored]
    private let isClustered: Bool

    /// - Throws: `TrainingError` for patches that the network does not take.
    public init(_ images: LabelledImages, _ weights: Weights, threads: Int? = nil) throws {
        let answers = try Validation(
            of: images.samples, weights, kernel: .best,
            threads: threads ?? ProcessInfo.processInfo.activeProcessorCount
        ).answers
        patches = images.patches
        isClustered = images.patches.contains { $0.slide != nil }
        // A patch without a slide is a cluster of its own.
        var numbers: [String: Int] = [:]
        for slide in images.patches.compactMap(\.slide) where numbers[slide] == nil { numbers[slide] = numbers.count }
        scored = zip(images.patches, answers).enumerated().map { index, pair in
            let (patch, answer) = pair
            return ModelEvaluation.Scored(
                isTumor: patch.sample.isTumor, pTumor: answer.pTumor,
                logOdds: Double(answer.tumor) - Double(answer.normal),
                slide: patch.slide.flatMap { numbers[$0] } ?? numbers.count + index)
        }
    }

    /// Of all patches.
    public func evaluation(threshold: Float) -> ModelEvaluation { evaluation(of: scored, threshold) }

    /// Of the patches of each site, by its name; those without a site under nil.
    public func evaluationsBySite(threshold: Float) -> [(site: String?, evaluation: ModelEvaluation)] {
        let groups = Dictionary(grouping: patches.indices) { patches[$0].site }
        return groups.sorted { ($0.key ?? "") < ($1.key ?? "") }.map { site, indices in
            (site, evaluation(of: indices.map { scored[$0] }, threshold))
        }
    }

    private func evaluation(of some: [ModelEvaluation.Scored], _ threshold: Float) -> ModelEvaluation {
        ModelEvaluation(some, slides: isClustered ? Set(some.map(\.slide)).count : nil, threshold: threshold)
    }

    /// Against another network's answers about the same patches, each at its own threshold.
    public func comparison(with other: LabelledAnswers, threshold: Float, other otherThreshold: Float)
        -> ModelComparison
    {
        let pairs = zip(scored, other.scored)
        let ranked = pairs.map {
            PairedAreas.Patch(first: $0.logOdds, second: $1.logOdds, isTumour: $0.isTumor, slide: $0.slide)
        }
        let right = pairs.map { (($0.pTumor >= threshold) == $0.isTumor, ($1.pTumor >= otherThreshold) == $1.isTumor) }
        return ModelComparison(
            isClustered ? PairedAreas.obuchowski(ranked) : PairedAreas.delong(ranked),
            onlyFirst: right.count { $0.0 && !$0.1 }, onlySecond: right.count { !$0.0 && $0.1 },
            isClustered: isClustered)
    }
}

/// Two networks' answers about the same patches.
public struct ModelComparison: Sendable, Encodable {
    /// Area under the ROC curve of the first less the second's; nil where there are too few patches or slides.
    public let auc_difference: Double?
    public let auc_lower: Double?
    public let auc_upper: Double?
    public let auc_p_value: Double?
    /// Patches that only one of them calls rightly.
    public let only_first_right: Int
    public let only_second_right: Int
    /// McNemar's exact test; nil where patches are of slides, because it takes them as independent.
    public let mcnemar_p_value: Double?

    init(_ areas: Estimate<PairedAreas>, onlyFirst: Int, onlySecond: Int, isClustered: Bool) {
        let areas = areas.value
        (auc_difference, auc_p_value) = (areas?.difference, areas?.pValue)
        (auc_lower, auc_upper) = (areas?.interval.lower, areas?.interval.upper)
        (only_first_right, only_second_right) = (onlyFirst, onlySecond)
        mcnemar_p_value = isClustered ? nil : mcnemarPValue(onlyFirst: onlyFirst, onlySecond: onlySecond)
    }
}
