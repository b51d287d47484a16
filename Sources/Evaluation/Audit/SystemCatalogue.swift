import AuditTrail
import Database

/// What stands in `pg_catalog` that PostgreSQL did not put there, and what its own functions are.
///
/// A function, an operator or a cast that is added there can win over a built-in one in any query, also in those that
/// look for it. So these queries call nothing and compare nothing: they fetch columns, and the rest is done here.
struct SystemCatalogue {
    /// Numbers of objects begin here where initdb did not make them (`FirstNormalObjectId`, access/transam.h).
    private static let firstOwnNumber: Int64 = 16_384
    /// Number of the schema `pg_catalog`, the same in every database.
    private static let schema: Int64 = 11

    /// One object of the server's.
    private struct Entry {
        let kind: String
        let place: Place
        let name: String
        let isInSchema: Bool
        let parts: [String]

        var isBuiltIn: Bool { place.number < firstOwnNumber }
        /// Everything that tells it from another, as one text.
        var text: String { ([kind, name] + parts).joined(separator: "\u{1}") }
    }

    /// Which catalogue, by its own number, and which row of it.
    private struct Place: Hashable {
        let catalogue: Int64
        let number: Int64
    }

    /// What the record of the catalogue holds of it: object and definition.
    private(set) var definitions: [(object: Catalogue.Object, definition: String)] = []

    init(_ connection: DatabaseConnection) throws {
        let types = try SystemCatalogue.names("select oid, typname as name from pg_catalog.pg_type", connection)
        let entries =
            try SystemCatalogue.functions(types, connection) + SystemCatalogue.operators(types, connection)
            + SystemCatalogue.casts(types, connection) + SystemCatalogue.types(connection)
            + SystemCatalogue.relations(connection)
        addBuiltIn(entries, serverVersion: connection.serverVersion)
        addForeign(entries.filter { !$0.isBuiltIn && $0.isInSchema }, try SystemCatalogue.extensions(connection))
    }

    /// Under another version of the server they may be others, so the version is their name.
    private mutating func addBuiltIn(_ entries: [Entry], serverVersion: Int) {
        let code = entries.filter { $0.isBuiltIn && !["type", "relation"].contains($0.kind) }
        definitions.append(
            (
                Catalogue.Object(kind: Catalogue.builtInFunctions, identity: "of PostgreSQL \(serverVersion)"),
                code.map(\.text).sorted().joined(separator: "\u{0}")
            ))
    }

    /// What an extension put there is told of as one, so that nothing can hide in it.
    private mutating func addForeign(_ entries: [Entry], _ extensions: [Place: String]) {
        for entry in entries where entry.kind == "cast" || extensions[entry.place] == nil {
            let object = Catalogue.Object(kind: "system \(entry.kind)", identity: entry.name)
            definitions.append((object, entry.text))
        }
        let extended = Dictionary(grouping: entries.filter { $0.kind != "cast" }) { extensions[$0.place] }
        for (name, members) in extended {
            guard let name else { continue }
            let object = Catalogue.Object(kind: Catalogue.extensions, identity: name)
            definitions.append((object, members.map(\.text).sorted().joined(separator: "\u{0}")))
        }
    }

    private static func functions(_ types: [Int64: String], _ connection: DatabaseConnection) throws -> [Entry] {
        try connection.query(
            "select oid, proname, pronamespace, prolang, prosecdef, proargtypes, prorettype, prosrc, probin from pg_catalog.pg_proc"
        ).map { row in
            let arguments = try row.int8Array("proargtypes").map { types[$0 ?? 0] ?? "?" }
            return Entry(
                kind: "function", place: Place(catalogue: 1255, number: try row.int8("oid")),
                name: "\(try row.text("proname"))(\(arguments.joined(separator: ", ")))",
                isInSchema: try row.int8("pronamespace") == schema,
                parts: [
                    "\(try row.int8("prolang"))", "\(try row.bool("prosecdef"))", "\(try row.int8("prorettype"))",
                    try row.text("prosrc"), try row.optionalText("probin") ?? "",
                ])
        }.filter(\.isInSchema)
    }

    private static func operators(_ types: [Int64: String], _ connection: DatabaseConnection) throws -> [Entry] {
        try connection.query(
            "select oid, oprname, oprnamespace, oprleft, oprright, oprcode::oid as code from pg_catalog.pg_operator"
        ).map { row in
            let sides = try ["oprleft", "oprright"].map { types[try row.int8($0)] ?? "none" }
            return Entry(
                kind: "operator", place: Place(catalogue: 2617, number: try row.int8("oid")),
                name: "\(try row.text("oprname"))(\(sides.joined(separator: ", ")))",
                isInSchema: try row.int8("oprnamespace") == schema, parts: ["\(try row.int8("code"))"])
        }.filter(\.isInSchema)
    }

    /// A cast has no schema: one between built-in types concerns every query.
    private static func casts(_ types: [Int64: String], _ connection: DatabaseConnection) throws -> [Entry] {
        try connection.query(
            "select oid, castsource, casttarget, castfunc, castcontext, castmethod from pg_catalog.pg_cast"
        ).map { row in
            let (source, target) = (try row.int8("castsource"), try row.int8("casttarget"))
            return Entry(
                kind: "cast", place: Place(catalogue: 2605, number: try row.int8("oid")),
                name: "\(types[source] ?? "?") as \(types[target] ?? "?")",
                isInSchema: max(source, target) < firstOwnNumber,
                parts: [
                    "\(try row.int8("castfunc"))", try row.text("castcontext"), try row.text("castmethod"),
                ])
        }.filter(\.isInSchema)
    }

    private static func types(_ connection: DatabaseConnection) throws -> [Entry] {
        try connection.query("select oid, typname, typnamespace from pg_catalog.pg_type").map { row in
            Entry(
                kind: "type", place: Place(catalogue: 1247, number: try row.int8("oid")), name: try row.text("typname"),
                isInSchema: try row.int8("typnamespace") == schema, parts: [])
        }
    }

    private static func relations(_ connection: DatabaseConnection) throws -> [Entry] {
        try connection.query("select oid, relname, relnamespace from pg_catalog.pg_class").map { row in
            Entry(
                kind: "relation", place: Place(catalogue: 1259, number: try row.int8("oid")),
                name: try row.text("relname"), isInSchema: try row.int8("relnamespace") == schema, parts: [])
        }
    }

    /// Name of the extension that an object belongs to.
    private static func extensions(_ connection: DatabaseConnection) throws -> [Place: String] {
        let names = try names("select oid, extname as name from pg_catalog.pg_extension", connection)
        var members: [Place: String] = [:]
        for row in try connection.query(
            "select classid, objid, refobjid, deptype from pg_catalog.pg_depend")
        where try row.text("deptype") == "e" {
            let place = Place(catalogue: try row.int8("classid"), number: try row.int8("objid"))
            members[place] = names[try row.int8("refobjid")] ?? "?"
        }
        return members
    }

    private static func names(_ query: SQL, _ connection: DatabaseConnection) throws -> [Int64: String] {
        Dictionary(
            try connection.query(query).map { (try $0.int8("oid"), try $0.text("name")) }, uniquingKeysWith: { $1 })
    }
}
