public import Foundation

/// What a verification found.
public struct AuditReport: Sendable {
    public internal(set) var rows = 0
    public internal(set) var events = 0
    public internal(set) var seals = 0
    public internal(set) var erased = 0
    /// Where each chain ends, by writer; empty where chains were not walked.
    public internal(set) var heads: [UUID: ChainHead] = [:]
    /// The first findings, in the order of time.
    public internal(set) var findings: [AuditFinding] = []
    /// All findings, with those that are not listed.
    public internal(set) var divergences = 0
    public internal(set) var anchor = AuditAnchor.missing
    public internal(set) var notes = AuditNotes.none
    /// What this verification does not cover; nil where it covers everything.
    public internal(set) var limits: String?
    public internal(set) var seconds = 0.0

    public var isClean: Bool { divergences == 0 }

    mutating func set(_ list: FindingList) {
        findings = list.first
        divergences = list.count
    }
}

extension AuditScope {
    /// What a verification of this scope leaves out, in words.
    var limits: String? {
        switch self {
        case .everything: nil
        case .since(let time):
            "partial: events from \(time) on, each chain from its seal before; what is older, and rows that name a "
                + "chain without an event since then, were not looked at, nor kept patches and the worklist"
        case .slide:
            "partial: the slide's rows, with all that was sealed together with them, each against its own seal; chains "
                + "were not walked, kept patches and the worklist not looked at"
        }
    }
}
