/// A figure with an interval that allows for patches clustered in slides and for weights.
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
/// an audited patch. Nil where the figure's denominator is 0.
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
) -> Estimate<ClusteredEstimate>? {
    SlideTotals(patches).estimate(of: figure, level: level)
}

/// A slide's share in the two sums of a ratio: for a mean score the sum of weight times score, and the weights.
public struct SlideSums: Sendable, Equatable {
    public var numerator: Double
    public var denominator: Double

    public init(numerator: Double, denominator: Double) {
        self.numerator = numerator
        self.denominator = denominator
    }
}

/// Any ratio of sums over slides, for example a weighted mean score: linearised over slides, symmetric, t on the slides
/// less one. For shares, which lie between 0 and 1, `clusteredEstimate` covers better. `have` and `need` count slides.
/// Nil where the denominators sum to 0.
public func clusteredRatio(_ slides: [SlideSums], level: Double = 0.95) -> Estimate<ClusteredEstimate>? {
    guard slides.count >= fewestSlides else { return .notEnoughData(have: slides.count, need: fewestSlides) }
    let below = slides.reduce(0) { $0 + $1.denominator }
    let value = slides.reduce(0) { $0 + $1.numerator } / below
    guard below > 0, value.isFinite else { return nil }
    let error = variance(slides.map { ($0.numerator - value * $0.denominator) / below }).squareRoot()
    let freedom = Double(slides.count - 1)
    let half = StudentDistribution.multiplier(level: level, degreesOfFreedom: freedom) * error
    return .value(
        ClusteredEstimate(
            value: value, standardError: error,
            interval: ConfidenceInterval(lower: value - half, upper: value + half, level: level),
            slides: slides.count, degreesOfFreedom: freedom))
}

/// Variance of a sum over independent clusters: G / (G - 1) times the squared deviations.
func variance(_ z: [Double]) -> Double {
    let count = Double(z.count)
    let mean = z.reduce(0, +) / count
    return count / (count - 1) * z.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
}
