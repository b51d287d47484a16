import Monitoring
import Testing

@Suite struct `Against SciPy, scikit-learn, statsmodels and NannyML` {
    @Test func `the data sets are the ones the answers are of`() throws {
        let sets = try OracleAnswers.sets()
        #expect(sets.count >= 50)
        for (seed, patches, answers) in sets {
            #expect(patches.count == answers.count, "set \(seed)")
            #expect(agrees(patches.reduce(0) { $0 + $1.score * $1.weight }, answers.sum, 1e-12), "set \(seed)")
        }
    }

    @Test func `figures of the confusion matrix agree, plain and weighted`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() {
            var (plain, weighted) = (ConfusionMatrix(), ConfusionMatrix())
            for patch in patches {
                let call = patch.score >= 0.5
                plain.add(isTumour: patch.isTumour, isCalledTumour: call)
                weighted.add(isTumour: patch.isTumour, isCalledTumour: call, weight: patch.weight)
            }
            for figure in ConfusionFigure.allCases {
                #expect(
                    agrees(plain.value(of: figure), answers.plain[figure.rawValue] ?? nil), "set \(seed) \(figure)")
                #expect(
                    agrees(weighted.value(of: figure), answers.weighted[figure.rawValue] ?? nil),
                    "set \(seed) \(figure)")
            }
        }
    }

    @Test func `ranking agrees, plain and weighted`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() {
            let plain = patches.map { LabelledScore(score: $0.score, isTumour: $0.isTumour) }
            #expect(agrees(ROCCurve(plain)?.area, answers.ranking.area), "set \(seed)")
            #expect(agrees(ROCCurve(patches)?.area, answers.ranking.weightedArea), "set \(seed)")
            #expect(
                agrees(PrecisionRecallCurve(plain)?.averagePrecision, answers.ranking.averagePrecision), "set \(seed)")
            #expect(
                agrees(PrecisionRecallCurve(patches)?.averagePrecision, answers.ranking.weightedAveragePrecision),
                "set \(seed)")
            let roc = ROCCurve(patches).map { sums($0.points.map { [$0.falsePositiveRate, $0.truePositiveRate] }) }
            #expect(agree(roc, answers.ranking.rocSums), "set \(seed)")
            let curve = PrecisionRecallCurve(patches).map { sums($0.points.map { [$0.precision, $0.recall] }) }
            #expect(agree(curve, answers.ranking.precisionRecallSums), "set \(seed)")
        }
    }

    @Test func `standard errors of the area under the curve agree`() throws {
        var compared = 0
        for (seed, patches, answers) in try OracleAnswers.sets() {
            let delong = AreaUnderROC.delong(patches).value
            #expect(agrees(delong?.standardError, answers.ranking.delong), "set \(seed)")
            let obuchowski = AreaUnderROC.obuchowski(patches).value
            #expect(agrees(obuchowski?.standardError, answers.clustered["obuchowski"] ?? nil), "set \(seed)")
            // The answer is a difference quotient of scikit-learn's area: six digits.
            let linearised = AreaUnderROC.linearised(patches).value
            #expect(agrees(linearised?.standardError, answers.clustered["weightedArea"] ?? nil, 1e-6), "set \(seed)")
            compared += obuchowski == nil ? 0 : 1
        }
        #expect(compared >= 20)
    }

    @Test func `standard errors of clustered figures agree`() throws {
        var compared = 0
        for (seed, patches, answers) in try OracleAnswers.sets() where !answers.clustered.isEmpty {
            let totals = SlideTotals(
                patches.map {
                    AuditedPatch(
                        slide: $0.slide, isTumour: $0.isTumour, isCalledTumour: $0.score >= 0.5, weight: $0.weight)
                })
            let ratio = try #require(clusteredRatio(slideSums(patches))?.value)
            #expect(agrees(ratio.standardError, answers.clustered["meanScore"] ?? nil), "set \(seed)")
            #expect(agrees(ratio.value, answers.sum / patches.reduce(0) { $0 + $1.weight }), "set \(seed)")
            for figure in [ConfusionFigure.recall, .precision, .accuracy, .f1, .balancedAccuracy] {
                guard let answer = answers.clustered[figure.rawValue] ?? nil else { continue }
                let estimate = try #require(totals.estimate(of: figure)?.value, "set \(seed) \(figure)")
                // The last two answers are difference quotients: six digits.
                let tolerance = figure == .f1 || figure == .balancedAccuracy ? 1e-6 : 1e-9
                #expect(agrees(estimate.standardError, answer, tolerance), "set \(seed) \(figure)")
                #expect(estimate.interval.contains(estimate.value))
                compared += 1
            }
        }
        #expect(compared >= 100)
    }

    @Test func `Brier score, log loss and reliability bins agree`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() {
            #expect(agrees(brierScore(patches), answers.calibration.brier), "set \(seed)")
            #expect(agrees(logLoss(patches), answers.calibration.logLoss), "set \(seed)")
            let plain = patches.map { LabelledScore(score: $0.score, isTumour: $0.isTumour) }
            let width = ReliabilityDiagram(plain, binning: .equalWidth, bins: 5)
            let mass = ReliabilityDiagram(plain, binning: .equalMass, bins: 5)
            for (diagram, bins, errors) in [
                (width, answers.calibration.equalWidth, answers.calibration.equalWidthErrors),
                (mass, answers.calibration.equalMass, answers.calibration.equalMassErrors),
            ] {
                #expect(agree(diagram?.bins.flatMap { [$0.meanScore, $0.tumourShare] }, bins?.flatMap { $0 }))
                #expect(agrees(diagram?.expectedCalibrationError, errors?.first), "set \(seed)")
                let isWhole = errors?.count == 3
                #expect(agrees(diagram?.debiasedCalibrationError, isWhole ? errors?[1] : nil), "set \(seed)")
                #expect(agrees(diagram?.debiasedSquaredCalibrationError, isWhole ? errors?[2] : nil), "set \(seed)")
            }
        }
    }

    @Test func `the calibration line and its cluster-robust intervals agree`() throws {
        var compared = 0
        for (seed, patches, answers) in try OracleAnswers.sets() {
            guard case .fitted(let line) = calibrationFit(patches) else {
                #expect(answers.calibration.line == nil, "set \(seed)")
                continue
            }
            let halves = [line.interceptInterval, line.slopeInterval].map { ($0.upper - $0.lower) / 2 }
            #expect(agree([line.intercept, line.slope] + halves, answers.calibration.line, 1e-8), "set \(seed)")
            compared += 1
        }
        #expect(compared >= 20)
    }

    @Test func `distances of samples and of histograms agree`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() where !patches.isEmpty {
            let scores = patches.map(\.score)
            let others = OracleAnswers.patches(seed: seed + 1).map(\.score)
            #expect(agrees(kolmogorovSmirnov(scores, others).value, answers.drift["ks"]), "set \(seed)")
            #expect(agrees(wasserstein(scores, others).value, answers.drift["wasserstein"]), "set \(seed)")
            let (a, b) = (histogram(scores), histogram(others))
            #expect(agrees(a.populationStabilityIndex(to: b).value, answers.drift["psi"]), "set \(seed)")
            #expect(agrees(a.kolmogorovSmirnov(to: b).value, answers.drift["histogramKS"]), "set \(seed)")
            #expect(agrees(a.wasserstein(to: b).value, answers.drift["histogramWasserstein"]), "set \(seed)")
        }
    }

    @Test func `maximum mean discrepancies agree`() throws {
        for (seed, _, answers) in try OracleAnswers.sets() {
            var random = SplitMix64(seed: UInt64(seed))
            let (m, n) = (3 + random.index(below: 30), 3 + random.index(below: 30))
            let step = seed % 3 == 0 ? 4.0 : 0x1p20
            func cloud(_ count: Int, _ shift: Float) -> [[Float]] {
                (0..<count).map { _ in
                    (0..<3).map { _ in Float((random.uniform() * step).rounded(.down) / step) + shift }
                }
            }
            let a = cloud(m, 0)
            let b = cloud(n, 0.125 * Float(seed % 4))
            let found = try #require(maximumMeanDiscrepancy(a, b)?.value)
            #expect(agree([found.bandwidth, found.squared], answers.discrepancy), "set \(seed)")
        }
    }

    @Test func `performance without labels agrees with NannyML`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() {
            let calibrated = patches.map {
                CalibratedPatch(probability: $0.score, score: $0.score, isCalledTumour: $0.score >= 0.5)
            }
            let estimate = EstimatedPerformance(calibrated)
            for figure in [ConfusionFigure.precision, .recall, .f1, .accuracy] {
                let answer = answers.estimation.figures?[figure.rawValue] ?? nil
                #expect(agrees(estimate?.matrix.value(of: figure), answer), "set \(seed) \(figure)")
            }
            // NannyML rounds the cumulated sums to five decimals.
            if let answer = answers.estimation.figures?["areaUnderROC"] ?? nil {
                #expect(agrees(estimate?.areaUnderROC, answer, 1e-4), "set \(seed)")
            }
        }
    }

    @Test func `sampling errors agree with NannyML`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() where !patches.isEmpty {
            let error = SamplingError(reference: patches) { $0 >= 0.5 }
            for figure in SamplingError.Figure.allCases {
                let answer = answers.estimation.errors?[figure.rawValue] ?? nil
                let isCompared = answer != nil || figure != .areaUnderROC
                let value = error.standardError(of: figure, patches: 50)
                #expect(!isCompared || agrees(value, answer), "set \(seed) \(figure)")
            }
        }
    }

    @Test func `shares of labels by age agree`() throws {
        for (seed, patches, answers) in try OracleAnswers.sets() where !answers.delay.isEmpty {
            let delay = LabelDelay(
                patches.map { LabelWait(age: (20 * $0.score).rounded(.up), isLabelled: $0.isTumour) })
            #expect(delay.steps.count == answers.delay.count, "set \(seed)")
            for (step, answer) in zip(delay.steps, answers.delay) {
                #expect(agrees(step.age, answer[0]) && agrees(step.shareLabelled, answer[1]), "set \(seed)")
                #expect(agrees(step.standardError, answer[2]), "set \(seed)")
            }
        }
    }

    @Test func `distributions agree to twelve digits, tails included`() throws {
        let answers = try OracleAnswers.all.get().distributions
        for row in answers.normal { #expect(isNear(NormalDistribution.cdf(row[0]), row[1]), "\(row)") }
        for row in answers.normalQuantile { #expect(isNear(NormalDistribution.quantile(row[0]), row[1]), "\(row)") }
        for row in answers.student {
            let t = StudentDistribution.quantile(row[0], degreesOfFreedom: row[1])
            #expect(isNear(t, row[2]), "\(row) \(t ?? .nan)")
        }
        for row in answers.beta {
            let value = regularizedIncompleteBeta(row[0], row[1], row[2])
            #expect(isNear(value, row[3]), "\(row) \(value ?? .nan)")
        }
    }

    @Test func `Wilson intervals, run lengths and audit sizes agree`() throws {
        let answers = try OracleAnswers.all.get()
        for row in answers.wilson {
            let interval = wilsonInterval(successes: row[0], trials: row[1], level: row[2])
            #expect(agrees(interval?.lower, row[3]) && agrees(interval?.upper, row[4]), "\(row)")
        }
        for row in answers.runLengths {
            let length = CumulativeSum.averageRunLength(
                referenceValue: row[0], limit: row[1], shift: row[2])
            #expect(agrees(length, row[3], row[0] > 0.5 ? 0.07 : 0.041), "\(row)")
        }
        for row in answers.power {
            var audit = AuditPower(recall: row[0], drop: row[1], tumourShare: 0.2)
            (audit.designEffect, audit.significance, audit.power) = (row[2], row[3], row[4])
            #expect(agrees(audit.tumourLabels, row[5], 1e-8), "\(row)")
        }
    }

    private func histogram(_ scores: [Double]) -> FixedHistogram {
        FixedHistogram(edges: [0, 0.25, 0.5, 0.75, 1], scores.map { $0 * 1.5 - 0.25 })
    }

    private func isNear(_ value: Double?, _ answer: Double) -> Bool {
        value.map { abs($0 - answer) <= 1e-12 * abs(answer) } ?? false
    }

    private func agree(_ values: [Double]?, _ answers: [Double]?, _ tolerance: Double = 1e-9) -> Bool {
        guard let values, let answers else { return values == nil && answers == nil }
        return values.count == answers.count && zip(values, answers).allSatisfy { agrees($0, $1, tolerance) }
    }

    /// Number of points, and each column's sum weighted by the point's number from 1.
    private func sums(_ points: [[Double]]) -> [Double] {
        points.enumerated().reduce([Double(points.count), 0, 0]) { sums, point in
            let number = Double(point.offset + 1)
            return [sums[0], sums[1] + number * point.element[0], sums[2] + number * point.element[1]]
        }
    }

    private func slideSums(_ patches: [LabelledScore]) -> [SlideSums] {
        Dictionary(grouping: patches, by: \.slide).values.map { slide in
            SlideSums(
                numerator: slide.reduce(0) { $0 + $1.weight * $1.score },
                denominator: slide.reduce(0) { $0 + $1.weight })
        }
    }
}
