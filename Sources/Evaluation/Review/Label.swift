import Foundation

/// What a person says of a patch.
public enum Label: String, Sendable, CaseIterable, Comparable {
    // In the order in which the later gives way: one tumour pixel makes a patch tumor.
    case tumor, unassessable, normal

    public static func < (left: Label, right: Label) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .tumor: 0
        case .unassessable: 1
        case .normal: 2
        }
    }
}

/// Which words of a file mean which label.
public struct LabelNames: Sendable {
    /// What is done with whatever bears a name.
    public enum Meaning: Sendable, Equatable {
        case label(Label)
        /// It says nothing and is left out.
        case skip
    }

    private var meanings: [String: Meaning]

    /// `own` goes before `Tumor` and `tumor`, `Normal` and `normal`, `Unassessable` and `unassessable`.
    public init(_ own: [String: Meaning] = [:]) {
        meanings = own
        for label in Label.allCases {
            for name in [label.rawValue, label.rawValue.capitalized] where meanings[name] == nil {
                meanings[name] = .label(label)
            }
        }
    }

    func meaning(of name: String) -> Meaning? { meanings[name] }
}
