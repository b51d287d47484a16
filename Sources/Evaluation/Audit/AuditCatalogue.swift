import Database

/// What the database's own catalogue says of audited tables, and what it should say and does not.
///
/// Every table with a stamp is found, so a table or column that came later is covered without being known here.
struct AuditCatalogue {
    private(set) var tables: [StampedTable] = []
    private(set) var findings: [AuditFinding] = []
    /// Whether events, seals and erasures can be read at all.
    private(set) var hasTrail = true

    init(_ connection: DatabaseConnection) throws {
        var relations: [String: [CatalogueColumn]] = [:]
        for row in try connection.query(AuditCatalogue.columnsSQL) {
            let column = try CatalogueColumn(row)
            relations[column.relation, default: []].append(column)
        }
        compare(ExpectedTable.trail, with: relations)
        hasTrail = findings.isEmpty
        compare(ExpectedTable.records, with: relations)
        for (name, columns) in relations.sorted(by: { $0.key < $1.key }) { add(name, columns) }
    }

    private mutating func compare(_ expected: [ExpectedTable], with relations: [String: [CatalogueColumn]]) {
        for table in expected {
            guard let columns = relations[table.name] else {
                findings.append(AuditFinding(.tableMissing, table: table.name))
                continue
            }
            for column in table.columns {
                let isThere = columns.contains { $0.name == column.name && $0.kind == column.kind && !$0.isGenerated }
                if isThere { continue }
                findings.append(
                    AuditFinding(
                        .columnMissing, table: table.name, detail: "no column \(column.name) of its type is left"))
            }
        }
    }

    private mutating func add(_ name: String, _ columns: [CatalogueColumn]) {
        let stamp = columns.filter { ["writer", "seal", "leaf", "salt"].contains($0.name) }
        guard stamp.contains(where: { $0.name == "salt" }) else { return }
        let isEvents = name == StampedTable.events
        guard stamp.count == 4 || isEvents && stamp.count == 3, stamp.allSatisfy(\.isStamp) else {
            findings.append(
                AuditFinding(.columnMissing, table: name, detail: "its rows no longer say where their leaves stand"))
            return
        }
        for column in columns where !column.isGenerated && column.kind == nil {
            findings.append(
                AuditFinding(.columnUnknown, table: name, detail: "column \(column.name) cannot be in a digest"))
        }
        let covered = columns.filter { !$0.isGenerated }
        tables.append(
            StampedTable(
                name: name, source: columns[0].source,
                columns: covered.compactMap { column in
                    column.kind.map { StampedTable.Column(name: column.name, kind: $0) }
                },
                key: columns.filter { $0.keyPlace != nil }.sorted { $0.keyPlace ?? 0 < $1.keyPlace ?? 0 }.map(\.name),
                derived: columns.filter { column in
                    column.isJSON && column.isGenerated && covered.contains { $0.name == column.name + "_source" }
                }.map(\.name)))
    }

    private static let columnsSQL: SQL = """
        select space.nspname::text as schema_name, class.relname::text as relation_name, attname::text as column_name,
            atttypid::oid::bigint as type_number, attgenerated::text <> '' as is_generated,
            array_position(
                (select indkey::smallint[] from pg_catalog.pg_index where indrelid = class.oid and indisprimary limit 1),
                attnum) as key_place
        from pg_catalog.pg_class as class
        join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
        join pg_catalog.pg_attribute on attrelid = class.oid and attnum > 0 and not attisdropped
        where space.nspname in ('sentinode', 'review', 'monitor', 'audit')
            and class.relkind in ('r', 'p') and not class.relispartition
        order by space.nspname, class.relname, attname collate "C"
        """
}

/// One column as the catalogue has it.
private struct CatalogueColumn {
    let relation: String
    let source: SQL
    let name: String
    let kind: AuditedTable.Kind?
    let isGenerated: Bool
    let isJSON: Bool
    let keyPlace: Int32?

    init(_ row: Row) throws {
        let (schema, table) = (try row.text("schema_name"), try row.text("relation_name"))
        relation = "\(schema).\(table)"
        source = SQL.identifier(schema) + "." + SQL.identifier(table)
        name = try row.text("column_name")
        let type = try row.int8("type_number")
        kind = AuditedTable.Kind(typeNumber: type)
        isJSON = type == 3802
        isGenerated = try row.bool("is_generated")
        keyPlace = try row.optionalInt4("key_place")
    }

    /// Whether a column of the stamp has the stamp's type.
    var isStamp: Bool {
        switch (name, kind) {
        case ("writer", .uuid), ("seal", .bigint), ("leaf", .integer), ("salt", .bytea): !isGenerated
        default: false
        }
    }
}
