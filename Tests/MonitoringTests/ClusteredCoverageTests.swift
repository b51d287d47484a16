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

    @Test func `the intervals of average precision and of the losses cover`() throws {
        func ranked(_ seed: Int) -> [LabelledScore] {
            var slides = ShiftedSlides(seed: seed)
            return slides.ranked(slides: 60)
        }
        func calibrated(_ seed: Int) -> [LabelledScore] {
            var slides = ShiftedSlides(seed: seed)
            return slides.calibrated(slides: 60)
        }
        let (ranks, scores) = ((1_000..<1_400).map(ranked), (1_000..<1_400).map(calibrated))
        let precision = try #require(PrecisionRecallCurve(ranks.flatMap { $0 })?.averagePrecision)
        let brier = try #require(brierScore(scores.flatMap { $0 }))
        let loss = try #require(logLoss(scores.flatMap { $0 }))
        var covered = (precision: 0, brier: 0, loss: 0)
        for seed in 0..<300 {
            let found = try #require(AveragePrecision.linearised(ranked(seed))?.value)
            covered.precision += try #require(found.interval).contains(precision) ? 1 : 0
            let patches = calibrated(seed)
            covered.brier += try #require(clusteredBrierScore(patches)?.value).interval.contains(brier) ? 1 : 0
            covered.loss += try #require(clusteredLogLoss(patches)?.value).interval.contains(loss) ? 1 : 0
        }
        print("average precision and losses covered of 300: \(covered)")
        #expect(accepted.contains(covered.precision))
        #expect(accepted.contains(covered.brier))
        #expect(accepted.contains(covered.loss))
    }

    @Test func `the error of average precision is what leaving slides out gives`() throws {
        var slides = ShiftedSlides(seed: 7)
        let patches = slides.ranked(slides: 200)
        let found = try #require(AveragePrecision.linearised(patches)?.value)
        let without = try (0..<200).map { slide in
            try #require(PrecisionRecallCurve(patches.filter { $0.slide != slide })?.averagePrecision)
        }
        let mean = without.reduce(0, +) / 200
        let jackknife = (199.0 / 200 * without.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }).squareRoot()
        #expect(abs(found.standardError / jackknife - 1) < 0.03, "\(found.standardError), \(jackknife)")
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

    @Test func `the interval of the calibration error covers`() throws {
        func diagram(_ patches: [LabelledScore]) throws -> ReliabilityDiagram {
            try #require(ReliabilityDiagram(patches, binning: .equalMass, bins: 10))
        }
        let truth = try diagram(
            (1_000..<1_400).flatMap { seed in
                var slides = ShiftedSlides(seed: seed)
                return slides.calibrated(slides: 60)
            }
        ).expectedCalibrationError
        var (covered, coveredDebiased) = (0, 0)
        for seed in 0..<300 {
            var slides = ShiftedSlides(seed: seed)
            let diagram = try diagram(slides.calibrated(slides: 60))
            let error = try #require(diagram.clusteredCalibrationError()?.value)
            #expect(abs(error.value - diagram.expectedCalibrationError) < 1e-12)
            covered += error.interval.contains(truth) ? 1 : 0
            let shift = try #require(diagram.debiasedCalibrationError) - error.value
            coveredDebiased += (error.interval.lower...error.interval.upper).contains(truth - shift) ? 1 : 0
        }
        print("calibration error \(truth) covered of 300: \(covered), debiased \(coveredDebiased)")
        #expect(accepted.contains(coveredDebiased))
    }

    /// Far apart and negative ones are kept in another way than those from 0 on.
    @Test func `what slides are numbered does not matter`() throws {
        func figures(_ number: (Int) -> Int) throws -> [Double] {
            var slides = ShiftedSlides(seed: 3)
            let scores = slides.calibrated(slides: 40).map { patch in
                LabelledScore(
                    score: patch.score, isTumour: patch.isTumour, weight: patch.weight, slide: number(patch.slide))
            }
            let audited = scores.map {
                AuditedPatch(slide: $0.slide, isTumour: $0.isTumour, isCalledTumour: $0.score > 0.5)
            }
            guard case .fitted(let line) = calibrationFit(scores) else { return [] }
            return [
                try #require(AreaUnderROC.obuchowski(scores).value).standardError,
                try #require(AreaUnderROC.linearised(scores).value).standardError,
                try #require(AveragePrecision.linearised(scores)?.value).standardError,
                try #require(clusteredBrierScore(scores)?.value).standardError,
                try #require(clusteredEstimate(of: .recall, patches: audited)?.value).standardError,
                line.slopeInterval.upper,
            ]
        }
        let expected = try figures { $0 }
        #expect(expected.count == 6)
        for number in [{ $0 << 40 }, { -1 - $0 }, { $0 % 2 == 0 ? $0 : -$0 << 30 }] as [(Int) -> Int] {
            for (found, expected) in zip(try figures(number), expected) { #expect(abs(found / expected - 1) < 1e-9) }
            #expect(try figures(number).count == expected.count)
        }
    }

    @Test func `a few heavy slides leave few degrees of freedom and a wider interval`() throws {
        var patches: [AuditedPatch] = []
        for slide in 0..<40 {
            for patch in 0..<10 {
                let isCalled = patch < (slide % 2 == 0 ? 7 : 9)
                patches.append(AuditedPatch(slide: slide, isTumour: true, isCalledTumour: isCalled))
            }
        }
        let alike = try #require(clusteredEstimate(of: .recall, patches: patches)?.value)
        #expect(alike.degreesOfFreedom == 39)
        patches.append(AuditedPatch(slide: 3, stratum: 1, isTumour: true, isCalledTumour: false, weight: 50))
        let heavy = try #require(clusteredEstimate(of: .recall, patches: patches)?.value)
        #expect((2...8).contains(heavy.degreesOfFreedom))
        #expect(heavy.slides == 40)
        #expect(heavy.interval.upper - heavy.interval.lower > 4 * (alike.interval.upper - alike.interval.lower))
    }
}
