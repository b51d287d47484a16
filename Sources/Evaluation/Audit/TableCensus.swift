import Database
import Foundation

/// Counts a table without any index, and holds its derived values against their sources.
///
/// Rows that say no place, or that no index leads to, are in no slice; they are met here, as more than were read.
struct TableCensus: Sendable {
    private(set) var rows = 0
    private(set) var findings = FindingList()

    init(of table: StampedTable, _ connection: DatabaseConnection) throws {
        try connection.run(script: "set local enable_indexonlyscan = off; savepoint census")
        do {
            let row = try connection.query(TableCensus.countSQL(table)).onlyRow()
            rows = Int(try row.int8("count"))
            let changed = Int(try row.int8("changed"))
            if changed > 0 { try nameChanged(table, count: changed, connection) }
        } catch let error as DatabaseError where error.sqlstate.hasPrefix("22") {
            // A source that is no JSON: its row has changed as well, and is named where it stands.
            try connection.run(script: "rollback to savepoint census")
            rows = try TableCensus.count(table.source, connection)
            findings.add(
                AuditFinding(.derivedValueChanged, table: table.name, detail: "a source can no longer be read as JSON"))
        }
    }

    /// Rows of any table.
    static func count(_ source: SQL, _ connection: DatabaseConnection) throws -> Int {
        try connection.run(script: "set local enable_indexonlyscan = off")
        return Int(try connection.query("select count(*) as count from " + source).onlyRow().int8("count"))
    }

    private static func countSQL(_ table: StampedTable) -> SQL {
        let changed = changedCondition(table)
        return "select count(*) as count, " + (changed.map { "count(*) filter (where " + $0 + ")" } ?? "0::bigint")
            + " as changed from " + table.source + " as t"
    }

    private static func changedCondition(_ table: StampedTable) -> SQL? {
        guard !table.derived.isEmpty else { return nil }
        let conditions = table.derived.map { column in
            "t." + SQL.identifier(column) + " is distinct from t." + SQL.identifier(column + "_source") + "::jsonb"
        }
        return SQL.joined(conditions, separator: " or ")
    }

    /// One finding a row, for as many as are kept; the last stands for the rest.
    private mutating func nameChanged(_ table: StampedTable, count: Int, _ connection: DatabaseConnection) throws {
        guard let condition = TableCensus.changedCondition(table) else { return }
        let rows = try connection.query(
            "select " + table.keyText + " as key, writer, seal from " + table.source + " as t where " + condition
                + " limit " + SQL.literal(Int64(FindingList.kept)))
        for (index, row) in rows.enumerated() {
            let position = EventPosition(writer: try row.uuid("writer"), seal: try row.int8("seal"))
            var finding = AuditFinding(
                .derivedValueChanged, table: table.name, position: position,
                detail: "a generated column is not what its source gives")
            finding.key = try row.text("key")
            if index == rows.count - 1 { finding.count = count - index }
            findings.add(finding)
        }
    }
}

extension StampedTable {
    /// The finding for rows that stand in the table and in no slice; nil where there are none.
    func strays(counted: Int, read: Int, _ connection: DatabaseConnection) throws -> AuditFinding? {
        guard counted != read else { return nil }
        var finding = AuditFinding(
            .rowWithoutLeaf, table: name, detail: "\(counted) rows stand there and \(read) have a place in the trail",
            count: abs(counted - read))
        let placeless = try connection.query(
            "select " + keyText + " as key from " + source + " as t where num_nulls(writer, seal) > 0 limit 1")
        finding.key = try placeless.first?.optionalText("key")
        return finding
    }
}
