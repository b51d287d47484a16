import AuditTrail
import Database
import Foundation

/// A row as it stands in the database, in the values that its digest covers.
struct SealedRow {
    let table: String
    /// Those that are not NULL.
    let columns: [Column]

    var encoding: [UInt8] { RowEncoding(table: table, columns: columns).bytes }

    /// Reads the columns of `table` from a row that has them all.
    init(_ table: AuditedTable, _ row: Row) throws {
        try self.init(table.name, table.columns, row)
    }

    /// Reads a row of `audit.events`.
    init(event row: Row) throws {
        try self.init("audit.events", SealedRow.eventColumns, row)
    }

    private init(_ table: String, _ definitions: [AuditedTable.ColumnDefinition], _ row: Row) throws {
        self.table = table
        columns = try definitions.compactMap { try SealedRow.column($0, row) }
    }

    /// The columns of `audit.events`, whose rows are leaf 0 and so have no column `leaf`.
    static let eventColumns: [AuditedTable.ColumnDefinition] = [
        .init("action", .text), .init("actor", .text), .init("detail_source", .text), .init("leaves", .bytea),
        .init("occurred_at", .timestamptz), .init("person", .text), .init("reason", .text), .init("salt", .bytea),
        .init("seal", .bigint), .init("subject", .text), .init("writer", .uuid),
    ]

    private static func column(_ definition: AuditedTable.ColumnDefinition, _ row: Row) throws -> Column? {
        let name = definition.name
        if try row.isNull(name) { return nil }
        let value: ColumnValue =
            switch definition.kind {
            case .boolean: .boolean(try row.bool(name))
            case .smallint: .integer(Int64(try row.int2(name)))
            case .integer: .integer(Int64(try row.int4(name)))
            case .bigint: .integer(try row.int8(name))
            case .real: .real(try row.float4(name))
            case .double: .double(try row.float8(name))
            case .text: .text(try row.text(name))
            case .bytea: .bytes(try row.bytes(name))
            case .uuid: .uuid(try row.uuid(name))
            case .timestamptz: .timestamp(try row.timestamp(name).microseconds)
            }
        return Column(name, value)
    }
}

extension ColumnValue {
    /// For a person to read.
    var json: JSONText {
        switch self {
        case .boolean(let value): .boolean(value)
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .double(let value): .double(value)
        case .text(let value): .string(value)
        case .bytes(let value): .string(hexadecimal(value))
        case .uuid(let value): .string(value.text)
        case .timestamp(let value): .string(Timestamp(microseconds: value).description)
        }
    }
}
