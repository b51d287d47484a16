/// Where a labelled patch is from, as far as it is known: each is a subgroup with figures of its own.
public struct PatchSource: Sendable, Equatable {
    public enum Subgroup: String, Sendable, CaseIterable, Encodable {
        case site, scanner, stain
    }

    public var site: String?
    public var scanner: String?
    public var stain: String?

    public subscript(_ subgroup: Subgroup) -> String? {
        switch subgroup {
        case .site: site
        case .scanner: scanner
        case .stain: stain
        }
    }
}
