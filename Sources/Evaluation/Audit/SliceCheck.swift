public import AuditTrail
import Database
import Foundation

/// The last seal of a chain, as far as it was read: what a checkpoint signs.
public struct ChainHead: Sendable, Equatable {
    public let number: Int64
    /// nil where what stands there is no seal.
    public let seal: Digest?
}

/// What one slice, or all of them, turned out to hold.
struct SliceResult: Sendable {
    var findings = FindingList()
    var rows = 0
    var events = 0
    var seals = 0
    var erased = 0
    /// Rows read, by table.
    var rowsRead: [Int]
    var heads: [UUID: ChainHead] = [:]

    init(tables: Int) {
        rowsRead = [Int](repeating: 0, count: tables)
    }

    mutating func add(_ other: SliceResult) {
        findings.add(other.findings)
        rows += other.rows
        events += other.events
        seals += other.seals
        erased += other.erased
        for (table, count) in other.rowsRead.enumerated() { rowsRead[table] += count }
        heads.merge(other.heads) { $0.number > $1.number ? $0 : $1 }
    }
}

/// Goes through a slice position by position: seals, events and rows must stand together everywhere.
struct SliceCheck {
    private let content: SliceContent
    private let tables: [StampedTable]
    private let connection: DatabaseConnection
    private let walksChains: Bool
    private var events: EventCheck
    private(set) var result: SliceResult
    /// The seal before, in this slice.
    private var last: StoredSeal?

    init(
        _ content: SliceContent, _ tables: [StampedTable], walksChains: Bool, _ connection: DatabaseConnection,
        hash: Hash
    ) {
        (self.content, self.tables, self.walksChains, self.connection) = (content, tables, walksChains, connection)
        events = EventCheck(tables: tables, erasures: content.erasures, hash: hash)
        result = SliceResult(tables: tables.count)
        result.rowsRead = content.rowsRead
        (result.seals, result.events, result.rows) = (content.seals.count, content.events.count, content.leaves.count)
    }

    /// Merges the three lists.
    mutating func run() throws -> SliceResult {
        var seals = content.seals[...]
        var stored = content.events[...]
        var rows = content.leaves[...]
        while let position = [seals.first?.position, stored.first?.position, rows.first?.position].compactMap(\.self)
            .min()
        {
            let seal = seals.first?.position == position ? seals.popFirst() : nil
            let event = stored.first?.position == position ? stored.popFirst() : nil
            let end = rows.firstIndex { $0.position != position } ?? rows.endIndex
            try check(position, seal, event, rows[..<end])
            rows = rows[end...]
        }
        result.findings.add(events.findings)
        result.erased = events.erased
        return result
    }

    private mutating func check(
        _ position: EventPosition, _ seal: StoredSeal?, _ event: StoredEvent?, _ rows: ArraySlice<StoredLeaf>
    ) throws {
        let isWhole = try seal.map { try events.isWhole($0) } ?? false
        switch (seal, event) {
        case (nil, nil): events.report(strays: rows)
        case (nil, let event?):
            result.findings.add(AuditFinding(.sealMissing, position: position, at: event.at))
        case (let seal?, let event?):
            if !isWhole { result.findings.add(AuditFinding(.sealChanged, position: position, at: event.at)) }
            try events.check(event, rows, under: seal, isWhole: isWhole)
        case (_?, nil):
            result.findings.add(AuditFinding(isWhole ? .eventMissing : .sealChanged, position: position))
        }
        if let seal, walksChains { try follow(seal, isWhole: isWhole, at: event?.at) }
    }

    /// Whether the seal continues its writer's chain.
    private mutating func follow(_ seal: StoredSeal, isWhole: Bool, at: Timestamp?) throws {
        let position = seal.position
        let before = last?.position.writer == position.writer ? last : try sealBefore(position)
        let expected = before.map { $0.position.seal == .max ? .max : $0.position.seal + 1 } ?? 0
        if expected < position.seal {
            try reportGap(from: expected, to: position)
        } else if isWhole, seal.previous != before?.value {
            result.findings.add(AuditFinding(.chainBroken, position: position, at: at))
        }
        last = seal
        result.heads[position.writer] = ChainHead(number: position.seal, seal: seal.value)
    }

    /// The seal before the first of this slice, which another slice holds.
    private func sealBefore(_ position: EventPosition) throws -> StoredSeal? {
        guard position.seal > 0 else { return nil }
        let rows = try connection.query(
            """
            select number, seal from audit.seals where writer = $1 and number < $2 and number >= 0
            order by number desc limit 1
            """, [.uuid(position.writer), .int8(position.seal)])
        guard let row = rows.first else { return nil }
        let value = try row.optionalBytes("seal").flatMap { bytes in bytes.withUnsafeBytes { Digest($0) } }
        return StoredSeal(
            position: EventPosition(writer: position.writer, seal: try row.int8("number")), previous: nil,
            leafCount: nil, root: nil, value: value)
    }

    /// Numbers without a seal. Those that still have an event are reported where that stands.
    private mutating func reportGap(from first: Int64, to position: EventPosition) throws {
        let left = try connection.query(
            "select count(*) as count from audit.events where writer = $1 and seal >= $2 and seal < $3",
            [.uuid(position.writer), .int8(first), .int8(position.seal)]
        ).onlyRow().int8("count")
        // Numbers may be anything that somebody has written there.
        let (span, isBeyond) = position.seal.subtractingReportingOverflow(first)
        let missing = min(isBeyond ? .max : span - left, FindingList.largest)
        guard missing > 0 else { return }
        result.findings.add(
            AuditFinding(
                .eventMissing, position: EventPosition(writer: position.writer, seal: first),
                detail: missing == 1 ? "and its seal" : "and its seal, and those behind it up to \(position.seal - 1)",
                count: Int(clamping: missing)))
    }
}
