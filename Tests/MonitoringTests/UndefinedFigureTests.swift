import Monitoring
import Testing

@Suite struct `A figure without data` {
    private static let empty: [LabelledScore] = []
    private static let tumoursOnly = (0..<20).map {
        LabelledScore(score: Double($0) / 20, isTumour: true, slide: $0)
    }

    @Test func `of the confusion matrix is nil, never 0`() {
        for figure in ConfusionFigure.allCases { #expect(ConfusionMatrix().value(of: figure) == nil) }
        let normals = ConfusionMatrix(falsePositives: 2, trueNegatives: 3)
        #expect(normals.recall == nil && normals.balancedAccuracy == nil)
        #expect(normals.precision == 0 && normals.f1 == 0)
        #expect(normals.specificity == 0.6)
        #expect(ConfusionMatrix(truePositives: .nan, falseNegatives: 1).recall == nil)
    }

    @Test func `of ranking is nil or says what it has and needs`() {
        for patches in [Self.empty, Self.tumoursOnly] {
            #expect(ROCCurve(patches) == nil)
            #expect(AreaUnderROC.delong(patches) == .notEnoughData(have: 0, need: 2))
            #expect(AreaUnderROC.linearised(patches) == .notEnoughData(have: 0, need: 1))
        }
        #expect(AreaUnderROC.obuchowski([]) == .notEnoughData(have: 0, need: 10))
        #expect(PrecisionRecallCurve(Self.empty) == nil)
        #expect(PrecisionRecallCurve(Self.tumoursOnly)?.averagePrecision == 1)
    }

    @Test func `of calibration is nil or says why`() {
        #expect(brierScore([]) == nil)
        #expect(logLoss([]) == nil)
        #expect(ReliabilityDiagram([], binning: .equalMass, bins: 10) == nil)
        #expect(ReliabilityDiagram(Self.tumoursOnly, binning: .equalWidth, bins: 0) == nil)
        #expect(calibrationFit([]) == .notEnoughData(have: 0, need: 10))
        #expect(calibrationFit(Self.tumoursOnly) == .oneClass)
        func fit(_ score: (Int) -> Double) -> CalibrationFit {
            calibrationFit((0..<20).map { LabelledScore(score: score($0), isTumour: $0 >= 12, slide: $0) })
        }
        #expect(fit { _ in 0.5 } == .constantScores)
        #expect(fit { Double($0) / 20 } == .separated)
        #expect(fit { $0 == 12 ? 11.0 / 20 : Double($0) / 20 } == .separated)
        #expect(fit { 1 - Double($0) / 20 } == .separated)
        guard case .fitted = fit({ $0 == 12 ? 10.5 / 20 : Double($0) / 20 }) else {
            Issue.record("one exchanged pair is no separation")
            return
        }
    }

    @Test func `of patches without scores or weights is that of none`() {
        let unusable = [
            LabelledScore(score: .nan, isTumour: true), LabelledScore(score: 0.5, isTumour: false, weight: 0),
            LabelledScore(score: 0.5, isTumour: true, weight: .infinity),
        ]
        #expect(ROCCurve(unusable) == nil)
        #expect(brierScore(unusable) == nil)
        #expect(brierScore(unusable + [LabelledScore(score: 0.5, isTumour: true)]) == 0.25)
        #expect(kolmogorovSmirnov([.nan], [1]) == .notEnoughData(have: 0, need: 1))
        #expect(kolmogorovSmirnov([.nan, 1], [1, .infinity]) == .value(0.5))
        #expect(wasserstein([.infinity], [1]) == .notEnoughData(have: 0, need: 1))
        #expect(wasserstein([.infinity, 3], [1]) == .value(2))
    }

    @Test func `of under ten slides says how many there are`() {
        func patches(_ slides: Int) -> [AuditedPatch] {
            (0..<60).map {
                AuditedPatch(slide: $0 % max(1, slides), isTumour: $0 % 2 == 0, isCalledTumour: $0 % 3 == 0)
            }
        }
        #expect(clusteredEstimate(of: .recall, patches: []) == .notEnoughData(have: 0, need: 10))
        #expect(clusteredEstimate(of: .recall, patches: patches(9)) == .notEnoughData(have: 9, need: 10))
        #expect(clusteredEstimate(of: .recall, patches: patches(10))?.value?.slides == 10)
        let empty = [SlideSums](repeating: SlideSums(numerator: 0, denominator: 0), count: 10)
        #expect(clusteredRatio(Array(empty.dropLast())) == .notEnoughData(have: 9, need: 10))
        #expect(clusteredRatio(empty) == nil)
    }

    @Test func `of a class that is absent is undefined, and at 0 and 1 it has an interval`() throws {
        func patches(tumour: Bool, call: Bool) -> [AuditedPatch] {
            (0..<40).map { AuditedPatch(slide: $0 % 20, isTumour: tumour, isCalledTumour: call) }
        }
        #expect(clusteredEstimate(of: .recall, patches: patches(tumour: false, call: true)) == nil)
        let all = try #require(clusteredEstimate(of: .recall, patches: patches(tumour: true, call: true))?.value)
        #expect(all.value == 1 && all.interval.upper == 1)
        #expect((0.6...0.9).contains(all.interval.lower))
        #expect(all.standardError == 0)
        let none = try #require(clusteredEstimate(of: .recall, patches: patches(tumour: true, call: false))?.value)
        #expect(none.value == 0 && none.interval.lower == 0)
        #expect((0.1...0.4).contains(none.interval.upper))
    }

    @Test func `of drift says what it has and needs`() {
        let none = FixedHistogram(edges: [0, 1])
        let one = FixedHistogram(edges: [0, 1], [0.5])
        #expect(none.populationStabilityIndex(to: one) == .notEnoughData(have: 0, need: 1))
        #expect(one.kolmogorovSmirnov(to: none) == .notEnoughData(have: 0, need: 1))
        #expect(one.wasserstein(to: one) == .value(0))
        #expect(kolmogorovSmirnov([], [1]) == .notEnoughData(have: 0, need: 1))
        #expect(maximumMeanDiscrepancy([[1]], [[1], [2]]) == .notEnoughData(have: 1, need: 2))
        #expect(maximumMeanDiscrepancy([[1, 2], [3, 4]], [[1], [2]]) == nil)
        #expect(maximumMeanDiscrepancy([[.nan], [3]], [[1], [2]]) == nil)
        #expect(maximumMeanDiscrepancy([[1], [1]], [[1], [1]])?.value?.squared == 0)
    }

    @Test func `of performance without labels is nil`() {
        #expect(EstimatedPerformance([]) == nil)
        #expect(EstimatedPerformance([CalibratedPatch(probability: 1.2, score: 1, isCalledTumour: true)]) == nil)
        let certain = EstimatedPerformance([CalibratedPatch(probability: 1, score: 0.9, isCalledTumour: false)])
        #expect(certain?.matrix.recall == 0)
        #expect(certain?.matrix.precision == nil)
        #expect(certain?.areaUnderROC == nil)
        let error = SamplingError(reference: []) { $0 > 0.5 }
        for figure in SamplingError.Figure.allCases { #expect(error.standardError(of: figure, patches: 9) == nil) }
    }

    @Test func `of a distribution is nil outside its range`() {
        #expect(NormalDistribution.quantile(-0.1) == nil && NormalDistribution.quantile(.nan) == nil)
        #expect(NormalDistribution.quantile(0) == -.infinity)
        #expect(StudentDistribution.quantile(0.5, degreesOfFreedom: 0) == nil)
        #expect(StudentDistribution.quantile(0.5, degreesOfFreedom: 3) == 0)
        #expect(StudentDistribution.cdf(.nan, degreesOfFreedom: 3) == nil)
        #expect(regularizedIncompleteBeta(1.1, 1, 1) == nil && regularizedIncompleteBeta(0.5, 0, 1) == nil)
        #expect(regularizedIncompleteBeta(0, 2, 3) == 0 && regularizedIncompleteBeta(1, 2, 3) == 1)
        #expect(wilsonInterval(successes: 0, trials: 0) == nil)
        #expect(wilsonInterval(successes: 3, trials: 2) == nil)
    }
}

@Suite struct `A fixed histogram` {
    private static let halves = [0, 0.5, 1]

    @Test func `counts what lies on and outside its edges`() {
        let histogram = FixedHistogram(
            edges: Self.halves, [-1, 0, 0.25, 0.5, 1, 1.5, -.infinity, .infinity, .nan])
        #expect(histogram.allCounts == [2, 2, 2, 2])
        #expect(histogram.notANumber == 1)
        #expect(histogram.total == 8)
        #expect(FixedHistogram(edges: Self.halves, allCounts: [2, 2, 2, 2]).allCounts == histogram.allCounts)
    }

    @Test func `merges to the histogram of all values`() {
        let (a, b) = ([0.1, 0.7, 3], [0.2, -4, .nan])
        #expect(
            FixedHistogram(edges: Self.halves, a) + FixedHistogram(edges: Self.halves, b)
                == FixedHistogram(edges: Self.halves, a + b))
    }
}

@Suite struct `Maximum mean discrepancy` {
    private static func cloud(_ count: Int, shift: Float, _ random: inout SplitMix64) -> [[Float]] {
        (0..<count).map { _ in (0..<8).map { _ in Float(random.uniform()) + shift } }
    }

    @Test func `is about zero for one distribution and far from it for two`() throws {
        var random = SplitMix64(seed: 2)
        let a = Self.cloud(120, shift: 0, &random)
        let same = try #require(maximumMeanDiscrepancy(a, Self.cloud(120, shift: 0, &random))?.value)
        let other = try #require(maximumMeanDiscrepancy(a, Self.cloud(120, shift: 0.3, &random))?.value)
        #expect(abs(same.squared) < 0.01)
        #expect(other.squared > 0.05)
    }

    @Test func `looks at no more vectors than allowed, the same ones for a seed`() throws {
        var random = SplitMix64(seed: 2)
        let (a, b) = (Self.cloud(90, shift: 0, &random), Self.cloud(90, shift: 0.2, &random))
        let first = maximumMeanDiscrepancy(a, b, most: 40, seed: 1)
        #expect(first == maximumMeanDiscrepancy(a, b, most: 40, seed: 1))
        #expect(first != maximumMeanDiscrepancy(a, b, most: 40, seed: 2))
        #expect(first != maximumMeanDiscrepancy(a, b))
    }
}

@Suite struct `The generator` {
    @Test func `gives the published numbers of SplitMix64`() {
        var random = SplitMix64(seed: 1_234_567)
        let published: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect(published.allSatisfy { $0 == random.next() })
    }
}
