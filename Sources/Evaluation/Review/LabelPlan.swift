public import FoundationEssentials

/// What an import of labels would store, and what it would leave out.
public struct LabelPlan: Sendable {
    /// How a label of the file stands to what the reader said before.
    public enum Standing: Sendable, Equatable {
        /// The reader has not labelled the patch: it would be stored.
        case new
        /// The reader has said the same of it.
        case already
        /// The reader has said, or taken back, something else: only the reader can change it.
        case otherwise
    }

    public struct Row: Sendable {
        public let job: UUID
        public let label: Label
        public let slide: String?
        public let x: Int64?
        public let y: Int64?
        public let site: String?
        public let standing: Standing
        /// Whether a label of another reader that stands says something else.
        public let contradictsOthers: Bool
    }

    public let reader: String
    /// In the order of slide and place.
    public let rows: [Row]
    /// What no stored prediction belongs to, in words.
    public let unknown: [String]
    /// Patches of the slide in whose centre no region lies, and those that normal regions cover only in part.
    public let untouched: Int
    public let partly: Int
    /// Features of the file that are no areas and were left out, by kind.
    public let marks: [(mark: QuPathMark, count: Int)]
    /// Sites of new patches that the reader may not read; `(none)` for patches without one.
    public let foreignSites: [String]

    public var toStore: [Row] { rows.filter { $0.standing == .new } }
    public var otherwise: [Row] { rows.filter { $0.standing == .otherwise } }

    /// How many rows have a label and a standing.
    public func count(_ label: Label, _ standing: Standing) -> Int {
        rows.filter { $0.label == label && $0.standing == standing }.count
    }
}
