import AuditTrail
import Database
import Foundation

/// A table whose rows are leaves of the audit trail: its columns, sorted by name, without the generated ones.
struct AuditedTable: Sendable {
    enum Kind: Sendable {
        case boolean, smallint, integer, bigint, real, double, text, bytea, uuid, timestamptz

        /// The type's name in PostgreSQL.
        var sql: SQL {
            switch self {
            case .boolean: "boolean"
            case .smallint: "smallint"
            case .integer: "integer"
            case .bigint: "bigint"
            case .real: "real"
            case .double: "double precision"
            case .text: "text"
            case .bytea: "bytea"
            case .uuid: "uuid"
            case .timestamptz: "timestamptz"
            }
        }
    }

    struct ColumnDefinition: Sendable {
        let name: String
        let kind: Kind
        let sql: SQL

        init(_ name: StaticString, _ kind: Kind) {
            self.name = name.description
            self.kind = kind
            sql = SQL(stringLiteral: name)
        }
    }

    let name: String
    /// The same, for a statement.
    let sql: SQL
    let columns: [ColumnDefinition]
    /// Inserts any number of rows given as one array a column.
    let insertSQL: SQL

    /// The stamp's columns are added.
    init(_ name: StaticString, _ columns: [ColumnDefinition]) {
        self.name = name.description
        sql = SQL(stringLiteral: name)
        self.columns = (columns + AuditedTable.stampColumns)
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var names: SQL = ""
        var arrays: SQL = ""
        for (index, column) in self.columns.enumerated() {
            let separator: SQL = index == 0 ? "" : ", "
            names = names + separator + column.sql
            arrays = arrays + separator + SQL.parameter(index + 1) + "::" + column.kind.sql + "[]"
        }
        insertSQL =
            "insert into " + SQL(stringLiteral: name) + " (" + names + ") select * from unnest(" + arrays + ")"
    }

    private static let stampColumns = [
        ColumnDefinition("writer", .uuid), ColumnDefinition("seal", .bigint), ColumnDefinition("leaf", .integer),
        ColumnDefinition("salt", .bytea),
    ]

    /// Whether a table, named without its schema, is this one or one of its partitions.
    func stores(in relation: String?) -> Bool {
        guard let relation, let own = name.split(separator: ".").last, relation.hasPrefix(own) else { return false }
        let partition = relation.dropFirst(own.count)
        return partition.isEmpty || partition.wholeMatch(of: /_[0-9]+/) != nil
    }

    /// One array a column over rows whose columns are sorted by name; a column that a row lacks is NULL there.
    func parameters(for rows: [[Column]]) throws -> [Parameter] {
        var cursors = [Int](repeating: 0, count: rows.count)
        return try columns.map { definition in
            let values = rows.indices.map { row -> ColumnValue? in
                let columns = rows[row]
                guard cursors[row] < columns.count, columns[cursors[row]].name == definition.name else { return nil }
                defer { cursors[row] += 1 }
                return columns[cursors[row]].value
            }
            return try AuditedTable.array(of: values, definition)
        }
    }

    private static func array(of values: [ColumnValue?], _ definition: ColumnDefinition) throws -> Parameter {
        func elements<Element>(_ element: (ColumnValue) -> Element?) throws -> [Element?] {
            try values.map { value in
                guard let value else { return nil }
                guard let element = element(value) else { throw MismatchedColumn(name: definition.name) }
                return element
            }
        }
        switch definition.kind {
        case .boolean: return .boolArray(try elements { if case .boolean(let value) = $0 { value } else { nil } })
        case .smallint:
            return .int2Array(try elements { if case .integer(let value) = $0 { Int16(exactly: value) } else { nil } })
        case .integer:
            return .int4Array(try elements { if case .integer(let value) = $0 { Int32(exactly: value) } else { nil } })
        case .bigint: return .int8Array(try elements { if case .integer(let value) = $0 { value } else { nil } })
        case .real: return .float4Array(try elements { if case .real(let value) = $0 { value } else { nil } })
        case .double: return .float8Array(try elements { if case .double(let value) = $0 { value } else { nil } })
        case .text: return .textArray(try elements { if case .text(let value) = $0 { value } else { nil } })
        case .bytea: return .bytesArray(try elements { if case .bytes(let value) = $0 { value } else { nil } })
        case .uuid: return .uuidArray(try elements { if case .uuid(let value) = $0 { value } else { nil } })
        case .timestamptz:
            return .timestampArray(
                try elements { if case .timestamp(let value) = $0 { Timestamp(microseconds: value) } else { nil } })
        }
    }
}

/// A record gave a column a value of another kind than its table's: a bug here.
struct MismatchedColumn: Error, CustomStringConvertible {
    let name: String
    var description: String { "column \(name) was given a value of another kind than its table's" }
}

/// What storing adds to a row: where its leaf stands, the salt of its digest, and when.
struct Stamp: Sendable {
    let position: LeafPosition
    let salt: [UInt8]
    let storedAt: Timestamp

    var leaf: Column { Column("leaf", .integer(Int64(position.leaf))) }
    var saltColumn: Column { Column("salt", .bytes(salt)) }
    var seal: Column { Column("seal", .integer(position.seal)) }
    var writer: Column { Column("writer", .uuid(position.writer)) }
}

/// A row of an audited table.
protocol AuditedRow {
    static var table: AuditedTable { get }
    /// The columns that are not NULL, sorted by name, the stamp's among them.
    func columns(_ stamp: Stamp) -> [Column]
}

extension Column {
    /// nil where there is no value: NULL columns are left out of rows.
    init?(_ name: String, text: String?) {
        guard let text else { return nil }
        self.init(name, .text(text))
    }

    init?(_ name: String, integer: (some FixedWidthInteger)?) {
        guard let integer else { return nil }
        self.init(name, .integer(Int64(integer)))
    }

    init?(_ name: String, boolean: Bool?) {
        guard let boolean else { return nil }
        self.init(name, .boolean(boolean))
    }

    init?(_ name: String, real: Float?) {
        guard let real else { return nil }
        self.init(name, .real(real))
    }

    init?(_ name: String, double: Double?) {
        guard let double else { return nil }
        self.init(name, .double(double))
    }

    init?(_ name: String, bytes: [UInt8]?) {
        guard let bytes else { return nil }
        self.init(name, .bytes(bytes))
    }

    init?(_ name: String, timestamp: Timestamp?) {
        guard let timestamp else { return nil }
        self.init(name, .timestamp(timestamp.microseconds))
    }
}
