/// A patch whose label the audit knows.
public struct AuditedPatch: Sendable, Equatable {
    /// Cluster: patches of one slide are alike.
    public var slide: Int
    /// Selection stratum; patches of one stratum and call stand for the same kind of unseen patch.
    public var stratum: Int
    public var isTumour: Bool
    public var isCalledTumour: Bool
    /// Patches it stands for, from `verificationWeight`.
    public var weight: Double

    public init(slide: Int, stratum: Int = 0, isTumour: Bool, isCalledTumour: Bool, weight: Double = 1) {
        self.slide = slide
        self.stratum = stratum
        self.isTumour = isTumour
        self.isCalledTumour = isCalledTumour
        self.weight = weight
    }
}
