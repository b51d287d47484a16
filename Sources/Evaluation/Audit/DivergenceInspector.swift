import AuditTrail
import Database
import Foundation

/// Looks once more at the findings that are shown: which row it is, and whether an event only stands at another's place.
struct DivergenceInspector {
    private let tables: [StampedTable]
    private let connection: DatabaseConnection
    private let hash: Hash

    init(_ tables: [StampedTable], _ connection: DatabaseConnection) throws {
        (self.tables, self.connection) = (tables, connection)
        hash = try Hash()
    }

    func inspect(_ findings: inout FindingList) throws {
        let places = findings.first.filter { $0.kind == .eventChanged }.compactMap(\.position)
        for (index, finding) in findings.first.enumerated() {
            var finding = finding
            finding.key = try finding.key ?? key(of: finding)
            if finding.kind == .eventChanged, let position = finding.position,
                let home = try home(of: position, among: places)
            {
                finding.kind = .eventReordered
                finding.detail = "it was sealed by seal \(home.seal) of writer \(home.writer.text)"
            }
            findings.replace(at: index, with: finding)
        }
    }

    /// The primary key of the row that has this digest at this place.
    private func key(of finding: AuditFinding) throws -> String? {
        guard let position = finding.position, let digest = finding.digest,
            let table = tables.first(where: { $0.name == finding.table })
        else { return nil }
        var key: String?
        let digester = RowDigester(table, hash: hash)
        try connection.copyOut(query(table, table.selectList + ", " + table.keyText, at: position)) { row in
            guard try digester.read(&row)?.digest == digest else { return }
            key = try row.next().map { String(decoding: $0, as: UTF8.self) }
        }
        return key
    }

    /// The place whose seal the event would fit, among those where something else stands now.
    private func home(of position: EventPosition, among places: [EventPosition]) throws -> EventPosition? {
        guard let events = tables.first(where: \.isEvents) else { return nil }
        let digester = RowDigester(events, hash: hash)
        var tree = DigestTree(hash: hash)
        for place in places where place != position {
            let roots = try connection.query(
                "select root from audit.seals where writer = $1 and number = $2",
                [.uuid(place.writer), .int8(place.seal)])
            var root: Digest?
            try connection.copyOut(query(events, events.selectList(at: place), at: position)) { row in
                guard let event = try digester.read(&row) else { return }
                root = try tree.root(over: event.digest, digester.leaves ?? [])
            }
            if let root, try roots.first?.optionalBytes("root") == root.bytes { return place }
        }
        return nil
    }

    private func query(_ table: StampedTable, _ list: SQL, at position: EventPosition) -> SQL {
        "select " + list + " from " + table.source + " as t where t.writer = " + SQL.literal(position.writer)
            + " and t.seal = " + SQL.literal(position.seal)
    }
}
