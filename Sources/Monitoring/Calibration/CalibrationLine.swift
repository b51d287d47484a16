import Foundation

/// Logistic regression of the label on the logit of the score (Cox 1958): intercept 0 and slope 1 when calibrated;
/// a slope under 1 says the scores are too extreme.
public struct CalibrationLine: Sendable, Equatable {
    public var intercept: Double
    public var slope: Double
    /// Cluster-robust over slides (sandwich with G / (G - 1)), t on G - 1.
    public var interceptInterval: ConfidenceInterval
    public var slopeInterval: ConfidenceInterval
    public var slides: Int
}

/// What a fit of the calibration line comes to.
public enum CalibrationFit: Sendable, Equatable {
    case fitted(CalibrationLine)
    /// One score splits the labels: the slope has no finite maximum-likelihood value.
    case separated
    /// All scores are equal: intercept and slope cannot be told apart.
    case constantScores
    /// Only tumours or only normals.
    case oneClass
    /// Slides with patches: `have` of `need`.
    case notEnoughData(have: Int, need: Int)
    /// The iteration did not settle.
    case notConverged
}

/// How near to 0 and 1 the calibration line lets a score come before it takes the logit.
public let calibrationClip = 1e-12

/// The calibration line by iteratively reweighted least squares, to a relative change under 1e-12.
public func calibrationFit(_ patches: [LabelledScore], level: Double = 0.95) -> CalibrationFit {
    let rows = patches.usable.map(CalibrationRow.init)
    let slides = Set(rows.map(\.slide)).count
    guard slides >= fewestSlides else { return .notEnoughData(have: slides, need: fewestSlides) }
    let tumours = rows.filter { $0.label == 1 }.map(\.x)
    let normals = rows.filter { $0.label == 0 }.map(\.x)
    guard let lowTumour = tumours.min(), let highTumour = tumours.max(), let lowNormal = normals.min(),
        let highNormal = normals.max()
    else { return .oneClass }
    if min(lowTumour, lowNormal) == max(highTumour, highNormal) { return .constantScores }
    if highNormal <= lowTumour || highTumour <= lowNormal { return .separated }
    guard let beta = maximumLikelihood(rows) else { return .notConverged }
    let errors = sandwichErrors(rows, beta, slides: slides)
    let multiplier = StudentDistribution.multiplier(level: level, degreesOfFreedom: Double(slides - 1))
    func interval(_ centre: Double, _ error: Double) -> ConfidenceInterval {
        ConfidenceInterval(lower: centre - multiplier * error, upper: centre + multiplier * error, level: level)
    }
    return .fitted(
        CalibrationLine(
            intercept: beta.x, slope: beta.y, interceptInterval: interval(beta.x, errors.x),
            slopeInterval: interval(beta.y, errors.y), slides: slides))
}

private struct CalibrationRow {
    let x: Double
    let label: Double
    let weight: Double
    let slide: Int

    init(_ patch: LabelledScore) {
        x = logit(min(max(patch.score, calibrationClip), 1 - calibrationClip))
        label = patch.isTumour ? 1 : 0
        weight = patch.weight
        slide = patch.slide
    }

    func probability(_ beta: SIMD2<Double>) -> Double { logistic(beta.x + beta.y * x) }

    func score(_ beta: SIMD2<Double>) -> SIMD2<Double> { weight * (label - probability(beta)) * SIMD2(1, x) }
}

/// Newton's steps, which iteratively reweighted least squares takes; halved while the likelihood falls.
private func maximumLikelihood(_ rows: [CalibrationRow]) -> SIMD2<Double>? {
    var beta = SIMD2(0.0, 0.0)
    var best = logLikelihood(rows, beta)
    for _ in 0..<100 {
        let step = Information(rows, beta).solve(rows.reduce(.zero) { $0 + $1.score(beta) })
        guard step.x.isFinite, step.y.isFinite else { return nil }
        var scale = 1.0
        var likelihood = logLikelihood(rows, beta + step)
        while likelihood < best - 1e-12 * abs(best), scale > 1e-6 {
            scale /= 2
            likelihood = logLikelihood(rows, beta + scale * step)
        }
        beta += scale * step
        best = likelihood
        if abs(step.x) <= 1e-12 * (1 + abs(beta.x)), abs(step.y) <= 1e-12 * (1 + abs(beta.y)) { return beta }
    }
    return nil
}

private func logLikelihood(_ rows: [CalibrationRow], _ beta: SIMD2<Double>) -> Double {
    rows.reduce(0) { sum, row in
        let eta = beta.x + beta.y * row.x
        let signed = row.label == 1 ? eta : -eta
        return sum - row.weight * (max(0, -signed) + log1p(exp(-abs(signed))))
    }
}

/// Standard errors of intercept and slope that allow for alike patches of a slide.
private func sandwichErrors(_ rows: [CalibrationRow], _ beta: SIMD2<Double>, slides: Int) -> SIMD2<Double> {
    var scores: [Int: SIMD2<Double>] = [:]
    for row in rows { scores[row.slide, default: .zero] += row.score(beta) }
    let information = Information(rows, beta)
    let count = Double(slides)
    let squares = scores.sorted { $0.key < $1.key }.reduce(SIMD2<Double>.zero) { sum, slide in
        let z = information.solve(slide.value)
        return sum + z * z
    }
    return (squares * (count / (count - 1))).squareRoot()
}

/// Fisher information of intercept and slope, a symmetric 2 x 2 matrix.
private struct Information {
    private var a = 0.0
    private var b = 0.0
    private var d = 0.0

    init(_ rows: [CalibrationRow], _ beta: SIMD2<Double>) {
        for row in rows {
            let p = row.probability(beta)
            let w = row.weight * p * (1 - p)
            a += w
            b += w * row.x
            d += w * row.x * row.x
        }
    }

    func solve(_ v: SIMD2<Double>) -> SIMD2<Double> {
        SIMD2(d * v.x - b * v.y, a * v.y - b * v.x) / (a * d - b * b)
    }
}
