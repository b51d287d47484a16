import AuditTrail
public import Database
public import Foundation

/// Where an event and its seal stand in the chains.
public struct EventPosition: Sendable, Hashable, Comparable {
    public let writer: UUID
    public let seal: Int64

    public init(writer: UUID, seal: Int64) {
        self.writer = writer
        self.seal = seal
    }

    /// PostgreSQL's order: the bytes of the writer, then the number.
    public static func < (left: EventPosition, right: EventPosition) -> Bool {
        let (first, second) = (WriterOrder(left.writer), WriterOrder(right.writer))
        return first == second ? left.seal < right.seal : first < second
    }
}

/// A writer as two numbers, which compare as PostgreSQL compares UUIDs.
struct WriterOrder: Comparable {
    let high: UInt64
    let low: UInt64

    init(_ writer: UUID) {
        (high, low) = withUnsafeBytes(of: writer.uuid) {
            (
                UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    static func < (left: WriterOrder, right: WriterOrder) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

/// One thing that is not as it was sealed. It names rows by their keys and never shows what they hold.
public struct AuditFinding: Sendable {
    /// The closed set of what can be wrong.
    public enum Kind: String, Sendable, CaseIterable {
        case rowChanged = "row changed"
        case rowMissing = "row missing"
        case rowWithoutLeaf = "row without leaf"
        case rowErasedWithoutEvent = "row erased without event"
        case eventChanged = "event changed"
        case eventReordered = "event reordered"
        case eventMissing = "event missing"
        case sealMissing = "seal missing"
        case sealChanged = "seal changed"
        case chainBroken = "chain broken"
        case derivedValueChanged = "derived value changed"
        case tableMissing = "table missing"
        case columnMissing = "column missing"
        case columnUnknown = "column unknown"
        case migrationMissing = "migration missing"
        case storeEmpty = "nothing stored"
        case unreadable = "cannot be read"
        case protectionOff = "protection switched off"
        case catalogueChanged = "catalogue not as recorded"
        case notAsSigned = "not as signed"
        case patchMissing = "kept patch missing"
        case patchChanged = "kept patch changed"
        case workingRowMissing = "working row missing"
        case workingRowChanged = "working row changed"
    }

    public var kind: Kind
    public var table: String?
    /// The primary key of the row, as in `job_id=...`; nil where no row stands.
    public var key: String?
    public var position: EventPosition?
    public var leaf: Int32?
    /// When the event was written, if there is one that says so.
    public var at: Timestamp?
    /// A sentence that adds what the kind does not say.
    public var detail: String?
    /// How many divergences this one stands for.
    public var count = 1
    /// Of the row as it stands, to tell it from others at the same place.
    var digest: Digest?

    init(
        _ kind: Kind, table: String? = nil, position: EventPosition? = nil, leaf: Int32? = nil, at: Timestamp? = nil,
        detail: String? = nil, count: Int = 1
    ) {
        (self.kind, self.table, self.position, self.leaf) = (kind, table, position, leaf)
        (self.at, self.detail, self.count) = (at, detail, count)
    }
}

extension AuditFinding: CustomStringConvertible {
    public var description: String {
        var parts: [String] = []
        if let table { parts.append(key.map { "\(table) \($0)" } ?? table) }
        if let position {
            let leaf = leaf.map { " leaf \($0)" } ?? ""
            parts.append("writer \(position.writer.text) seal \(position.seal)\(leaf)")
        }
        if let at { parts.append("recorded \(at)") }
        if let detail { parts.append(detail) }
        return "\(kind.rawValue): " + parts.joined(separator: ", ")
    }
}

extension AuditFinding {
    /// What the schema lacks first, then by time of the event, then by place.
    static func precedes(_ left: AuditFinding, _ right: AuditFinding) -> Bool {
        switch (left.position, right.position) {
        case (nil, nil): return false
        case (nil, _): return true
        case (_, nil): return false
        case (let first?, let second?):
            let (early, late) = (left.at?.microseconds ?? .max, right.at?.microseconds ?? .max)
            if early != late { return early < late }
            return first == second ? (left.leaf ?? -1) < (right.leaf ?? -1) : first < second
        }
    }
}

/// The first findings, and how many there are.
struct FindingList: Sendable {
    /// Findings that are kept; the rest is counted.
    static let kept = 20
    /// No finding stands for more divergences, so that their sum always fits.
    static let largest: Int64 = 1_000_000_000_000

    private(set) var first: [AuditFinding] = []
    private(set) var count = 0

    mutating func add(_ finding: AuditFinding) {
        count += finding.count
        keep(finding)
    }

    mutating func add(_ other: FindingList) {
        count += other.count
        for finding in other.first { keep(finding) }
    }

    mutating func replace(at index: Int, with finding: AuditFinding) { first[index] = finding }

    private mutating func keep(_ finding: AuditFinding) {
        if first.count == FindingList.kept, let last = first.last, !AuditFinding.precedes(finding, last) { return }
        // Behind those that are as early, so that findings stay in the order in which they were found.
        let place = first.firstIndex { AuditFinding.precedes(finding, $0) } ?? first.count
        first.insert(finding, at: place)
        if first.count > FindingList.kept { first.removeLast() }
    }
}
