import AuditTrail
import Foundation
import Monitoring
public import PatchClassifier
public import Training

/// One training run with its data and its folder.
public final class TrainingSession {
    private let run: TrainingRun
    private let split: TrainingSplit
    private let folder: TrainingFolder
    private let startDigest: String
    private var counters = EnergyCounters()
    /// Names everything that the weights follow from but the recipe.
    private let identity: String

    /// - Throws: `TrainingError` for patches, weights or a recipe that cannot be trained with.
    public init(
        _ split: TrainingSplit, from start: Weights, _ recipe: Recipe, in folder: TrainingFolder, threads: Int?
    ) throws {
        (self.split, self.folder) = (split, folder)
        startDigest = hexadecimal(try Hash.sha256(start.canonicalBytes))
        identity = try [split.training.digest(), split.validation.digest(), startDigest].joined(separator: " ")
        let validation = split.validation.samples
        run = try TrainingRun(
            training: split.training.samples, validation: validation, from: start, recipe,
            threads: threads ?? ProcessInfo.processInfo.activeProcessorCount
        ) { answers in
            ROCCurve(
                zip(validation, answers).map {
                    LabelledScore(score: Double($1.tumor - $1.normal), isTumour: $0.isTumor, weight: $0.weight)
                })?.area
        }
    }

    public var history: [EpochRecord] { run.progress.history }
    public var best: EpochRecord? { run.progress.bestEpoch }
    public var isOver: Bool { run.isOver }

    /// Seconds that the epochs still to come take at most, if each takes as long as the last.
    public var secondsLeft: Double {
        Double(run.recipe.epochs - history.count) * (history.last?.seconds ?? 0)
    }

    /// Goes on from the folder's checkpoint.
    public func resume() throws {
        try run.resume(TrainingCheckpoint.read(folder.checkpoint, for: run, identity: identity))
    }

    /// One epoch, and where it ends a checkpoint and the history up to it. False where `shouldGoOn` ended it.
    public func runEpoch(onStep: (TrainingRun.Step) -> Void, shouldGoOn: () -> Bool) throws -> Bool {
        guard try run.runEpoch(onStep: onStep, shouldGoOn: shouldGoOn) else { return false }
        counters?.read()
        try TrainingCheckpoint.write(run, identity: identity, to: folder.checkpoint)
        try DurableFile.write(Array(TrainingHistory(history).csv.utf8), to: folder.history)
        try DurableFile.write(Array(TrainingPage(history: history, facts: facts).html.utf8), to: folder.page)
        return true
    }

    private var facts: [String] {
        let recipe = run.recipe
        return [
            "\(split.training.patches.count) patches to learn from: \(split.training.source)",
            "\(split.validation.patches.count) to validate with: \(split.validation.source)",
            "Batches of \(recipe.batchSize), dropout \(recipe.dropout), seed \(recipe.seed)",
        ]
    }

    /// Of all epochs, those before a resumption among them: by the machine's counters, else by a power that a person
    /// stated; nil where there is neither.
    public func energy(statedWatts: Double?, gridIntensity: Double?) -> EnergyUse? {
        let seconds = history.reduce(0) { $0 + $1.seconds }
        if let counters {
            return EnergyUse(watts: counters.meanWatts(), .measured, seconds: seconds, gridIntensity: gridIntensity)
        }
        return statedWatts.map { EnergyUse(watts: $0, .stated, seconds: seconds, gridIntensity: gridIntensity) }
    }

    /// Writes the weights of the best epoch, and how they came about; the weights' SHA-256.
    public func finish(energy: EnergyUse? = nil) throws -> String {
        guard let weights = run.progress.best, let best else { throw OperationError("no epoch was done") }
        let bytes = weights.canonicalBytes, digest = hexadecimal(try Hash.sha256(bytes))
        try DurableFile.write(bytes, to: folder.weights)
        let record = TrainingRecord(
            weightsSHA256: digest, startSHA256: startDigest, recipe: run.recipe,
            training: TrainingRecord.Part(split.training, try split.training.digest()),
            validation: TrainingRecord.Part(split.validation, try split.validation.digest()), bestEpoch: best,
            epochs: history.count, seconds: history.reduce(0) { $0 + $1.seconds }, energy: energy)
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try DurableFile.write(Array(encoder.encode(record)) + [0x0a], to: folder.record)
        return digest
    }
}

/// What `training.json` says.
private struct TrainingRecord: Encodable {
    struct Part: Encodable {
        let source: String
        let patches: Int
        let tumors: Int
        /// Over ids, labels, weights and pixels in order.
        let sha256: String

        init(_ images: LabelledImages, _ digest: String) {
            (source, patches, tumors, sha256) = (images.source, images.patches.count, images.tumors, digest)
        }
    }

    let weightsSHA256: String
    let startSHA256: String
    let recipe: Recipe
    let training: Part
    let validation: Part
    let bestEpoch: EpochRecord
    let epochs: Int
    let seconds: Double
    let energy: EnergyUse?
}

/// The epochs as a CSV file.
struct TrainingHistory {
    private let records: [EpochRecord]

    init(_ records: [EpochRecord]) { self.records = records }

    var csv: String {
        let header =
            "epoch,learning_rate,training_loss,validation_loss,validation_accuracy,validation_auc,patches_per_second,"
            + "seconds,best"
        let rows = records.map { record in
            [
                "\(record.epoch)", "\(record.learningRate)", "\(record.trainingLoss)", "\(record.validationLoss)",
                "\(record.validationAccuracy)", record.areaUnderROC.map { "\($0)" } ?? "",
                String(format: "%.0f", record.patchesPerSecond), String(format: "%.3f", record.seconds),
                "\(record.isBest)",
            ].joined(separator: ",")
        }
        return ([header] + rows).joined(separator: "\n") + "\n"
    }
}
