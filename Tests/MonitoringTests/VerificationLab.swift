import Monitoring

/// A laboratory whose truth is known: slides that differ in prevalence and in scores, with the audit looking at every
/// uncertain patch, at half of the certain tumours and at one in twenty of the certain normals.
struct VerificationLab {
    let slides: Int
    let patchesPerSlide: Int

    /// Expected shares of the cells over all slides that could have come. Recall and specificity are
    /// Phi(2.2 / sqrt(1.5^2 + 0.5^2)); the prevalence is the mean of logistic(-1.6 + z) over normal z.
    static let truth: ConfusionMatrix = {
        let right = NormalDistribution.cdf(2.2 / 2.5.squareRoot())
        let grid = stride(from: -8.0, through: 8, by: 0.01)
        let prevalence = grid.reduce(0) { $0 + 0.01 * NormalDistribution.density($1) * logistic(-1.6 + $1) }
        return ConfusionMatrix(
            truePositives: prevalence * right, falsePositives: (1 - prevalence) * (1 - right),
            falseNegatives: prevalence * (1 - right), trueNegatives: (1 - prevalence) * right)
    }()

    /// Selection probabilities of the four bands of the logit score.
    private static let selection = [0.05, 1, 1, 0.5]
    private static let edges = [logit(0.3), 0, logit(0.7)]

    func audit(seed: UInt64) -> [AuditedPatch] {
        var random = SplitMix64(seed: seed)
        var audited: [AuditedPatch] = []
        for slide in 0..<slides {
            let prevalence = logistic(-1.6 + normal(&random))
            let shift = 0.5 * normal(&random)
            let limits = [2.2, -2.2].map { mean in
                VerificationLab.edges.map { NormalDistribution.cdf(($0 - mean - shift) / 1.5) }
            }
            for _ in 0..<patchesPerSlide / 2 + random.index(below: patchesPerSlide) {
                let isTumour = random.uniform() < prevalence
                let u = random.uniform()
                let band = limits[isTumour ? 0 : 1].prefix { u >= $0 }.count
                let probability = VerificationLab.selection[band]
                guard random.uniform() < probability else { continue }
                audited.append(
                    AuditedPatch(
                        slide: slide, stratum: band, isTumour: isTumour, isCalledTumour: band >= 2,
                        weight: 1 / probability))
            }
        }
        return audited
    }

    private func normal(_ random: inout SplitMix64) -> Double {
        NormalDistribution.quantile(random.uniform() + 0x1p-54) ?? 0
    }
}
