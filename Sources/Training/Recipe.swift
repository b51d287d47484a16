public import PatchClassifier

/// How a network is trained: everything but the data that its weights follow from.
public struct Recipe: Sendable, Equatable, Codable {
    public enum Schedule: Sendable, Equatable, Codable {
        /// PyTorch's ReduceLROnPlateau: the rate is multiplied by `factor` once the validation loss has not fallen by a
        /// ten-thousandth for more than `patience` epochs.
        case plateau(factor: Double, patience: Int)
        /// From the learning rate in a straight line towards zero behind the last epoch.
        case linear
    }

    /// Patches a step.
    public var batchSize = 75
    public var epochs = 20
    public var learningRate = 1e-3
    public var schedule = Schedule.plateau(factor: 0.5, patience: 20)
    /// Epochs without a lower validation loss after which training ends; nil for never.
    public var earlyStopping: Int?
    public var optimizer = Optimizer()
    /// Probability that a unit behind a hidden linear layer is silenced in a step.
    public var dropout = 0.25
    /// Share of a label that both classes get in equal parts.
    public var labelSmoothing = 0.0
    public var augmentation = Augmentation()
    /// Whether the loss of each class counts as if both were equally common.
    public var balancesClasses = false
    /// Share of the averaged weights that a step keeps, as in 0.999; nil where the last weights are used as they are.
    public var averaging: Double?
    /// Whether random weights start as for colours of mean 0 and deviation 1: see `Weights.standardised(for:)`.
    public var standardisesStart = false
    public var seed: UInt64 = 0

    public init() {}

    /// What did best on validation patches of those settings that were tried: see the documentation of training.
    public static let standard: Recipe = {
        var recipe = Recipe()
        recipe.epochs = 180
        recipe.schedule = .linear
        recipe.averaging = 0.99
        recipe.augmentation = Augmentation(shift: 5, stain: 0.1, brightness: 0.1, blur: 0.6, jpeg: 40, cutout: 32)
        recipe.labelSmoothing = 0.1
        recipe.standardisesStart = true
        return recipe
    }()

    /// The published model's, with the augmentation that its code meant to make.
    public static let seed20 = Recipe()
    public static let seed50: Recipe = {
        var recipe = Recipe()
        (recipe.batchSize, recipe.epochs, recipe.learningRate) = (32, 50, 3e-4)
        return recipe
    }()
}

/// Adam and what it is set to.
public struct Optimizer: Sendable, Equatable, Codable {
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epsilon = 1e-8
    /// Added to a gradient as this times the parameter.
    public var weightDecay = 0.0

    public init() {}
}

extension Recipe {
    /// Names what cannot be trained with.
    public func check() throws(TrainingError) {
        let faults: [(Bool, String)] = [
            (batchSize < 1, "a batch has at least 1 patch"),
            (epochs < 1, "there is at least 1 epoch"),
            (!(learningRate > 0 && learningRate.isFinite), "the learning rate is a positive number"),
            (!(dropout >= 0 && dropout < 1), "dropout is at least 0 and below 1"),
            (!(optimizer.beta1 >= 0 && optimizer.beta1 < 1), "beta 1 is at least 0 and below 1"),
            (!(optimizer.beta2 >= 0 && optimizer.beta2 < 1), "beta 2 is at least 0 and below 1"),
            (!(optimizer.epsilon > 0), "epsilon is a positive number"),
            (!(optimizer.weightDecay >= 0 && optimizer.weightDecay.isFinite), "the weight decay is not negative"),
            (averaging.map { !($0 > 0 && $0 < 1) } ?? false, "averaging is above 0 and below 1"),
            (!(labelSmoothing >= 0 && labelSmoothing < 1), "label smoothing is at least 0 and below 1"),
            (!(0...16).contains(augmentation.shift), "the shift is 0 to 16 pixels"),
            (!(augmentation.blur >= 0 && augmentation.blur <= 2), "the blur is 0 to 2 pixels"),
            (!(1...100).contains(augmentation.jpeg ?? 100), "a JPEG quality is 1 to 100"),
            (!(0...64).contains(augmentation.cutout), "the side of a cutout is 0 to 64 pixels"),
            (!(augmentation.stain >= 0 && augmentation.stain < 1), "the change of stain is at least 0 and below 1"),
            (
                !(augmentation.brightness >= 0 && augmentation.brightness < 1),
                "the change of brightness is at least 0 and below 1"
            ),
        ]
        let found = faults.filter(\.0).map(\.1)
        guard found.isEmpty else { throw TrainingError(.recipe, found.joined(separator: "; ")) }
    }
}

/// The shape of a network of the family before it has weights.
public struct NetworkShape: Sendable, Equatable {
    public var side: Int
    /// Output channels of each convolution.
    public var channels: [Int]
    public var kernelSide: Int
    /// Outputs of each hidden linear layer.
    public var hidden: [Int]

    public init(side: Int, channels: [Int], kernelSide: Int, hidden: [Int]) {
        (self.side, self.channels, self.kernelSide, self.hidden) = (side, channels, kernelSide, hidden)
    }

    /// 96x96, four convolutions of 8 to 64 channels, 100 hidden units: 127,230 parameters.
    public static let published = NetworkShape(side: 96, channels: [8, 16, 32, 64], kernelSide: 3, hidden: [100])

    /// Weights drawn as PyTorch draws those of new layers: uniform within plus and minus one over the square root of a
    /// layer's inputs (He and others, 2015, with the slope that PyTorch takes).
    public func randomWeights(seed: UInt64) throws(TrainingError) -> Weights {
        var (tensors, inputs, side) = ([Weights.Tensor](), Architecture.inputChannels, self.side)
        func draw(_ layer: String, _ number: Int, shape: [Int]) {
            var random = RandomStream(seed, Purpose.weights.rawValue, UInt64(tensors.count))
            let bound = 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot()
            func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.uniform(-bound...bound)) } }
            let name = "\(layer)\(number)"
            tensors.append(.init(name: name + ".weight", shape: shape, values: values(shape.reduce(1, *))))
            tensors.append(.init(name: name + ".bias", shape: [shape[0]], values: values(shape[0])))
        }
        for (index, outputs) in channels.enumerated() {
            draw("conv", index + 1, shape: [outputs, inputs, kernelSide, kernelSide])
            (inputs, side) = (outputs, (side - kernelSide + 1) / 2)
        }
        inputs *= side * side
        for (index, outputs) in (hidden + [Architecture.classes]).enumerated() {
            draw("fc", index + 1, shape: [outputs, inputs])
            inputs = outputs
        }
        do {
            return try Weights(tensors: tensors)
        } catch {
            throw TrainingError(.recipe, "no network has this shape: \(error)")
        }
    }
}

/// What random numbers are drawn for: each has streams of its own.
enum Purpose: UInt64 {
    case weights = 1
    case order = 2
    case patch = 3
}
