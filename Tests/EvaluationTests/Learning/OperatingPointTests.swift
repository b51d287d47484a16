import Foundation
import Monitoring
import PatchClassifier
import Testing

@testable import Evaluation

@Suite struct OperatingPointTests {
    /// Scores of 0.01 to 1 that are right about as often as they say, each on a slide of its own or ten on one.
    private func scored(_ count: Int = 2000, perSlide: Int = 1) -> [ModelEvaluation.Scored] {
        var random = SplitMix64(seed: 8)
        return (0..<count).map { index in
            let p = Float(1 + random.next() % 98) / 100
            let isTumor = Double(random.next() >> 11) / 9_007_199_254_740_992 < Double(p)
            return ModelEvaluation.Scored(
                isTumor: isTumor, weight: 1,
                answer: LogProbabilities(normal: Float(log(1 - Double(p))), tumor: Float(log(Double(p)))), pTumor: p,
                slide: index / perSlide)
        }
    }

    private func lowerBound(_ scored: [ModelEvaluation.Scored], _ threshold: Float, level: Double) throws -> Double {
        let tumors = scored.filter(\.isTumor)
        let caught = tumors.count { $0.pTumor >= threshold }
        return try #require(
            wilsonInterval(successes: Double(caught), trials: Double(tumors.count), level: level)
        ).lower
    }

    @Test(arguments: [(0.8, 0.95), (0.95, 0.95), (0.95, 0.5)])
    func `the threshold is the highest whose lower bound of recall reaches what is wanted`(
        recall: Double, confidence: Double
    ) throws {
        let scored = scored()
        let choice = try OperatingPointChoice(
            .init(recall: recall, confidence: confidence), scored, isClustered: false)
        let level = 2 * confidence - 1, threshold = choice.operatingPoint.threshold
        #expect(try lowerBound(scored, threshold, level: level) == choice.recallLowerBound)
        #expect(choice.recallLowerBound >= recall && choice.recall > recall)
        let next = try #require(scored.filter(\.isTumor).map(\.pTumor).filter { $0 > threshold }.min())
        #expect(try lowerBound(scored, next, level: level) < recall)
        #expect(choice.operatingPoint.uncertain == nil)
    }

    @Test func `alike patches of a slide show less, so the threshold is lower`() throws {
        let wanted = OperatingPointChoice.Wanted(recall: 0.9)
        // Ten patches of a slide that are all right or all wrong.
        let alike = (0..<60).flatMap { slide in
            (0..<10).map { _ in
                let p = Float(slide + 20) / 80
                return ModelEvaluation.Scored(
                    isTumor: true, weight: 1, answer: LogProbabilities(normal: -1, tumor: -1), pTumor: p, slide: slide)
            }
        }
        let (one, other) = (
            try OperatingPointChoice(wanted, alike, isClustered: false),
            try OperatingPointChoice(wanted, alike, isClustered: true)
        )
        #expect(other.operatingPoint.threshold < one.operatingPoint.threshold)
        #expect(other.recallLowerBound >= 0.9)
    }

    @Test(arguments: [0.05, 0.2, 0.5])
    func `the band holds as many as may be looked at, and those likeliest to be wrong`(budget: Double) throws {
        let scored = scored()
        let choice = try OperatingPointChoice(
            .init(recall: 0.9, reviewBudget: budget), scored, isClustered: false)
        let (threshold, band) = (
            choice.operatingPoint.threshold, try #require(choice.operatingPoint.uncertain)
        )
        #expect(band.contains(threshold) || band.upperBound == threshold)
        let inside = scored.filter { band.contains($0.pTumor) }
        #expect(Double(inside.count) <= budget * Double(scored.count))
        #expect(Double(inside.count) > (budget - 0.03) * Double(scored.count))
        func doubt(_ p: Float) -> Float { p >= threshold ? 1 - p : p }
        let least = try #require(inside.map { doubt($0.pTumor) }.min())
        #expect(scored.filter { !band.contains($0.pTumor) }.allSatisfy { doubt($0.pTumor) <= least })
    }

    @Test func `too few tumour patches show no recall`() {
        let few = Array(scored().filter(\.isTumor).prefix(20))
        let refusal = #expect(throws: OperationError.self) {
            try OperatingPointChoice(.init(recall: 0.95), few, isClustered: false)
        }
        #expect(refusal?.description.contains("not enough data: 20 tumour patches") == true)
        #expect(throws: OperationError.self) {
            try OperatingPointChoice(.init(recall: 0.5), few.prefix(9) + [], isClustered: true)
        }
    }
}
