import Foundation
import PatchClassifier
import Testing

@testable import Training

@Suite struct OptimizerTests {
    struct Steps: Decodable, CustomTestStringConvertible {
        let number: UInt32
        let decay: Double
        let count: Int
        let values: [Data]

        var testDescription: String { "case \(number), \(count) steps, weight decay \(decay)" }

        static let all: [Steps] = fixture("steps")
    }

    @Test(arguments: Steps.all)
    func `steps of Adam lead where PyTorch's lead`(_ steps: Steps) throws {
        let network = try #require(GradientCase.all.first { $0.number == steps.number })
        var recipe = Recipe()
        (recipe.batchSize, recipe.dropout, recipe.augmentation) = (network.labels.count, 0, .none)
        recipe.optimizer.weightDecay = steps.decay
        let engine = try network.engine(recipe)
        for _ in 0..<steps.count { _ = try engine.step(network.items(), learningRate: 1e-3) }
        let weights = try engine.weights(named: network.tensors.map(\.name))
        for (tensor, bytes) in zip(weights.tensors, steps.values) {
            let differences = zip(tensor.values, floats(bytes)).map { abs($0 - $1) }
            // A step is as long for a gradient of 1e-7 as for one of 1, so single precision turns a few of the smallest.
            let far = differences.count { $0 > 2e-5 }
            #expect(far * 200 <= differences.count, "\(tensor.name): \(far) of \(differences.count)")
        }
    }

    @Test func `a plateau halves the rate when PyTorch's does`() {
        struct Plateau: Decodable {
            let losses: [Double]
            let rates: [Double]
        }
        let expected: Plateau = fixture("plateau")
        var recipe = Recipe()
        recipe.schedule = .plateau(factor: 0.5, patience: 4)
        var rate = LearningRate(recipe)
        let rates = expected.losses.enumerated().map { epoch, loss in
            rate.end(epoch: epoch + 1, loss: loss, recipe)
            return rate.rate
        }
        #expect(rates == expected.rates)
        #expect(Set(rates).count > 3)
    }

    @Test func `a linear schedule ends one step above zero`() {
        var recipe = Recipe()
        (recipe.schedule, recipe.epochs, recipe.learningRate) = (.linear, 4, 1)
        var rate = LearningRate(recipe)
        let rates = (1...3).map { epoch in
            rate.end(epoch: epoch, loss: 1, recipe)
            return rate.rate
        }
        #expect(rates == [0.75, 0.5, 0.25])
    }
}
