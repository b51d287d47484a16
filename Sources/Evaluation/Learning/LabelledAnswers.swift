import Foundation
import Monitoring
public import PatchClassifier
import Training

/// What a network says of labelled patches.
public struct LabelledAnswers: Sendable {
    private let patches: [LabelledImage]
    private var scored: [ModelEvaluation.Scored]
    private let isClustered: Bool

    /// What the network is asked by, and what becomes of its answers.
    public private(set) var rule: DecisionRule

    /// - Throws: `TrainingError` for patches that the network does not take.
    public init(
        _ images: LabelledImages, _ weights: Weights, _ rule: DecisionRule, arithmetic: Arithmetic = .current,
        threads: Int? = nil
    ) throws {
        let answers = try Validation(
            of: images.samples, weights, engine: Engine(arithmetic),
            threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, augmentation: rule.augmentation
        ).answers
        self.rule = rule
        patches = images.patches
        isClustered = images.patches.contains { $0.slide != nil }
        // A patch without a slide is a cluster of its own.
        var numbers: [String: Int] = [:]
        for slide in images.patches.compactMap(\.slide) where numbers[slide] == nil { numbers[slide] = numbers.count }
        scored = zip(images.patches, answers).enumerated().map { index, pair in
            let (patch, answer) = pair
            return ModelEvaluation.Scored(
                isTumor: patch.sample.isTumor, weight: patch.sample.weight, answer: answer, pTumor: rule.pTumor(answer),
                slide: patch.slide.flatMap { numbers[$0] } ?? numbers.count + index)
        }
    }

    /// Of all patches.
    public var evaluation: ModelEvaluation { evaluation(of: scored) }

    /// The patches of one site, scanner or stain.
    public struct SubgroupEvaluation: Sendable, Encodable {
        public let by: PatchSource.Subgroup
        public let name: String
        public let evaluation: ModelEvaluation
    }

    /// Of each site, scanner and stain, in the order of their names, where there are two or more; patches that name none
    /// are in none.
    public var subgroups: [SubgroupEvaluation] {
        PatchSource.Subgroup.allCases.flatMap { by -> [SubgroupEvaluation] in
            let groups = Dictionary(grouping: patches.indices) { patches[$0].source[by] }
            guard groups.count > 1 else { return [] }
            return groups.compactMap { name, indices in
                name.map {
                    SubgroupEvaluation(by: by, name: $0, evaluation: evaluation(of: indices.map { scored[$0] }))
                }
            }.sorted { $0.name < $1.name }
        }
    }

    /// Probabilities of tumour with their labels.
    var probabilities: [LabelledScore] {
        scored.map {
            LabelledScore(score: Double($0.pTumor), isTumour: $0.isTumor, weight: $0.weight, slide: $0.slide)
        }
    }

    /// The patches that the threshold puts on the wrong side, the surest first: missed tumours, or false alarms.
    func mistakes(isTumor: Bool, most: Int) -> [(patch: LabelledImage, pTumor: Float)] {
        let threshold = rule.operatingPoint.threshold
        let wrong = scored.indices.filter {
            scored[$0].isTumor == isTumor && (scored[$0].pTumor >= threshold) != isTumor
        }
        func sureness(_ index: Int) -> Double { isTumor ? -scored[index].logOdds : scored[index].logOdds }
        return wrong.sorted { (sureness($1), $0) < (sureness($0), $1) }.prefix(most).map {
            (patches[$0], scored[$0].pTumor)
        }
    }

    private func evaluation(of some: [ModelEvaluation.Scored]) -> ModelEvaluation {
        ModelEvaluation(some, slides: isClustered ? Set(some.map(\.slide)).count : nil, rule.operatingPoint)
    }

    /// The same answers, calibrated on these patches.
    ///
    /// - Throws: `OperationError` where no temperature makes the labels likeliest.
    public mutating func calibrate() throws {
        let scores = scored.map { LabelledScore(score: $0.logOdds, isTumour: $0.isTumor, weight: $0.weight) }
        guard let temperature = fittedTemperature(scores) else {
            throw OperationError(
                "no temperature fits these patches: their scores split the classes, or they are of one class only")
        }
        rule.temperature = Float(temperature)
        for index in scored.indices { scored[index].pTumor = rule.pTumor(scored[index].answer) }
    }

    /// The same answers at an operating point that is chosen on these patches.
    ///
    /// - Throws: `OperationError` where they cannot show the recall that is asked for.
    public mutating func choose(_ wanted: OperatingPointChoice.Wanted) throws -> OperatingPointChoice {
        let choice = try OperatingPointChoice(wanted, scored, isClustered: isClustered)
        rule.operatingPoint = choice.operatingPoint
        return choice
    }

    /// Against another network's answers about the same patches, each at its own threshold.
    public func comparison(with other: LabelledAnswers) -> ModelComparison {
        let (threshold, otherThreshold) = (rule.operatingPoint.threshold, other.rule.operatingPoint.threshold)
        let pairs = zip(scored, other.scored)
        let ranked = pairs.map {
            PairedAreas.Patch(first: $0.logOdds, second: $1.logOdds, isTumour: $0.isTumor, slide: $0.slide)
        }
        let right = pairs.map { (($0.pTumor >= threshold) == $0.isTumor, ($1.pTumor >= otherThreshold) == $1.isTumor) }
        let isWeighted = scored.isWeighted
        // No paired interval for weighted patches is at hand: none is better than one of other patches.
        return ModelComparison(
            isWeighted ? nil : isClustered ? PairedAreas.obuchowski(ranked) : PairedAreas.delong(ranked),
            onlyFirst: right.count { $0.0 && !$0.1 }, onlySecond: right.count { !$0.0 && $0.1 },
            isClustered: isClustered || isWeighted)
    }
}

/// Two networks' answers about the same patches.
public struct ModelComparison: Sendable, Encodable {
    /// Area under the ROC curve of the first less the second's; nil where there are too few patches or slides, and where
    /// patches weigh what they stand for.
    public let auc_difference: Double?
    public let auc_lower: Double?
    public let auc_upper: Double?
    public let auc_p_value: Double?
    /// Patches that only one of them calls rightly.
    public let only_first_right: Int
    public let only_second_right: Int
    /// McNemar's exact test; nil where patches are of slides or weighted, because it takes them as independent and alike.
    public let mcnemar_p_value: Double?

    init(_ areas: Estimate<PairedAreas>?, onlyFirst: Int, onlySecond: Int, isClustered: Bool) {
        let areas = areas?.value
        (auc_difference, auc_p_value) = (areas?.difference, areas?.pValue)
        (auc_lower, auc_upper) = (areas?.interval.lower, areas?.interval.upper)
        (only_first_right, only_second_right) = (onlyFirst, onlySecond)
        mcnemar_p_value = isClustered ? nil : mcnemarPValue(onlyFirst: onlyFirst, onlySecond: onlySecond)
    }
}
