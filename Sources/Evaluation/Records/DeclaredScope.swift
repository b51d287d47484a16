import Database

/// The patches that a model version was made for. A patch outside gets no confident
/// answer, whatever its score is.
public struct DeclaredScope: Sendable, Equatable {
    /// Micrometres a pixel; nil where nothing is declared of it.
    public let mpp: ClosedRange<Double>?
    /// As jobs name them; empty where nothing is declared of it.
    public let stains: Set<String>

    public init(mpp: ClosedRange<Double>? = nil, stains: Set<String> = []) {
        self.mpp = mpp
        self.stains = stains
    }

    var isEmpty: Bool { mpp == nil && stains.isEmpty }

    /// As it is stored: in order, separated by commas.
    var stainList: String? { stains.isEmpty ? nil : stains.sorted().joined(separator: ",") }

    init(_ row: Row) throws {
        let low = try row.optionalFloat8("mpp_low")
        let high = try row.optionalFloat8("mpp_high")
        mpp = if let low, let high { low...high } else { nil }
        stains = Set((try row.optionalText("stains") ?? "").split(separator: ",").map(String.init))
    }

    /// Whether the job says that its patch is another than those it was made for; what it does not say excludes nothing.
    func excludes(_ patch: PatchMetadata) -> Bool { position(mpp: patch.mpp, stain: patch.stain ?? "") == .outside }

    enum Position { case inside, outside, unknown }

    /// - Parameter stain: empty where the job names none.
    func position(mpp: Double?, stain: String) -> Position {
        let isMppUnknown = self.mpp != nil && mpp == nil
        let isStainUnknown = !stains.isEmpty && stain.isEmpty
        if let range = self.mpp, let mpp, !range.contains(mpp) { return .outside }
        if !isStainUnknown, !stains.isEmpty, !stains.contains(stain) { return .outside }
        return isMppUnknown || isStainUnknown ? .unknown : .inside
    }
}
