/// Correction for verification that depends on the call alone (Begg and Greenes 1983).
public struct BeggGreenes: Sendable, Equatable {
    /// Patches that one verified patch called tumour stands for, itself among them.
    public let weightCalledTumour: Double
    public let weightCalledNormal: Double
    /// All patches, those without a label shared out as the labelled ones of the same call.
    public let corrected: ConfusionMatrix
    public let recall: Double
    public let specificity: Double
    /// By the delta method on the logit scale, for independent patches; nil where a verified cell is 0.
    public let recallInterval: ConfidenceInterval?
    public let specificityInterval: ConfidenceInterval?

    /// Nil where patches of one call are all unverified, or where there are no tumours or no normals.
    public init?(
        verified: ConfusionMatrix, unverifiedCalledTumour: Double, unverifiedCalledNormal: Double, level: Double = 0.95
    ) {
        let positive = verified.truePositives + verified.falsePositives
        let negative = verified.falseNegatives + verified.trueNegatives
        guard positive > 0, negative > 0, unverifiedCalledTumour >= 0, unverifiedCalledNormal >= 0 else { return nil }
        let up = (positive + unverifiedCalledTumour) / positive
        let down = (negative + unverifiedCalledNormal) / negative
        (weightCalledTumour, weightCalledNormal) = (up, down)
        corrected = ConfusionMatrix(
            truePositives: verified.truePositives * up, falsePositives: verified.falsePositives * up,
            falseNegatives: verified.falseNegatives * down, trueNegatives: verified.trueNegatives * down)
        guard let recall = corrected.recall, let specificity = corrected.specificity else { return nil }
        self.recall = recall
        self.specificity = specificity
        // The odds of both are those of the call times or over verified shares, so variances of logarithms add.
        let common = 1 / (positive * up) + 1 / (negative * down) - 1 / positive - 1 / negative
        func interval(_ share: Double, _ right: Double, _ wrong: Double) -> ConfidenceInterval? {
            guard right > 0, wrong > 0 else { return nil }
            return .onLogitScale(
                share: share, standardError: (common + 1 / right + 1 / wrong).squareRoot() * share * (1 - share),
                multiplier: NormalDistribution.multiplier(level: level), level: level)
        }
        recallInterval = interval(recall, verified.truePositives, verified.falseNegatives)
        specificityInterval = interval(specificity, verified.trueNegatives, verified.falsePositives)
    }
}
