public import PatchClassifier

/// A patch with what is known of it.
public struct TrainingSample: Sendable {
    public let patch: Patch
    public let isTumor: Bool
    /// What it counts for in the loss; not negative, and finite.
    public let weight: Double

    public init(_ patch: Patch, isTumor: Bool, weight: Double = 1) {
        (self.patch, self.isTumor, self.weight) = (patch, isTumor, weight)
    }
}
