/// A patch whose label the audit knows.
public struct AuditedPatch: Sendable, Equatable {
    /// Cluster: patches of one slide are alike.
    public var slide: Int
    /// Selection stratum; patches of one stratum and call stand for the same kind of unseen patch.
    public var stratum: Int
    public var isTumour: Bool
    public var isCalledTumour: Bool
    /// Patches it stands for, from `verificationWeight`.
    public var weight: Double

    public init(slide: Int, stratum: Int = 0, isTumour: Bool, isCalledTumour: Bool, weight: Double = 1) {
        self.slide = slide
        self.stratum = stratum
        self.isTumour = isTumour
        self.isCalledTumour = isCalledTumour
        self.weight = weight
    }
}

/// A figure of a confusion matrix with an interval that allows for patches clustered in slides and for weights.
public struct ClusteredEstimate: Sendable, Equatable {
    /// Ratio of the weighted sums (Hájek).
    public var value: Double
    /// By linearisation over slides.
    public var standardError: Double
    public var interval: ConfidenceInterval
    /// Clusters with an audited patch.
    public var slides: Int
    /// Of the t multiplier: at most slides - 1, fewer where a few slides carry most of the variance.
    public var degreesOfFreedom: Double
}

/// Slides below which no clustered interval is given.
public let fewestSlides = 10

/// The figure over audited patches, those without a positive finite weight left out; `have` and `need` count slides with
/// an audited patch.
///
/// The variance is that of the linearised figure over slides, G / (G - 1) sum (z_g - mean)^2 with z_g the gradient
/// times the slide's weighted cells (Binder 1983). The interval is symmetric on the logit scale (Korn and Graubard
/// 1998 compare the scales near 0 and 1). Two things keep its coverage where few heavy patches decide, for example
/// missed tumours audited at one in twenty:
/// - each stratum and call adds an unseen patch of either label with 0.9 of the stratum's mean weight, as Agresti and
///   Coull (1998) add successes and failures, each its own cluster; a call no audited patch has adds them with the mean
///   weight of all. They move the interval, not the value. 0.9 is from simulated laboratories of 40-200 slides: 0.75
///   and 1 leave 93.5-96.5 % in some of them.
/// - the degrees of freedom are Satterthwaite's, 2 v^2 / Var(v) with v = sum z^2 and Var(v) = 2/3 sum z^4 as for normal
///   z, between 2 and G - 1; they are about G - 1 when slides are alike.
public func clusteredEstimate(
    of figure: ConfusionFigure, patches: [AuditedPatch], level: Double = 0.95
) -> Estimate<ClusteredEstimate> {
    SlideTotals(patches).estimate(of: figure, level: level)
}

/// Weighted cells a slide, and one unseen patch for each stratum, call and label: made once, asked for many figures.
public struct SlideTotals: Sendable {
    private let slides: [SIMD4<Double>]
    private let unseen: [SIMD4<Double>]
    public let matrix: ConfusionMatrix

    public init(_ patches: [AuditedPatch]) {
        var slides: [Int: ConfusionMatrix] = [:]
        var strata: [StratumCall: (weight: Double, patches: Double)] = [:]
        for patch in patches where patch.weight > 0 && patch.weight.isFinite {
            slides[patch.slide, default: ConfusionMatrix()].add(
                isTumour: patch.isTumour, isCalledTumour: patch.isCalledTumour, weight: patch.weight)
            let key = StratumCall(stratum: patch.stratum, isCalledTumour: patch.isCalledTumour)
            let sum = strata[key, default: (0, 0)]
            strata[key] = (sum.weight + patch.weight, sum.patches + 1)
        }
        self.slides = slides.sorted { $0.key < $1.key }.map(\.value.cells)
        let all = strata.values.reduce((weight: 0.0, patches: 0.0)) { ($0.weight + $1.weight, $0.patches + $1.patches) }
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
    public func estimate(of figure: ConfusionFigure, level: Double = 0.95) -> Estimate<ClusteredEstimate> {
        guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
        guard let value = matrix.value(of: figure), let plain = linearised(figure, at: matrix.cells) else {
            return .undefined
        }
        let widened = matrix.cells + unseen.reduce(.zero, +)
        guard let centre = ConfusionMatrix(cells: widened).value(of: figure),
            let z = linearised(figure, at: widened), let extra = linearised(figure, at: widened, of: unseen)
        else { return .undefined }
        let error = (variance(z) + extra.map { $0 * $0 }.reduce(0, +)).squareRoot()
        let freedom = degreesOfFreedom(z + extra)
        let multiplier = StudentDistribution.multiplier(level: level, degreesOfFreedom: freedom)
        guard
            var interval = ConfidenceInterval.onLogitScale(
                share: centre, standardError: error, multiplier: multiplier, level: level)
        else { return .undefined }
        interval.lower = min(interval.lower, value)
        interval.upper = max(interval.upper, value)
        return .value(
            ClusteredEstimate(
                value: value, standardError: variance(plain).squareRoot(), interval: interval, slides: slides.count,
                degreesOfFreedom: freedom))
    }

    /// Each cluster's share in the figure's deviation.
    private func linearised(
        _ figure: ConfusionFigure, at cells: SIMD4<Double>, of clusters: [SIMD4<Double>]? = nil
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

/// Variance of a sum over independent clusters: G / (G - 1) times the squared deviations.
func variance(_ z: [Double]) -> Double {
    let count = Double(z.count)
    let mean = z.reduce(0, +) / count
    return count / (count - 1) * z.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
}

private struct StratumCall: Hashable, Comparable {
    let stratum: Int
    let isCalledTumour: Bool

    static func < (a: StratumCall, b: StratumCall) -> Bool {
        (a.stratum, a.isCalledTumour ? 1 : 0) < (b.stratum, b.isCalledTumour ? 1 : 0)
    }
}
