/// A part of what a version decided.
struct Segment: Hashable, Comparable, Sendable {
    enum Kind: String, CaseIterable, Comparable, Sendable {
        case overall, site, scanner, stain

        static func < (left: Kind, right: Kind) -> Bool { left.rank < right.rank }
        private var rank: Int { Kind.allCases.firstIndex(of: self) ?? 0 }
    }

    let kind: Kind
    /// Empty for overall.
    let name: String

    static let overall = Segment(kind: .overall, name: "")

    static func < (left: Segment, right: Segment) -> Bool {
        (left.kind, left.name) < (right.kind, right.name)
    }

    /// `site Lund`, or `all`.
    var text: String { kind == .overall ? "all" : "\(kind.rawValue) \(name)" }
}

/// Where patches come from, as the message said.
struct Origin: Hashable, Comparable, Sendable {
    /// Empty where the message named none.
    let site: String
    let scanner: String
    let stain: String

    static func < (left: Origin, right: Origin) -> Bool {
        (left.site, left.scanner, left.stain) < (right.site, right.scanner, right.stain)
    }

    /// Everything they count for: overall, and what was named.
    var segments: [Segment] {
        [.overall]
            + [(Segment.Kind.site, site), (.scanner, scanner), (.stain, stain)].compactMap { kind, name in
                name.isEmpty ? nil : Segment(kind: kind, name: name)
            }
    }
}
