/// A patch without a label, with what the model says of it.
public struct CalibratedPatch: Sendable, Equatable {
    /// Calibrated probability of tumour, 0...1.
    public var probability: Double
    /// Uncalibrated score, which orders the patches for the ROC curve.
    public var score: Double
    public var isCalledTumour: Bool

    public init(probability: Double, score: Double, isCalledTumour: Bool) {
        self.probability = probability
        self.score = score
        self.isCalledTumour = isCalledTumour
    }
}

/// Performance expected of patches without labels (confidence-based performance estimation, as NannyML defines it):
/// a patch counts as a tumour with its probability and as normal with the rest. It is right only while the
/// probabilities stay calibrated: it sees a change of the patches, not of what a score means.
public struct EstimatedPerformance: Sendable, Equatable {
    /// Expected cells; figures are those of this matrix.
    public let matrix: ConfusionMatrix
    /// Expected area under the ROC curve; nil where no tumour or no normal is expected. Ties are taken together.
    public let areaUnderROC: Double?
    public let patches: Int

    /// Nil without patches or with a probability outside 0...1.
    public init?(_ patches: [CalibratedPatch]) {
        guard !patches.isEmpty, patches.allSatisfy({ (0...1).contains($0.probability) }) else { return nil }
        var matrix = ConfusionMatrix()
        var weighted: [LabelledScore] = []
        for patch in patches {
            for (isTumour, weight) in [(true, patch.probability), (false, 1 - patch.probability)] {
                matrix.add(isTumour: isTumour, isCalledTumour: patch.isCalledTumour, weight: weight)
                weighted.append(LabelledScore(score: patch.score, isTumour: isTumour, weight: weight))
            }
        }
        self.matrix = matrix
        areaUnderROC = ROCCurve(weighted)?.area
        self.patches = patches.count
    }
}

/// Standard deviation that estimated or realised figures of a window have by chance, fitted on labelled reference
/// patches (NannyML's sampling error). Weights are not looked at.
public struct SamplingError: Sendable, Equatable, Codable {
    public enum Figure: String, Sendable, CaseIterable, Codable {
        case precision, recall, f1, accuracy, areaUnderROC
    }

    /// Standard deviation of one patch's share in the figure, and the share of patches that have one.
    private struct Component: Equatable, Codable {
        let deviation: Double
        let share: Double
    }

    private let components: [Figure: Component]

    public init(reference: [LabelledScore], isCalledTumour: (Double) -> Bool) {
        let reference = reference.usable
        var counts = ConfusionMatrix()
        for patch in reference { counts.add(isTumour: patch.isTumour, isCalledTumour: isCalledTumour(patch.score)) }
        let (tp, fp, fn, tn) = (
            counts.truePositives, counts.falsePositives, counts.falseNegatives, counts.trueNegatives
        )
        var components: [Figure: Component] = [:]
        func add(_ figure: Figure, hits: Double, misses: Double, factor: Double = 1) {
            let relevant = hits + misses
            guard relevant > 0 else { return }
            let share = hits / relevant
            components[figure] = Component(
                deviation: factor * (share * (1 - share)).squareRoot(), share: relevant / counts.total)
        }
        add(.precision, hits: tp, misses: fp)
        add(.recall, hits: tp, misses: fn)
        add(.accuracy, hits: tp + tn, misses: fp + fn)
        add(.f1, hits: tp, misses: fp + fn, factor: (tp + fp + fn) / (tp + (fp + fn) / 2))
        components[.areaUnderROC] = SamplingError.areaComponent(reference)
        self.components = components
    }

    /// Standard error of the figure over this many patches; nil where the reference had none that count for it.
    ///
    /// - Parameter designEffect: variance against that of independent patches, from `designEffect`; 1 is NannyML's.
    public func standardError(of figure: Figure, patches: Int, designEffect: Double = 1) -> Double? {
        guard patches > 0, let component = components[figure] else { return nil }
        return component.deviation * (designEffect / (Double(patches) * component.share)).squareRoot()
    }

    /// From the placements of the rarer class: for each of its patches the share of the other class scored lower.
    private static func areaComponent(_ reference: [LabelledScore]) -> Component? {
        let tumours = reference.count { $0.isTumour }
        let isRarerTumour = 2 * tumours <= reference.count
        let rarer = isRarerTumour ? tumours : reference.count - tumours
        guard rarer > 0, rarer < reference.count else { return nil }
        let other = Double(reference.count - rarer)
        let placements = placementsOfClass(isRarerTumour, reference).map { $0 / other }
        let mean = placements.reduce(0, +) / Double(rarer)
        let variance = placements.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rarer)
        return Component(deviation: variance.squareRoot(), share: Double(rarer) / Double(reference.count))
    }

    /// For each patch of the class, how many of the other score below it, ties half.
    private static func placementsOfClass(_ isTumour: Bool, _ reference: [LabelledScore]) -> [Double] {
        let steps = scoreSteps(reference.map { LabelledScore(score: $0.score, isTumour: $0.isTumour == isTumour) })
        let all = steps.last?.normal ?? 0
        var above = ScoreStep(score: .infinity, tumour: 0, normal: 0)
        return steps.flatMap { step in
            let value = all - step.normal + (step.normal - above.normal) / 2
            let count = Int((step.tumour - above.tumour).rounded())
            above = step
            return [Double](repeating: value, count: count)
        }
    }
}
