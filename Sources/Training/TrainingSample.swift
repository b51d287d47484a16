public import PatchClassifier

/// A patch with what is known of it.
public struct TrainingSample: Sendable {
    /// By which errors name it.
    public let id: String
    public let patch: Patch
    public let isTumor: Bool
    /// What it counts for in the loss: positive and finite.
    public let weight: Double

    public init(_ patch: Patch, id: String, isTumor: Bool, weight: Double = 1) {
        (self.patch, self.id, self.isTumor, self.weight) = (patch, id, isTumor, weight)
    }
}
