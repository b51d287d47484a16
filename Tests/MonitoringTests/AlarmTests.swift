import Foundation
import Monitoring
import Testing

@Suite struct `Thresholds by resampled slides` {
    private static let figures = [
        MonitoredFigure("mean score", side: .both), MonitoredFigure("decision rate", side: .both),
        MonitoredFigure("stability index", side: .high), MonitoredFigure("Kolmogorov-Smirnov", side: .high),
    ]
    private static let budget = FalseAlarmBudget(windowDays: 1, daysBetweenFalseAlarms: 20)

    /// Thirty scores of a slide whose own level varies.
    private static func slide(_ random: inout SplitMix64, raised: Double = 0) -> [Double] {
        let level = (NormalDistribution.quantile(random.uniform() + 0x1p-54) ?? 0) + raised
        return (0..<30).map { _ in
            logistic(level + (NormalDistribution.quantile(random.uniform() + 0x1p-54) ?? 0))
        }
    }

    /// Of a slide, a window or a reference.
    private struct Summary {
        var histogram = FixedHistogram(edges: (0...20).map { Double($0) / 20 })
        var sum = 0.0
        var calls = 0

        init() {}

        init(_ scores: [Double]) {
            for score in scores { histogram.add(score) }
            sum = scores.reduce(0, +)
            calls = scores.count { $0 >= 0.5 }
        }

        init(_ slides: [Summary]) {
            for slide in slides {
                histogram += slide.histogram
                sum += slide.sum
                calls += slide.calls
            }
        }

        var mean: Double { sum / Double(histogram.total) }
        var decisionRate: Double { Double(calls) / Double(histogram.total) }
    }

    private static func values(_ window: Summary, _ reference: Summary) -> [Double?] {
        [
            window.mean - reference.mean, window.decisionRate - reference.decisionRate,
            window.histogram.populationStabilityIndex(to: reference.histogram).value,
            window.histogram.kolmogorovSmirnov(to: reference.histogram).value,
        ]
    }

    private static func thresholds(_ reference: [Summary], window: Int, seed: UInt64) -> ThresholdResult {
        resampledThresholds(
            for: figures, budget: budget, referenceSlides: reference.count, windowSlides: window, resamples: 600,
            seed: seed, reference: { again in Summary(again.map { reference[$0] }) }
        ) { drawn, again in
            values(Summary(drawn.map { reference[$0] }), again)
        }
    }

    /// 12 references x 200 windows at 1 in 20: about 120 alarms; windows against one reference err together, which
    /// about doubles the binomial standard error of 0.4 %. Over 150 references the rate is 5.4 %.
    @Test func `alarm on unchanged slides about as often as the budget says, and on changed ones mostly`() throws {
        var (alarms, found, windows) = (0, 0, 0)
        for repeatSeed in 0..<12 {
            var random = SplitMix64(seed: UInt64(repeatSeed))
            let reference = (0..<80).map { _ in Summary(Self.slide(&random)) }
            guard
                case .thresholds(let family) = Self.thresholds(reference, window: 15, seed: UInt64(repeatSeed))
            else {
                Issue.record("no thresholds")
                continue
            }
            #expect(family.ratePerWindow <= 0.0502)
            let whole = Summary(reference)
            func isAlarm(raised: Double) -> Bool {
                let window = Summary((0..<15).map { _ in Summary(Self.slide(&random, raised: raised)) })
                return zip(family.limits, Self.values(window, whole)).contains { limit, value in
                    value.map(limit.isAlarm) ?? false
                }
            }
            for _ in 0..<200 { alarms += isAlarm(raised: 0) ? 1 : 0 }
            for _ in 0..<20 { found += isAlarm(raised: 1.5) ? 1 : 0 }
            windows += 200
        }
        let rate = Double(alarms) / Double(windows)
        print("false alarms \(rate), budget 0.05; found \(Double(found) / 240)")
        #expect((0.03...0.08).contains(rate))
        #expect(Double(found) / 240 > 0.9)
    }

    @Test func `are the same for the same seed`() {
        var random = SplitMix64(seed: 9)
        let reference = (0..<30).map { _ in Summary(Self.slide(&random)) }
        #expect(
            Self.thresholds(reference, window: 12, seed: 4) == Self.thresholds(reference, window: 12, seed: 4))
        #expect(
            Self.thresholds(reference, window: 12, seed: 4) != Self.thresholds(reference, window: 12, seed: 5))
    }

    @Test func `say what they lack`() {
        func result(
            _ figures: [MonitoredFigure] = [MonitoredFigure("x", side: .high)], days: Double = 30, reference: Int = 40,
            window: Int = 20, resamples: Int = 2000
        ) -> ThresholdResult {
            resampledThresholds(
                for: figures, budget: FalseAlarmBudget(windowDays: 1, daysBetweenFalseAlarms: days),
                referenceSlides: reference, windowSlides: window, resamples: resamples, reference: { $0 }
            ) { _, _ in figures.map { _ in 1 } }
        }
        #expect(result(reference: 9) == .notEnoughSlides(have: 9, need: 10))
        #expect(result(window: 0) == .notEnoughSlides(have: 0, need: 10))
        #expect(result(resamples: 299) == .notEnoughResamples(have: 299, need: 300))
        #expect(result([]) == .noBudget)
        #expect(result(days: 1) == .noBudget)
    }

    @Test func `set no limit where a figure never varied or was never defined`() throws {
        let figures = [
            MonitoredFigure("constant", side: .both), MonitoredFigure("undefined", side: .low),
            MonitoredFigure("first slide", side: .high),
        ]
        let result = resampledThresholds(
            for: figures, budget: FalseAlarmBudget(windowDays: 1, daysBetweenFalseAlarms: 10), referenceSlides: 1000,
            windowSlides: 10, resamples: 500, reference: { $0 }
        ) { window, _ in [1, nil, Double(window[0])] }
        guard case .thresholds(let family) = result else {
            Issue.record("no thresholds")
            return
        }
        #expect(family.limits[0].lower == nil && family.limits[0].upper == nil)
        #expect(family.limits[1].lower == nil && family.limits[1].undefinedShare == 1)
        let upper = try #require(family.limits[2].upper)
        #expect((850...950).contains(upper))
        #expect(family.limits[2].lower == nil)
        #expect(!family.limits[2].isAlarm(upper))
        #expect(family.limits[2].isAlarm(upper + 1))
    }
}

@Suite struct `A cumulative sum` {
    /// Montgomery, Introduction to Statistical Quality Control, table 9.3: k = 0.5.
    @Test(arguments: [
        (4.0, 0.0, 168.0), (4, 0.25, 74.2), (4, 0.5, 26.6), (4, 1, 8.38), (4, 2, 3.34), (5, 0, 465), (5, 0.25, 139),
        (5, 0.5, 38.0), (5, 1, 10.4), (5, 2, 4.01),
    ])
    func `has about the published run lengths`(h: Double, shift: Double, published: Double) {
        let length = CumulativeSum.averageRunLength(referenceValue: 0.5, limit: h, shift: shift)
        #expect(abs(length / published - 1) < (shift == 0 ? 0.01 : 0.04))
    }

    /// Streams standardised with a mean that errs, 200 of them: about 1,100 alarms, whose rate differs from stream to
    /// stream, so that its standard error is near 8 %.
    @Test(arguments: [0.0, 0.2]) func `is given the limit for a run length`(meanError: Double) throws {
        let limit = try #require(
            CumulativeSum.limit(referenceValue: 0.5, averageRunLength: 120, meanError: meanError))
        var random = SplitMix64(seed: 3)
        func normal() -> Double { NormalDistribution.quantile(random.uniform() + 0x1p-54) ?? 0 }
        var alarms = 0
        for _ in 0..<200 {
            var sum = CumulativeSum(referenceValue: 0.5)
            let shift = meanError * normal()
            for _ in 0..<650 {
                sum.add(shift + normal())
                guard abs(sum.value) > limit else { continue }
                alarms += 1
                sum = CumulativeSum(referenceValue: 0.5)
            }
        }
        let length = 200 * 650 / Double(alarms)
        print("run length \(length) with limit \(limit), 120 was asked for")
        #expect((96...150).contains(length))
    }

    /// Montgomery gives h = 4.77 for 370.
    @Test func `has a wider limit for a mean that is less sure`() throws {
        func limit(_ meanError: Double) throws -> Double {
            try #require(CumulativeSum.limit(referenceValue: 0.5, averageRunLength: 370, meanError: meanError))
        }
        #expect(abs(try limit(0) - 4.77) < 0.02)
        #expect(try limit(0.1) > limit(0) && limit(0.3) > limit(0.1))
    }

    @Test func `rises, falls, and leaves out what is no number`() {
        var sum = CumulativeSum(referenceValue: 0.5)
        sum.add(2.5)
        sum.add(2.5)
        sum.add(.nan)
        #expect(sum.upper == 4 && sum.lower == 0 && sum.value == 4)
        sum.add(-6)
        #expect(sum.upper == 0 && sum.lower == 5.5 && sum.value == -5.5)
    }

    @Test func `has no limit without a run length or a reference value`() {
        #expect(CumulativeSum.limit(referenceValue: 0.5, averageRunLength: 2) == nil)
        #expect(CumulativeSum.limit(referenceValue: 0, averageRunLength: 100) == nil)
        #expect(CumulativeSum.limit(referenceValue: 0.5, averageRunLength: 100, meanError: .infinity) == nil)
    }
}

@Suite struct `The power of an audit` {
    /// Fall from 0.9 to 0.8 with 5 % and 80 %: tested on simulated shares at the number of labels it gives.
    @Test func `is what it says when the shares are drawn`() throws {
        let audit = AuditPower(recall: 0.9, drop: 0.1, tumourShare: 0.25)
        let labels = Int(try #require(audit.tumourLabels).rounded(.up))
        var random = SplitMix64(seed: 11)
        let z = try #require(NormalDistribution.quantile(0.95))
        func detected(recall: Double) -> Double {
            let count = (0..<2000).count { _ in
                let hits = (0..<labels).count { _ in random.uniform() < recall }
                let error = (0.9 * 0.1 / Double(labels)).squareRoot()
                return (0.9 - Double(hits) / Double(labels)) / error > z
            }
            return Double(count) / 2000
        }
        #expect(abs(detected(recall: 0.8) - 0.8) < 0.06)
        #expect(detected(recall: 0.9) < 0.08)
    }

    @Test func `needs more labels with clustered slides, a short time and a small reference`() throws {
        var audit = AuditPower(recall: 0.95, drop: 0.05, tumourShare: 0.2)
        let plain = try #require(audit.labelsPerWeek(within: 4))
        #expect(try #require(audit.labelsPerWeek(within: 2)) == 2 * plain)
        audit.designEffect = designEffect(tumourLabelsPerSlide: 5, intraclassCorrelation: 0.25)
        #expect(audit.designEffect == 2)
        let clustered = try #require(audit.labelsPerWeek(within: 4))
        #expect(abs(clustered / plain - 2) < 1e-6)
        audit.referenceTumours = 2000
        #expect(try #require(audit.labelsPerWeek(within: 4)) > clustered)
        audit.referenceTumours = 20
        #expect(audit.labelsPerWeek(within: 4) == nil)
    }

    @Test func `is undefined for settings out of range`() {
        #expect(AuditPower(recall: 0.05, drop: 0.1, tumourShare: 0.2).tumourLabels == nil)
        #expect(AuditPower(recall: 0.9, drop: 0, tumourShare: 0.2).tumourLabels == nil)
        #expect(AuditPower(recall: 0.9, drop: 0.1, tumourShare: 0).tumourLabels == nil)
        #expect(AuditPower(recall: 0.9, drop: 0.1, tumourShare: 0.2).labelsPerWeek(within: 0) == nil)
    }
}
