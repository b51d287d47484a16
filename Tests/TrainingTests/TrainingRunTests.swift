import Foundation
import PatchClassifier
import Testing

@testable import Training

@Suite struct TrainingRunTests {
    private static let shape = NetworkShape(side: 18, channels: [8, 5], kernelSide: 3, hidden: [12])

    /// Noise, brighter where there is tumour.
    private static func samples(_ numbers: Range<Int>) -> [TrainingSample] {
        numbers.map { number in
            let noise = Noise.sample(number, side: 18)
            let rgb = noise.patch.rgb.map { noise.isTumor ? 127 + $0 / 2 : $0 / 2 }
            return TrainingSample(
                Patch(width: 18, height: 18, rgb: rgb), id: noise.id, isTumor: noise.isTumor,
                weight: number % 3 == 0 ? 2 : 1)
        }
    }

    private static func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
        var recipe = Recipe()
        (recipe.batchSize, recipe.epochs, recipe.seed) = (21, 4, 5)
        (recipe.averaging, recipe.balancesClasses) = (0.9, true)
        (recipe.augmentation.stain, recipe.augmentation.brightness) = (0.1, 0.1)
        change(&recipe)
        return recipe
    }

    private func run(_ recipe: Recipe = recipe(), kernel: Kernel = .best, threads: Int = 2) throws -> TrainingRun {
        try TrainingRun(
            training: Self.samples(0..<70), validation: Self.samples(70..<100),
            from: Self.shape.randomWeights(seed: recipe.seed), recipe, kernel: kernel, threads: threads)
    }

    private func finish(_ run: TrainingRun) throws -> Weights {
        while !run.isOver { #expect(try run.runEpoch()) }
        return try #require(run.progress.best)
    }

    private func withCheckpoint(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "checkpoint-\(UUID().uuidString)").path
        defer { unlink(path) }
        try body(path)
    }

    @Test func `the same seed gives the same weights, whatever the threads and the kernel`() throws {
        let expected = try finish(run(threads: 1))
        for threads in [2, 3, 8] { #expect(try finish(run(threads: threads)) == expected) }
        for kernel in Kernel.allCases where kernel.isSupported { #expect(try finish(run(kernel: kernel)) == expected) }
        #expect(try finish(run(Self.recipe { $0.seed = 6 })) != expected)
    }

    @Test func `what tells the classes apart is learned`() throws {
        let run = try run(Self.recipe { ($0.epochs, $0.learningRate) = (40, 0.01) })
        _ = try finish(run)
        let (first, best) = (try #require(run.progress.history.first), try #require(run.progress.bestEpoch))
        #expect(best.validationLoss < 0.3 && best.validationLoss < first.validationLoss)
        #expect(best.validationAccuracy == 1)
    }

    @Test func `the weights of the epoch with the lowest validation loss are kept`() throws {
        let run = try run(Self.recipe { $0.learningRate = 0.02 })
        let kept = try finish(run)
        let validation = try Validation(of: Self.samples(70..<100), kept, engine: Engine(.direct), threads: 1)
        #expect(validation.loss == run.progress.history.map(\.validationLoss).min())
        #expect(validation.loss == run.progress.bestEpoch?.validationLoss)
    }

    @Test(arguments: [1, 3])
    func `a run that goes on from a checkpoint ends with the weights of one that was never interrupted`(epochs: Int)
        throws
    {
        let whole = try run()
        let expected = try finish(whole)
        try withCheckpoint { path in
            let first = try run(threads: 1)
            for _ in 0..<epochs { #expect(try first.runEpoch()) }
            try TrainingCheckpoint.write(first, identity: "data", to: path)
            // Work of an epoch that was not finished does not count.
            var batches = 0
            let isWhole = try first.runEpoch(
                onStep: { _ in batches += 1 }, shouldGoOn: { batches < 2 })
            #expect(!isWhole)
            let second = try run()
            try second.resume(TrainingCheckpoint.read(path, for: second, identity: "data"))
            #expect(try finish(second) == expected)
            #expect(try finish(first) == expected)
            #expect(second.progress.history.map(\.validationLoss) == whole.progress.history.map(\.validationLoss))
        }
    }

    @Test func `a checkpoint that is damaged or of another run is refused`() throws {
        try withCheckpoint { path in
            let first = try run()
            #expect(try first.runEpoch())
            try TrainingCheckpoint.write(first, identity: "data", to: path)
            let whole = try Data(contentsOf: URL(filePath: path))
            let other = try run(Self.recipe { $0.dropout = 0.1 })
            func read(for run: TrainingRun = first, identity: String = "data") -> TrainingError? {
                do throws(TrainingError) {
                    _ = try TrainingCheckpoint.read(path, for: run, identity: identity)
                    return nil
                } catch {
                    return error
                }
            }
            #expect(read() == nil)
            #expect(try #require(read(identity: "others")).message.contains("other patches"))
            #expect(try #require(read(for: other)).message.contains("another recipe"))
            for count in stride(from: 0, to: whole.count, by: whole.count / 50) {
                try whole.prefix(count).write(to: URL(filePath: path))
                #expect(read()?.code == .checkpoint)
            }
            for place in stride(from: 0, to: whole.count, by: whole.count / 50) {
                var turned = whole
                turned[place] ^= 4
                try turned.write(to: URL(filePath: path))
                #expect(read()?.code == .checkpoint)
            }
        }
    }

    @Test func `a checkpoint that cannot be written leaves the one before`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "full-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        let run = try run(), path = folder + "/checkpoint"
        #expect(try run.runEpoch())
        try TrainingCheckpoint.write(run, identity: "data", to: path)
        // A folder stands where the next is written first.
        try FileManager.default.createDirectory(atPath: path + ".partial", withIntermediateDirectories: true)
        #expect(try run.runEpoch())
        let error = #expect(throws: TrainingError.self) {
            try TrainingCheckpoint.write(run, identity: "data", to: path)
        }
        #expect(error?.message.contains("what stood there before still does") == true)
        #expect(try TrainingCheckpoint.read(path, for: run, identity: "data").epochs == 1)
    }

    @Test func `a loss that is no number ends the run and names the batch`() throws {
        let run = try run(Self.recipe { ($0.learningRate, $0.averaging) = (1e30, nil) })
        let error = #expect(throws: TrainingError.self) { _ = try finish(run) }
        #expect(error?.code == .diverged)
        #expect(error?.message.contains("noise-") == true)
    }

    @Test func `training ends when no epoch helps for as long as the recipe waits`() throws {
        let run = try run(Self.recipe { ($0.epochs, $0.earlyStopping, $0.learningRate) = (50, 2, 1e-12) })
        _ = try finish(run)
        let best = try #require(run.progress.bestEpoch)
        #expect(run.progress.epochs < 50)
        #expect(run.progress.epochs - best.epoch == 2)
    }

    @Test func `samples that nothing can be learned from are refused with a sentence`() throws {
        func refusal(_ training: [TrainingSample], _ validation: [TrainingSample] = Self.samples(70..<100)) -> String? {
            do throws(TrainingError) {
                _ = try TrainingRun(
                    training: training, validation: validation, from: Self.shape.randomWeights(seed: 0), Recipe(),
                    threads: 1)
                return nil
            } catch {
                return error.message
            }
        }
        let good = Self.samples(0..<10)
        #expect(refusal(good) == nil)
        #expect(refusal([])?.contains("0 with tumour and 0 without") == true)
        #expect(refusal(good.filter(\.isTumor))?.contains("5 with tumour and 0 without") == true)
        #expect(refusal(good, good.filter { !$0.isTumor })?.contains("validation patches are 0 with") == true)
        #expect(refusal(good + [Noise.sample(1, side: 20)])?.contains("noise-1 is 20x20 pixels, 18x18") == true)
        let weightless = TrainingSample(good[0].patch, id: "a", isTumor: true, weight: 0)
        #expect(refusal(good + [weightless])?.contains("a has the weight 0.0") == true)
    }

    @Test func `a recipe that makes no sense is refused with all that is wrong`() {
        var recipe = Recipe()
        (recipe.batchSize, recipe.dropout, recipe.averaging) = (0, 1, 1)
        let error = #expect(throws: TrainingError.self) { try recipe.check() }
        #expect(error?.message.components(separatedBy: "; ").count == 3)
        #expect(throws: Never.self) { try Recipe.seed20.check() }
        #expect(throws: Never.self) { try Recipe.seed50.check() }
        #expect(throws: Never.self) { try Recipe.standard.check() }
    }
}
