import ArgumentParser
import Evaluation
import Foundation
import PatchClassifier
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a network on labelled patches, on the CPU.",
        discussion: """
            SOURCE is a CSV file (id,label and perhaps slide_id,site) with its PNG files in a folder of the same name or \
            beside it, or a folder that holds a folder for each class. Without --validation a share of it is held back, by \
            whole slides where slides are known.

            The same data, flags and seed give the same weights to the last bit, whatever the machine and the number of \
            threads. --out holds weights.safetensors (of the epoch with the lowest validation loss), history.csv and \
            history.html, training.json and the checkpoint that --resume goes on from.

            Examples:
              sentinode train train.csv --validation validation.csv --out trained
              sentinode train patches/ --recipe seed-50 --seed 7 --out trained
              sentinode train --from-database --site north --init lab-1 --learning-rate 1e-4 --out tuned
            """)

    @OptionGroup var labelled: LabelledSource
    @Option(help: "Labelled patches to judge each epoch by (default: a share of SOURCE).")
    var validation: String?
    @Option(help: "Share of SOURCE that is held back where there is no --validation.")
    var validationShare = 0.15
    @Option(help: "Folder to write to; it is made where it is missing.")
    var out: String
    @Option(
        help:
            "Start from these weights, a .safetensors or .pt file or a version of the database (default: random)."
    )
    var `init`: String?
    @OptionGroup var settings: RecipeOptions
    @Option(help: "Threads (default: one a core); the result does not depend on it.")
    var threads: Int?
    @Option(help: "Watts that this machine draws for it, where it does not measure them itself (RAPL).")
    var power: Double?
    @Option(help: "Grams of carbon dioxide that a kilowatt-hour stands for here.")
    var gridIntensity: Double?
    @Flag(help: "Go on from the checkpoint in --out, with the flags that it was begun with.")
    var resume = false

    func validate() throws {
        guard !resume || !labelled.fromDatabase || labelled.asOf != nil else {
            throw ValidationError(
                "--resume goes on with the labels that it was begun with: name their time, which history.html tells, by --as-of"
            )
        }
        guard (0.01...0.9).contains(validationShare) else { throw ValidationError("--validation-share is 0.01 to 0.9") }
        guard (power ?? 1) > 0, (gridIntensity ?? 0) >= 0 else {
            throw ValidationError("--power is above 0 and --grid-intensity not below it")
        }
        guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads is 1 to 1024") }
    }

    func run() throws {
        try reportingFailures {
            let recipe = try settings.chosen()
            let given = try `init` == "random" ? nil : `init`.map(NamedModel.init)
            let folder = try TrainingFolder(out, resuming: resume)
            let side = try given.map { try $0.network.architecture.side } ?? NetworkShape.published.side
            let split = try load(side: side, seed: recipe.seed)
            let start = try given?.weights ?? randomWeights(recipe, split.training)
            let training = try TrainingSession(split, from: start, recipe, in: folder, threads: threads)
            if resume { try training.resume() }
            let stop = try StopRequest()
            let signals = StopSignals(stop) { _ in complain("stopping; --resume goes on from the last whole epoch") }
            defer { signals.end() }
            let display = TrainingDisplay(training)
            while !training.isOver {
                guard try training.runEpoch(onStep: display.show, shouldGoOn: { !stop.isRequested }) else {
                    display.end()
                    throw Exit.stopped
                }
                display.showLast()
            }
            display.end()
            let energy = training.energy(statedWatts: power, gridIntensity: gridIntensity)
            let digest = try training.finish(energy: energy)
            guard let best = training.best else { return }
            print(
                "epoch \(best.epoch) had the lowest validation loss; its weights are \(folder.weights), SHA-256 \(digest)"
            )
            print(sentence(energy))
        }
    }

    private func sentence(_ energy: EnergyUse?) -> String {
        guard let energy else { return "energy: this machine does not measure it; --power WATTS states it" }
        let carbon = energy.carbonDioxide.map { String(format: ", %.3g g of carbon dioxide", $0) } ?? ""
        return String(
            format: "energy: %.3g Wh at %.3g W (%@)%@", energy.wattHours, energy.watts, energy.power.rawValue, carbon)
    }

    private func randomWeights(_ recipe: Recipe, _ patches: LabelledImages) throws -> Weights {
        let weights = try NetworkShape.published.randomWeights(seed: recipe.seed)
        return recipe.standardisesStart ? try weights.standardised(for: patches.samples) : weights
    }

    private func load(side: Int, seed: UInt64) throws -> TrainingSplit {
        let all = try labelled.read(side: side)
        let split =
            if let validation {
                try TrainingSplit(training: all, validation: labelled.read(validation, side: side))
            } else {
                try TrainingSplit(all, validationShare: validationShare, seed: seed)
            }
        for (name, part) in [("to learn from", split.training), ("to validate with", split.validation)] {
            print("\(part.patches.count) patches \(name), \(part.tumors) with tumour")
        }
        return split
    }
}

/// The flags that make a recipe.
struct RecipeOptions: ParsableArguments {
    @Option(help: "Settings to start from: default, seed-20 or seed-50 (the published model's).")
    var recipe = RecipeName.default
    @Option(help: "Another seed, other weights.")
    var seed: UInt64 = 0
    @Option(help: "Most epochs.")
    var epochs: Int?
    @Option(help: "Patches a step.")
    var batch: Int?
    @Option(help: "Learning rate of the first epoch.")
    var learningRate: Double?
    @Option(help: "Strength of the change of stain in training, 0 to 1.")
    var stain: Double?
    @Option(help: "Strength of the change of brightness and contrast in training, 0 to 1.")
    var brightness: Double?
    @Option(help: "Most pixels that a patch is moved by in training.")
    var shift: Int?
    @Option(help: "Strongest blur in training, standard deviation in pixels; three of ten patches have some.")
    var blur: Double?
    @Option(help: "Lowest JPEG quality that three of ten patches are compressed to in training, 1 to 100; 0 for none.")
    var jpeg: Int?
    @Option(help: "Longest side of a square that is painted over in every other patch in training, in pixels.")
    var cutout: Int?
    @Option(help: "Share of a label that both classes get in equal parts in training.")
    var labelSmoothing: Double?
    @Option(help: "Share of units silenced behind the hidden layer.")
    var dropout: Double?
    @Option(help: "Weight decay.")
    var weightDecay: Double?
    @Option(help: "Share of averaged weights that a step keeps, as in 0.999; 0 for no average.")
    var averaging: Double?
    @Option(help: "Epochs without a lower validation loss after which training ends; 0 for never.")
    var earlyStopping: Int?
    @Flag(help: "Let both classes count the same, however many patches each has.")
    var balance = false

    enum RecipeName: String, ExpressibleByArgument, CaseIterable {
        case `default`
        case seed20 = "seed-20"
        case seed50 = "seed-50"
    }

    func chosen() throws -> Recipe {
        var made: Recipe =
            switch recipe {
            case .default: .standard
            case .seed20: .seed20
            case .seed50: .seed50
            }
        made.seed = seed
        made.epochs = epochs ?? made.epochs
        made.batchSize = batch ?? made.batchSize
        made.learningRate = learningRate ?? made.learningRate
        made.augmentation.stain = stain ?? made.augmentation.stain
        made.augmentation.brightness = brightness ?? made.augmentation.brightness
        made.augmentation.shift = shift ?? made.augmentation.shift
        made.augmentation.blur = blur ?? made.augmentation.blur
        if let jpeg { made.augmentation.jpeg = jpeg == 0 ? nil : jpeg }
        made.augmentation.cutout = cutout ?? made.augmentation.cutout
        made.labelSmoothing = labelSmoothing ?? made.labelSmoothing
        made.dropout = dropout ?? made.dropout
        made.optimizer.weightDecay = weightDecay ?? made.optimizer.weightDecay
        if let averaging { made.averaging = averaging == 0 ? nil : averaging }
        if let earlyStopping { made.earlyStopping = earlyStopping == 0 ? nil : earlyStopping }
        made.balancesClasses = balance || made.balancesClasses
        try made.check()
        return made
    }
}

/// A line an epoch, and on a terminal how far the epoch is.
private final class TrainingDisplay {
    private let session: TrainingSession
    private var line: ProgressLine?
    private var epoch = 0

    init(_ session: TrainingSession) {
        self.session = session
        print("epoch  rate      loss    validation  accuracy  AUC     patches/s  time left")
        for record in session.history { print(row(record)) }
    }

    func show(_ step: TrainingRun.Step) {
        if step.epoch != epoch {
            line = ProgressLine(total: step.total, unit: "patches of epoch \(step.epoch)")
            epoch = step.epoch
        }
        line?.show(done: step.done)
    }

    func showLast() {
        guard let last = session.history.last else { return }
        line?.interrupt { print(row(last)) }
    }

    func end() { line?.end() }

    private func row(_ record: EpochRecord) -> String {
        String(
            format: "%5d  %.2e  %.4f  %.4f%@     %.4f    %.4f  %9.0f  %@", record.epoch, record.learningRate,
            record.trainingLoss, record.validationLoss, record.isBest ? "*" : " ", record.validationAccuracy,
            record.areaUnderROC ?? .nan, record.patchesPerSecond, duration(session.secondsLeft))
    }

    private func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return whole >= 3600
            ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
            : String(format: "%d:%02d", whole / 60, whole % 60)
    }
}
