import Monitoring
import Testing

@Suite struct `By simulation or by hand` {
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

    @Test func `tied scores of the reference count half in the sampling error`() throws {
        let scores = [(0.5, true), (0.8, true), (0.5, false), (0.2, false), (0.1, false)]
        let reference = scores.map { LabelledScore(score: $0.0, isTumour: $0.1) }
        let error = SamplingError(reference: reference) { $0 > 0.6 }
        // The tumours lie above 5/6 and all of the normals: deviation 1/12, over 2/5 of the patches.
        let expected = 1 / 12.0 / (50 * 0.4).squareRoot()
        let found = try #require(error.standardError(of: .areaUnderROC, patches: 50))
        #expect(abs(found - expected) < 1e-12)
        let doubled = try #require(error.standardError(of: .areaUnderROC, patches: 50, designEffect: 4))
        #expect(abs(doubled - 2 * expected) < 1e-12)
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
