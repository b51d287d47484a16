/// Weighted cells a slide, and one unseen patch for each stratum, call and label: made once, asked for many figures.
public struct SlideTotals: Sendable {
    private let slides: [SIMD4<Double>]
    private let unseen: [SIMD4<Double>]
    public let matrix: ConfusionMatrix

    public init(_ patches: [AuditedPatch]) {
        var slides = BySlide(patches.lazy.map(\.slide), zero: ConfusionMatrix())
        var strata: [StratumCall: (weight: Double, patches: Double)] = [:]
        for patch in patches where patch.weight > 0 && patch.weight.isFinite {
            slides.add(to: patch.slide) {
                $0.add(isTumour: patch.isTumour, isCalledTumour: patch.isCalledTumour, weight: patch.weight)
            }
            let key = StratumCall(stratum: patch.stratum, isCalledTumour: patch.isCalledTumour)
            let sum = strata[key, default: (0, 0)]
            strata[key] = (sum.weight + patch.weight, sum.patches + 1)
        }
        self.slides = slides.sums.map(\.cells)
        let all = strata.sorted { $0.key < $1.key }.map(\.value).reduce((weight: 0.0, patches: 0.0)) {
            ($0.weight + $1.weight, $0.patches + $1.patches)
        }
        for call in [true, false] where all.patches > 0 && !strata.keys.contains(where: { $0.isCalledTumour == call }) {
            strata[StratumCall(stratum: .min, isCalledTumour: call)] = all
        }
        unseen = strata.sorted { $0.key < $1.key }.flatMap { key, sum in
            [true, false].map { isTumour in
                var one = ConfusionMatrix()
                one.add(
                    isTumour: isTumour, isCalledTumour: key.isCalledTumour,
                    weight: unseenShare * sum.weight / sum.patches)
                return one.cells
            }
        }
        matrix = ConfusionMatrix(cells: self.slides.reduce(.zero, +))
    }

    /// As `clusteredEstimate(of:patches:level:)`.
    public func estimate(of figure: ConfusionFigure, level: Double = 0.95) -> Estimate<ClusteredEstimate>? {
        estimate(figure.ratios, level)
    }

    /// A cell's share of all patches, as a figure's estimate.
    public func estimate(ofShare cell: ConfusionCell, level: Double = 0.95) -> Estimate<ClusteredEstimate>? {
        estimate([cell.share], level)
    }

    private func estimate(_ figure: [CellRatio], _ level: Double) -> Estimate<ClusteredEstimate>? {
        guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
        guard let value = figure.value(at: matrix.cells), let plain = linearised(figure, at: matrix.cells) else {
            return nil
        }
        let widened = matrix.cells + unseen.reduce(.zero, +)
        guard let centre = figure.value(at: widened), let z = linearised(figure, at: widened),
            let extra = linearised(figure, at: widened, of: unseen)
        else { return nil }
        let error = (variance(z) + extra.map { $0 * $0 }.reduce(0, +)).squareRoot()
        let freedom = degreesOfFreedom(z + extra)
        let multiplier = StudentDistribution.multiplier(level: level, degreesOfFreedom: freedom)
        guard
            var interval = ConfidenceInterval.onLogitScale(
                share: centre, standardError: error, multiplier: multiplier, level: level)
        else { return nil }
        interval.lower = min(interval.lower, value)
        interval.upper = max(interval.upper, value)
        return .value(
            ClusteredEstimate(
                value: value, standardError: variance(plain).squareRoot(), interval: interval, slides: slides.count,
                degreesOfFreedom: freedom))
    }

    /// Each cluster's share in the figure's deviation.
    private func linearised(
        _ figure: [CellRatio], at cells: SIMD4<Double>, of clusters: [SIMD4<Double>]? = nil
    ) -> [Double]? {
        figure.gradient(at: cells).map { gradient in (clusters ?? slides).map { (gradient * $0).sum() } }
    }

    private func degreesOfFreedom(_ z: [Double]) -> Double {
        let second = z.map { $0 * $0 }.reduce(0, +)
        let fourth = z.map { $0 * $0 * $0 * $0 }.reduce(0, +)
        let most = Double(slides.count - 1)
        return fourth > 0 ? min(most, max(2, 3 * second * second / fourth)) : most
    }
}

/// Weight of an unseen patch against the mean of its stratum.
private let unseenShare = 0.9

private struct StratumCall: Hashable, Comparable {
    let stratum: Int
    let isCalledTumour: Bool

    static func < (a: StratumCall, b: StratumCall) -> Bool {
        (a.stratum, a.isCalledTumour ? 1 : 0) < (b.stratum, b.isCalledTumour ? 1 : 0)
    }
}
