public import PatchClassifier

/// Trains a network, epoch by epoch: what is learned follows from the samples, the starting weights, the recipe and its
/// seed alone, to the last bit, whatever the number of threads, the kernel or the interruptions.
public final class TrainingRun {
    /// Where it stands after some epochs, from which it can go on.
    public struct Progress: Sendable {
        public internal(set) var history: [EpochRecord] = []
        /// The weights with the lowest validation loss so far; nil before the first epoch's end.
        public internal(set) var best: Weights?
        var rate: LearningRate
        var engine: TrainingEngine.State

        public var epochs: Int { history.count }
        public var bestEpoch: EpochRecord? { history.last(where: \.isBest) }
    }

    /// What happens while an epoch runs.
    public struct Step: Sendable {
        public let epoch: Int
        /// Patches of the epoch that are done, and all of them.
        public let done: Int
        public let total: Int
        /// Mean over the epoch's steps so far.
        public let loss: Double
    }

    public let recipe: Recipe
    private let training: [TrainingSample]
    private let validation: [TrainingSample]
    private let names: [String]
    private let kernel: Kernel
    private let threads: Int
    private let engine: TrainingEngine
    private let areaUnderROC: ([LogProbabilities]) -> Double?
    private let classWeights: (normal: Double, tumor: Double)
    public private(set) var progress: Progress

    /// `start` gives shapes, names and first values; every patch is square and of the side that it takes. `areaUnderROC`
    /// is asked once an epoch, with what the network says of each validation patch.
    public init(
        training: [TrainingSample], validation: [TrainingSample], from start: Weights, _ recipe: Recipe,
        kernel: Kernel = .best, threads: Int, areaUnderROC: @escaping ([LogProbabilities]) -> Double? = { _ in nil }
    ) throws(TrainingError) {
        try recipe.check()
        try TrainingRun.check(training, "training")
        try TrainingRun.check(validation, "validation")
        let architecture: Architecture
        do {
            architecture = try Architecture(start, side: training[0].patch.width)
        } catch {
            throw TrainingError(.network, "\(error)")
        }
        guard max(recipe.augmentation.cutout, recipe.augmentation.shift + 1) <= architecture.side else {
            throw TrainingError(
                .recipe, "patches are \(architecture.side) pixels wide: the cutout or the shift is larger than that")
        }
        for sample in training + validation
        where sample.patch.width != architecture.side || sample.patch.height != architecture.side {
            throw TrainingError(
                .data,
                "\(sample.id) is \(sample.patch.width)x\(sample.patch.height) pixels, "
                    + "\(architecture.side)x\(architecture.side) was expected")
        }
        (self.training, self.validation, self.recipe, self.threads) = (training, validation, recipe, max(1, threads))
        self.kernel = kernel.isSupported ? kernel : .portable
        self.areaUnderROC = areaUnderROC
        names = start.tensors.map(\.name)
        engine = TrainingEngine(start, architecture, recipe, kernel: self.kernel, threads: self.threads)
        classWeights = recipe.balancesClasses ? TrainingRun.balance(training) : (1, 1)
        progress = Progress(rate: LearningRate(recipe), engine: engine.state)
    }

    /// Goes on from where another run with the same samples, start and recipe stood.
    public func resume(_ progress: Progress) throws(TrainingError) {
        guard progress.engine.parameters.count == engine.layout.count else {
            throw TrainingError(.checkpoint, "the checkpoint is of a network of another shape")
        }
        self.progress = progress
        engine.state = progress.engine
    }

    /// Whether every epoch is done, or none has helped for as long as the recipe waits.
    public var isOver: Bool {
        guard progress.epochs < recipe.epochs else { return true }
        guard let patience = recipe.earlyStopping, let best = progress.bestEpoch else { return false }
        return progress.epochs - best.epoch >= patience
    }

    /// One epoch: every training patch once, then all validation patches. False where `shouldGoOn` ended it: nothing of
    /// it counts then.
    ///
    /// - Throws: `.diverged` with the patches of the batch where a loss or gradient was no finite number.
    public func runEpoch(
        onStep: (Step) -> Void = { _ in }, shouldGoOn: () -> Bool = { true }
    ) throws(TrainingError) -> Bool {
        let clock = ContinuousClock(), start = clock.now
        let epoch = progress.epochs + 1, order = order(of: epoch), rate = progress.rate.rate
        var (loss, steps) = (0.0, 0)
        for place in stride(from: 0, to: order.count, by: recipe.batchSize) {
            guard shouldGoOn() else {
                engine.state = progress.engine
                return false
            }
            let batch = order[place..<min(place + recipe.batchSize, order.count)]
            loss += try step(batch, epoch, rate)
            steps += 1
            onStep(Step(epoch: epoch, done: batch.endIndex, total: order.count, loss: loss / Double(steps)))
        }
        let trained = clock.now
        let weights = try currentWeights()
        let validation = try validate(weights, epoch)
        let isBest = progress.bestEpoch.map { validation.loss < $0.validationLoss } ?? true
        if isBest { progress.best = weights }
        progress.rate.end(epoch: epoch, loss: validation.loss, recipe)
        progress.engine = engine.state
        progress.history.append(
            EpochRecord(
                epoch: epoch, learningRate: rate, trainingLoss: loss / Double(steps), validationLoss: validation.loss,
                validationAccuracy: validation.accuracy, areaUnderROC: areaUnderROC(validation.answers),
                patchesPerSecond: Double(order.count) / ((trained - start) / .seconds(1)),
                seconds: (clock.now - start) / .seconds(1), isBest: isBest))
        return true
    }

    private func step(_ batch: ArraySlice<Int>, _ epoch: Int, _ rate: Double) throws(TrainingError) -> Double {
        let weights = batch.map {
            training[$0].weight * (training[$0].isTumor ? classWeights.tumor : classWeights.normal)
        }
        let total = weights.reduce(0, +)
        let items = zip(batch, weights).map { index, weight in
            GradientWorkspace.Item(
                sample: training[index], share: weight / total,
                random: RandomStream(recipe.seed, Purpose.patch.rawValue, UInt64(epoch), UInt64(index)))
        }
        do {
            return try engine.step(items, learningRate: rate)
        } catch {
            let ids = batch.map { training[$0].id }.joined(separator: ", ")
            throw TrainingError(
                error.code,
                "\(error.message) in epoch \(epoch), in the batch of \(ids); a lower learning rate may help")
        }
    }

    private func validate(_ weights: Weights, _ epoch: Int) throws(TrainingError) -> Validation {
        do {
            // The arithmetic of training itself.
            return try Validation(of: validation, weights, engine: Engine(.direct, kernel), threads: threads)
        } catch  where error.code == .network {
            throw TrainingError(
                .diverged, "\(error.message), after epoch \(epoch); a lower learning rate may help")
        }
    }

    private func currentWeights() throws(TrainingError) -> Weights {
        do {
            return try engine.weights(named: names)
        } catch {
            throw TrainingError(.diverged, "\(error)")
        }
    }

    /// The training patches in the order of an epoch: Fisher and Yates's shuffle.
    private func order(of epoch: Int) -> [Int] {
        var (random, order) = (
            RandomStream(recipe.seed, Purpose.order.rawValue, UInt64(epoch)), Array(training.indices)
        )
        for last in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(last, random.whole(0...last)) }
        return order
    }

    private static func check(_ samples: [TrainingSample], _ name: String) throws(TrainingError) {
        let tumors = samples.count(where: \.isTumor)
        guard tumors > 0, tumors < samples.count else {
            throw TrainingError(
                .data,
                "the \(name) patches are \(tumors) with tumour and \(samples.count - tumors) without, both were expected"
            )
        }
        if let sample = samples.first(where: { !($0.weight > 0 && $0.weight.isFinite) }) {
            throw TrainingError(.data, "\(sample.id) has the weight \(sample.weight), a positive number was expected")
        }
    }

    /// Weights with which both classes count the same, and all patches as much as before.
    private static func balance(_ samples: [TrainingSample]) -> (normal: Double, tumor: Double) {
        let tumor = samples.reduce(0) { $0 + ($1.isTumor ? $1.weight : 0) }
        let total = samples.reduce(0) { $0 + $1.weight }
        return (total / (2 * (total - tumor)), total / (2 * tumor))
    }
}
