import Foundation
import Monitoring
import Testing

@Suite struct TemperatureScalingTests {
    /// Labels that are drawn with the probabilities that the scores, divided by `temperature`, stand for.
    private func patches(temperature: Double, _ count: Int = 4000) -> [LabelledScore] {
        var random = SplitMix64(seed: 5)
        func unit() -> Double { Double(random.next() >> 11) / 9_007_199_254_740_992 }
        return (0..<count).map { _ in
            let logOdds = 8 * unit() - 4
            return LabelledScore(score: logOdds * temperature, isTumour: unit() < 1 / (1 + exp(-logOdds)))
        }
    }

    private func loss(_ patches: [LabelledScore], _ temperature: Double) -> Double {
        logLoss(
            patches.map {
                LabelledScore(score: 1 / (1 + exp(-$0.score / temperature)), isTumour: $0.isTumour, weight: $0.weight)
            }) ?? .nan
    }

    @Test(arguments: [0.5, 1, 3])
    func `the temperature that labels were drawn with is found again, and no other fits better`(truth: Double) throws {
        let drawn = patches(temperature: truth)
        let fitted = try #require(fittedTemperature(drawn))
        #expect(abs(fitted / truth - 1) < 0.1)
        #expect(loss(drawn, fitted) < min(loss(drawn, fitted * 1.01), loss(drawn, fitted / 1.01)))
    }

    @Test func `a patch of weight three counts as three`() throws {
        let drawn = patches(temperature: 2, 300)
        let weighted = drawn.enumerated().map { index, patch in
            LabelledScore(score: patch.score, isTumour: patch.isTumour, weight: index % 2 == 0 ? 3 : 1)
        }
        let repeated = drawn.enumerated().flatMap { index, patch in
            [LabelledScore](repeating: patch, count: index % 2 == 0 ? 3 : 1)
        }
        let (one, other) = (try #require(fittedTemperature(weighted)), try #require(fittedTemperature(repeated)))
        #expect(abs(one - other) < 1e-9)
    }

    @Test func `scores that split the classes, and one class, have no best temperature`() {
        let split = [-2.0, -1, 1, 2].map { LabelledScore(score: $0, isTumour: $0 > 0) }
        #expect(fittedTemperature(split) == nil)
        #expect(fittedTemperature(split.map { LabelledScore(score: abs($0.score), isTumour: true) }) == nil)
        #expect(fittedTemperature([]) == nil)
    }
}
