import Monitoring
import Testing

/// Slides whose level shifts all their scores, with the truth known.
private struct ShiftedSlides {
    var random: SplitMix64

    init(seed: Int) { random = SplitMix64(seed: UInt64(seed)) }

    mutating func normal() -> Double { NormalDistribution.quantile(random.uniform() + 0x1p-54) ?? 0 }

    /// Tumours one unit above normals, slides 0.8 apart, those of even number with few tumours and the others with many;
    /// weights of 1 or 5 that do not depend on the score.
    mutating func ranked(slides: Int) -> [LabelledScore] {
        (0..<slides).flatMap { slide in
            let shift = 0.8 * normal()
            return (0..<12).map { _ in
                let isTumour = random.uniform() < (slide % 2 == 0 ? 0.1 : 0.7)
                return LabelledScore(
                    score: (isTumour ? 1 : 0) + shift + normal(), isTumour: isTumour,
                    weight: random.uniform() < 0.5 ? 1 : 5, slide: slide)
            }
        }
    }

    /// Labels drawn with logit 0.5 + 0.7 logit(score), half the slides made of one score alone.
    mutating func calibrated(slides: Int) -> [LabelledScore] {
        (0..<slides).flatMap { slide in
            let level = normal()
            return (0..<12).map { _ in
                let x = slide % 2 == 0 ? level : normal()
                return LabelledScore(
                    score: logistic(x), isTumour: random.uniform() < logistic(0.5 + 0.7 * x), slide: slide)
            }
        }
    }
}

/// 300 repeats: 95 % less and more three binomial standard errors of 1.26 %.
private let accepted = 274...296

@Suite struct `Over clustered patches` {
    /// Phi(1 / sqrt(2 (1 + 0.8^2))): of two patches of different slides.
    private static let area = NormalDistribution.cdf(1 / 3.28.squareRoot())

    @Test func `the intervals of the area under the curve cover, and DeLong's does not`() throws {
        var (obuchowski, linearised, delong) = (0, 0, 0)
        for seed in 0..<300 {
            var slides = ShiftedSlides(seed: seed)
            let patches = slides.ranked(slides: 60)
            let truth = Self.area
            obuchowski += try #require(AreaUnderROC.obuchowski(patches).value?.interval).contains(truth) ? 1 : 0
            linearised += try #require(AreaUnderROC.linearised(patches).value?.interval).contains(truth) ? 1 : 0
            delong += try #require(AreaUnderROC.delong(patches).value?.interval).contains(truth) ? 1 : 0
        }
        print("area under the curve covered of 300: Obuchowski \(obuchowski) linearised \(linearised) DeLong \(delong)")
        #expect(accepted.contains(obuchowski))
        #expect(accepted.contains(linearised))
        #expect(delong < 250)
    }

    @Test func `the intervals of the calibration line cover`() throws {
        var (intercept, slope) = (0, 0)
        for seed in 0..<300 {
            var slides = ShiftedSlides(seed: seed)
            guard case .fitted(let line) = calibrationFit(slides.calibrated(slides: 60)) else {
                Issue.record("no fit")
                continue
            }
            intercept += line.interceptInterval.contains(0.5) ? 1 : 0
            slope += line.slopeInterval.contains(0.7) ? 1 : 0
        }
        print("calibration line covered of 300: intercept \(intercept) slope \(slope)")
        #expect(accepted.contains(intercept))
        #expect(accepted.contains(slope))
    }

    @Test func `the debiased calibration errors of calibrated scores are nearer to zero`() throws {
        var (plain, debiased, squared) = (0.0, 0.0, 0.0)
        for seed in 0..<100 {
            var random = SplitMix64(seed: UInt64(seed))
            let patches = (0..<300).map { _ in
                let score = random.uniform()
                return LabelledScore(score: score, isTumour: random.uniform() < score)
            }
            let diagram = try #require(ReliabilityDiagram(patches, binning: .equalMass, bins: 10))
            plain += diagram.expectedCalibrationError / 100
            debiased += try #require(diagram.debiasedCalibrationError) / 100
            squared += try #require(diagram.debiasedSquaredCalibrationError) / 100
        }
        #expect(plain > 0.05)
        #expect(debiased < 0.7 * plain)
        #expect(abs(squared) < 0.0015)
    }

    @Test func `labels come with the probability the estimate without them expects`() throws {
        var random = SplitMix64(seed: 8)
        var labelled = ConfusionMatrix()
        var patches: [CalibratedPatch] = []
        for _ in 0..<20_000 {
            let p = random.uniform()
            patches.append(CalibratedPatch(probability: p, score: p, isCalledTumour: p >= 0.4))
            labelled.add(isTumour: random.uniform() < p, isCalledTumour: p >= 0.4)
        }
        let estimate = try #require(EstimatedPerformance(patches))
        for figure in [ConfusionFigure.precision, .recall, .f1, .accuracy, .specificity] {
            let expected = try #require(estimate.matrix.value(of: figure))
            let found = try #require(labelled.value(of: figure))
            #expect(abs(expected - found) < 0.015, "\(figure)")
        }
    }

    @Test func `a cumulative distribution and its quantile undo each other`() throws {
        for df in [1, 2.5, 9, 200] {
            for p in [1e-9, 0.01, 0.3, 0.5, 0.8, 0.999] {
                let t = try #require(StudentDistribution.quantile(p, degreesOfFreedom: df))
                let back = try #require(StudentDistribution.cdf(t, degreesOfFreedom: df))
                #expect(abs(back / p - 1) < 1e-12)
            }
        }
        #expect(StudentDistribution.cdf(.infinity, degreesOfFreedom: 3) == 1)
        #expect(StudentDistribution.quantile(1e-300, degreesOfFreedom: 1) == nil)
        #expect(LabelDelay([LabelWait(age: .nan, isLabelled: true)]).steps.isEmpty)
    }
}
