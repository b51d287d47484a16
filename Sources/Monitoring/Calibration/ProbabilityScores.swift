import Foundation

/// Weighted mean squared difference of score and label (Brier 1950); nil without patches.
public func brierScore(_ patches: [LabelledScore]) -> Double? { weightedMean(patches, squaredLoss) }

/// `brierScore` with its interval by slides, as `clusteredRatio` has it.
public func clusteredBrierScore(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<ClusteredEstimate>? {
    clusteredMean(patches, level, squaredLoss)
}

private func squaredLoss(_ patch: LabelledScore) -> Double {
    let miss = patch.score - (patch.isTumour ? 1 : 0)
    return miss * miss
}

/// How near to 0 and 1 `logLoss` lets a score come: the spacing of doubles at 1, as scikit-learn does.
public let logLossClip = 2.220_446_049_250_313e-16

/// Weighted mean of -log of the probability given to the label, in nats, of scores clipped by `logLossClip`; nil
/// without patches.
public func logLoss(_ patches: [LabelledScore]) -> Double? { weightedMean(patches, logarithmicLoss) }

/// `logLoss` with its interval by slides, as `clusteredRatio` has it.
public func clusteredLogLoss(_ patches: [LabelledScore], level: Double = 0.95) -> Estimate<ClusteredEstimate>? {
    clusteredMean(patches, level, logarithmicLoss)
}

private func logarithmicLoss(_ patch: LabelledScore) -> Double {
    let p = min(max(patch.score, logLossClip), 1 - logLossClip)
    return patch.isTumour ? -log(p) : -log1p(-p)
}

private func clusteredMean(_ patches: [LabelledScore], _ level: Double, _ value: (LabelledScore) -> Double)
    -> Estimate<ClusteredEstimate>?
{
    var slides = BySlide(patches.lazy.map(\.slide), zero: SlideSums(numerator: 0, denominator: 0))
    for patch in patches.usable {
        slides.add(to: patch.slide) {
            $0.numerator += patch.weight * value(patch)
            $0.denominator += patch.weight
        }
    }
    return clusteredRatio(slides.sums, level: level)
}

func weightedMean(_ patches: [LabelledScore], _ value: (LabelledScore) -> Double) -> Double? {
    let used = patches.usable
    let total = used.reduce(0) { $0 + $1.weight }
    guard total > 0 else { return nil }
    return used.reduce(0) { $0 + $1.weight * value($1) } / total
}
