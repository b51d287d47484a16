import Database

/// A table whose rows are leaves of the audit trail, as the catalogue describes it now.
struct StampedTable: Sendable {
    struct Column: Sendable {
        let name: String
        let kind: AuditedTable.Kind
    }

    /// With its schema, as row digests name it.
    let name: String
    let source: SQL
    /// What digests cover, sorted by name.
    let columns: [Column]
    let key: [String]
    /// Generated columns `X` that have their source `X_source` beside them.
    let derived: [String]

    static let events = "audit.events"
    var isEvents: Bool { name == StampedTable.events }

    /// The columns that a digest is made from, in its order.
    var selectList: SQL { selectList { "t." + SQL.identifier($0) } }

    /// The same, as if the row stood at another place.
    func selectList(at position: EventPosition) -> SQL {
        selectList { column in
            switch column {
            case "writer": SQL.literal(position.writer)
            case "seal": SQL.literal(position.seal)
            default: "t." + SQL.identifier(column)
            }
        }
    }

    private func selectList(_ expression: (String) -> SQL) -> SQL {
        SQL.joined(columns.map { expression($0.name) }, separator: ", ")
    }

    /// The primary key as one text, as in `job_id=...`; a table that lost its key names the row's place in its file.
    var keyText: SQL {
        guard !key.isEmpty else { return "'ctid=' || t.ctid::text" }
        let parts = key.map { SQL.quoted($0 + "=") + " || t." + SQL.identifier($0) + "::text" }
        return "concat_ws(' ', " + SQL.joined(parts, separator: ", ") + ")"
    }

    func position(of column: String) -> Int? { columns.firstIndex { $0.name == column } }
}

extension AuditedTable.Kind {
    /// By `pg_type.oid`, which is the same in every database for built-in types; nil for what digests do not know.
    init?(typeNumber: Int64) {
        switch typeNumber {
        case 16: self = .boolean
        case 21: self = .smallint
        case 23: self = .integer
        case 20: self = .bigint
        case 700: self = .real
        case 701: self = .double
        case 25: self = .text
        case 17: self = .bytea
        case 2950: self = .uuid
        case 1184: self = .timestamptz
        default: return nil
        }
    }

    /// The byte that stands before a value of this kind in a row's encoding.
    var tag: UInt8 {
        switch self {
        case .boolean: UInt8(ascii: "b")
        case .smallint, .integer, .bigint: UInt8(ascii: "i")
        case .real: UInt8(ascii: "f")
        case .double: UInt8(ascii: "d")
        case .text: UInt8(ascii: "t")
        case .bytea: UInt8(ascii: "y")
        case .uuid: UInt8(ascii: "u")
        case .timestamptz: UInt8(ascii: "z")
        }
    }
}
