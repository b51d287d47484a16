/// What one epoch came to.
public struct EpochRecord: Sendable, Equatable, Codable {
    /// From 1 on.
    public let epoch: Int
    public let learningRate: Double
    /// Mean negative log-likelihood over the epoch's steps, of augmented patches, with dropout, of the weights of each
    /// step before it was made.
    public let trainingLoss: Double
    /// The same of the validation patches as they are, by the weights at the epoch's end.
    public let validationLoss: Double
    /// Share of validation patches whose more likely class is the true one.
    public let validationAccuracy: Double
    /// Area under the ROC curve of the validation patches' scores, where the run was told how to compute it.
    public let areaUnderROC: Double?
    /// For training alone, without validation.
    public let patchesPerSecond: Double
    /// Seconds for all of it.
    public let seconds: Double
    /// Whether no epoch before had a lower validation loss.
    public let isBest: Bool
}
