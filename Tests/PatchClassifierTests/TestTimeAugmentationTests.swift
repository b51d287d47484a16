import Foundation
import PatchClassifier
import Testing

@Suite struct TestTimeAugmentationTests {
    private let patches = (0..<5).map { PatchSynthesizer(seed: 2).patch(number: $0, tumor: $0 % 2 == 0) }

    @Test func `all eight symmetries of a patch get one answer, the mean of their log-odds`() throws {
        let network = try Network(Weights.read(path: WeightsFixtures.shippedModel.path))
        let plain = Classifier(network), turning = Classifier(network, capacity: 3, augmentation: .dihedral)
        let answers = try turning.classify(patches)
        for (patch, answer) in zip(patches, answers) {
            let turns = try plain.classify((0...7).map { patch.turned($0) })
            let mean = turns.map(\.logOdds).reduce(0, +) / 8
            let (slack, probability) = (1e-5 * max(1, abs(mean)), 1 / (1 + exp(-mean)))
            #expect(abs(answer.logOdds - mean) < slack)
            #expect(abs(Double(answer.pTumor) - probability) < 1e-6)
            // Another turn sums the same eight in another order.
            let turned = try turning.classify([patch.turned(5)])[0]
            #expect(abs(turned.logOdds - answer.logOdds) < slack)
        }
        for kernel in Kernel.allCases where kernel.isSupported {
            #expect(try Classifier(network, kernel: kernel, augmentation: .dihedral).classify(patches) == answers)
        }
    }

    @Test func `embeddings are of the patch as it is`() throws {
        let network = try Network(Weights.read(path: WeightsFixtures.shippedModel.path))
        let plain = try Classifier(network).classify(patches) { $0 == 1 }
        let turning = try Classifier(network, augmentation: .dihedral).classify(patches) { $0 == 1 }
        #expect(turning.map(\.embedding) == plain.map(\.embedding))
    }

    @Test(arguments: [(-3.0, 0.5), (0, 2), (4, 4), (80, 0.1), (-80, 0.1)])
    func `a temperature divides log-odds`(logOdds: Double, temperature: Double) {
        let (likelier, other) = (-log1p(exp(-abs(logOdds))), -abs(logOdds) - log1p(exp(-abs(logOdds))))
        let answer = LogProbabilities(
            normal: Float(logOdds > 0 ? other : likelier), tumor: Float(logOdds > 0 ? likelier : other))
        let expected = 1 / (1 + exp(-logOdds / temperature))
        #expect(abs(Double(answer.pTumor(at: Float(temperature))) - expected) < 1e-6)
        #expect(abs(answer.pTumor(at: 1) - answer.pTumor) < 1e-6)
    }
}
