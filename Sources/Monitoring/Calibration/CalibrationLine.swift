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
    var sizes = BySlide(rows.lazy.map(\.slide), zero: 0)
    for row in rows { sizes.add(to: row.slide) { $0 += 1 } }
    let slides = sizes.sums.count
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

    func score(_ beta: SIMD2<Double>) -> SIMD2<Double> {
        weight * (label - logistic(beta.x + beta.y * x)) * SIMD2(1, x)
    }
}

/// Newton's steps, which iteratively reweighted least squares takes; halved while the likelihood falls.
private func maximumLikelihood(_ rows: [CalibrationRow]) -> SIMD2<Double>? {
    var beta = SIMD2(0.0, 0.0)
    var here = Likelihood(rows, beta)
    for _ in 0..<100 {
        let step = here.newtonStep
        guard step.x.isFinite, step.y.isFinite else { return nil }
        var scale = 1.0
        var there = Likelihood(rows, beta + step)
        while there.logarithm < here.logarithm - 1e-12 * abs(here.logarithm), scale > 1e-6 {
            scale /= 2
            there = Likelihood(rows, beta + scale * step)
        }
        beta += scale * step
        here = there
        if abs(step.x) <= 1e-12 * (1 + abs(beta.x)), abs(step.y) <= 1e-12 * (1 + abs(beta.y)) { return beta }
    }
    return nil
}

/// Standard errors of intercept and slope that allow for alike patches of a slide.
private func sandwichErrors(_ rows: [CalibrationRow], _ beta: SIMD2<Double>, slides: Int) -> SIMD2<Double> {
    var scores = BySlide(rows.lazy.map(\.slide), zero: SIMD2<Double>.zero)
    for row in rows { scores.add(to: row.slide) { $0 += row.score(beta) } }
    let likelihood = Likelihood(rows, beta)
    let count = Double(slides)
    let squares = scores.sums.reduce(SIMD2<Double>.zero) { sum, score in
        let z = likelihood.solve(score)
        return sum + z * z
    }
    return (squares * (count / (count - 1))).squareRoot()
}

/// The weighted likelihood of intercept and slope, with its derivatives.
private struct Likelihood {
    private(set) var logarithm = 0.0
    private var gradient = SIMD2<Double>.zero
    // Fisher's information, a symmetric 2 x 2 matrix.
    private var a = 0.0
    private var b = 0.0
    private var d = 0.0

    init(_ rows: [CalibrationRow], _ beta: SIMD2<Double>) {
        for row in rows {
            let eta = beta.x + beta.y * row.x
            // Of the likelier label, without overflow on either side.
            let e = exp(-abs(eta))
            let likelier = 1 / (1 + e)
            let probability = eta < 0 ? e * likelier : likelier
            let isLikelier = (row.label == 1) == (eta >= 0)
            logarithm -= row.weight * ((isLikelier ? 0 : abs(eta)) + log1p(e))
            let residual = row.weight * (row.label - probability)
            gradient += residual * SIMD2(1, row.x)
            let w = row.weight * e * likelier * likelier
            a += w
            b += w * row.x
            d += w * row.x * row.x
        }
    }

    var newtonStep: SIMD2<Double> { solve(gradient) }

    /// The vector times the inverse of the information.
    func solve(_ v: SIMD2<Double>) -> SIMD2<Double> {
        SIMD2(d * v.x - b * v.y, a * v.y - b * v.x) / (a * d - b * b)
    }
}
