import Foundation
import Testing

@testable import Monitoring

@Suite struct `Discrepancy to a reference of slides` {
    /// Slides of four-dimensional vectors, each with a place of its own.
    private static func slides(_ count: Int, vectors: Int, _ random: inout SplitMix64) -> [[[Float]]] {
        (0..<count).map { _ in
            let place = Float(random.uniform())
            return (0..<vectors).map { _ in (0..<4).map { _ in place + Float(random.uniform()) } }
        }
    }

    private static func kernel(_ a: [Float], _ b: [Float], _ bandwidth: Double) -> Double {
        let square = zip(a, b).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
        return exp(-square / (2 * bandwidth * bandwidth))
    }

    @Test func `is the textbook's for a sample`() throws {
        var random = SplitMix64(seed: 3)
        let (reference, sample) = (
            Self.slides(6, vectors: 5, &random), Self.slides(2, vectors: 4, &random).flatMap(\.self)
        )
        let discrepancy = try #require(ReferenceDiscrepancy(reference))
        #expect(discrepancy.slides == 6 && discrepancy.vectors == 30)
        let all = reference.flatMap(\.self)
        func mean(_ a: [[Float]], _ b: [[Float]], skipping: Bool) -> Double {
            var (sum, pairs) = (0.0, 0.0)
            for (i, x) in a.enumerated() {
                for (j, y) in b.enumerated() where !(skipping && i == j) {
                    sum += Self.kernel(x, y, discrepancy.bandwidth)
                    pairs += 1
                }
            }
            return sum / pairs
        }
        let expected =
            mean(sample, sample, skipping: true) + mean(all, all, skipping: true) - 2
            * mean(sample, all, skipping: false)
        let found = try #require(discrepancy.squared(sample)?.value)
        #expect(abs(found - expected) < 1e-12)
    }

    @Test func `compares drawn slides as if each were another`() throws {
        var random = SplitMix64(seed: 4)
        let slides = Self.slides(4, vectors: 3, &random)
        let discrepancy = try #require(ReferenceDiscrepancy(slides))
        let (window, reference) = ([0, 0, 2], [1, 0, 3, 3])
        func mean(_ a: [Int], _ b: [Int], own: Bool) -> Double {
            var (sum, pairs) = (0.0, 0.0)
            for (i, s) in a.enumerated() {
                for (j, t) in b.enumerated() where s != t || (own && i == j) {
                    for (k, x) in slides[s].enumerated() {
                        for (l, y) in slides[t].enumerated() where s != t || k != l {
                            sum += Self.kernel(x, y, discrepancy.bandwidth)
                            pairs += 1
                        }
                    }
                }
            }
            return sum / pairs
        }
        let expected =
            mean(window, window, own: true) + mean(reference, reference, own: true)
            - 2 * mean(window, reference, own: false)
        let found = try #require(discrepancy.squared(discrepancy.draw(window), to: discrepancy.draw(reference)))
        #expect(abs(found - expected) < 1e-12)
        #expect(discrepancy.squared(discrepancy.draw([0]), to: discrepancy.draw([0])) == nil)
    }

    /// New slides of the same laboratory, each day: as many alarms as the budget, and no more than it can be.
    @Test func `alarms as often as its budget says while slides alone differ`() throws {
        var random = SplitMix64(seed: 5)
        var alarms = 0
        let days = 400
        for _ in 0..<10 {
            let discrepancy = try #require(ReferenceDiscrepancy(Self.slides(60, vectors: 4, &random)))
            let budget = FalseAlarmBudget(windowDays: 1, daysBetweenFalseAlarms: 20)
            guard
                case .thresholds(let family) = resampledThresholds(
                    for: [MonitoredFigure("embedding", side: .high)], budget: budget,
                    referenceSlides: discrepancy.slides, windowSlides: 12, resamples: 1000,
                    reference: discrepancy.draw,
                    compute: { [discrepancy.squared(discrepancy.draw($0), to: $1)] }),
                let limit = family.limits.first?.upper
            else {
                Issue.record("no limit")
                return
            }
            for _ in 0..<(days / 10) {
                let sample = Self.slides(12, vectors: 4, &random).flatMap(\.self)
                if let value = discrepancy.squared(sample)?.value, value > limit { alarms += 1 }
            }
        }
        // 20 are expected; a reference that is unlike its laboratory alarms more often, so twice as many may be.
        #expect((2...45).contains(alarms), "\(alarms) of \(days)")
    }

    @Test func `needs vectors that differ, of one size and finite`() throws {
        #expect(ReferenceDiscrepancy([]) == nil)
        #expect(ReferenceDiscrepancy([[[1, 2]], [[1, 2]]]) == nil)
        #expect(ReferenceDiscrepancy([[[1, 2]], [[1]]]) == nil)
        #expect(ReferenceDiscrepancy([[[1, 2]], [[.infinity, 0]]]) == nil)
        let two = try #require(ReferenceDiscrepancy([[[1, 2]], [[3, 4]]]))
        #expect(two.squared([[1], [2]]) == nil)
        #expect(two.squared([[.nan, 1], [2, 2]]) == nil)
        #expect(two.squared([[1, 2]]) == .notEnoughData(have: 1, need: 2))
    }
}
