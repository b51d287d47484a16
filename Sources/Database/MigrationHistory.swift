/// The table `sentinode.schema_migrations`: what was applied to this database, when and by whom.
enum MigrationHistory {
    struct Entry {
        let number: Int
        let name: String
        /// SHA-256 in hexadecimal.
        let checksum: String
        let time: Timestamp
        let person: String

        var fileName: String { Migration.fileName(number: number, name: name) }
    }

    /// What is applied, by number; nothing where the table does not exist yet.
    static func read(from connection: DatabaseConnection) throws(DatabaseError) -> [Int: Entry] {
        guard try exists(on: connection) else { return [:] }
        var entries: [Int: Entry] = [:]
        let rows = try connection.query(
            "select number, name, checksum, applied_at, applied_by from sentinode.schema_migrations")
        for row in rows {
            let number = Int(try row.int4("number"))
            entries[number] = Entry(
                number: number, name: try row.text("name"), checksum: try row.text("checksum"),
                time: try row.timestamp("applied_at"), person: try row.text("applied_by"))
        }
        return entries
    }

    /// SHA-256 of each text in hexadecimal, as PostgreSQL computes it.
    static func checksums(
        of migrations: [Migration], on connection: DatabaseConnection
    ) throws(DatabaseError) -> [String] {
        let rows = try connection.query(
            """
            select pg_catalog.encode(pg_catalog.sha256(content), 'hex') as checksum
            from pg_catalog.unnest($1) with ordinality as files (content, position) order by position
            """, [.bytesArray(migrations.map { Array($0.sql.utf8) })])
        var checksums: [String] = []
        for row in rows { checksums.append(try row.text("checksum")) }
        return checksums
    }

    static func add(
        _ migration: Migration, programVersion: String?, on connection: DatabaseConnection
    ) throws(DatabaseError) {
        try connection.query(
            """
            insert into sentinode.schema_migrations (number, name, checksum, program_version)
            values ($1, $2, pg_catalog.encode(pg_catalog.sha256($3), 'hex'), $4)
            """,
            [
                .int4(Int32(migration.number)), .text(migration.name), .bytes(Array(migration.sql.utf8)),
                .text(programVersion),
            ])
    }

    /// Looks before it creates: `if not exists` asks for the privilege to create even where nothing is missing.
    static func createIfMissing(on connection: DatabaseConnection) throws(DatabaseError) {
        if try exists(on: connection) { return }
        let row = try connection.query("select pg_catalog.to_regnamespace('sentinode') is null as missing").onlyRow()
        if try row.bool("missing") { try connection.run(script: "create schema sentinode") }
        try connection.run(script: table)
    }

    private static func exists(on connection: DatabaseConnection) throws(DatabaseError) -> Bool {
        try connection.query("select pg_catalog.to_regclass('sentinode.schema_migrations') is not null as exists")
            .onlyRow().bool("exists")
    }

    private static let table = """
        create table sentinode.schema_migrations (
            number integer primary key check (number > 0),
            name text not null check (name ~ '^[a-z0-9_]+$'),
            checksum text not null check (checksum ~ '^[0-9a-f]{64}$'),
            applied_at timestamptz not null default pg_catalog.clock_timestamp(),
            applied_by text not null default session_user,
            program_version text
        );
        comment on table sentinode.schema_migrations is
            'Migrations applied to this database, one row each; written by sentinode migrate, never by hand.';
        comment on column sentinode.schema_migrations.number is 'Number of the file NNNN_name.sql, from 1 without gaps.';
        comment on column sentinode.schema_migrations.name is 'Name in NNNN_name.sql.';
        comment on column sentinode.schema_migrations.checksum is
            'SHA-256 of the file (UTF-8, line feeds) in hexadecimal; another one later means that history was edited.';
        comment on column sentinode.schema_migrations.applied_at is 'When it was applied.';
        comment on column sentinode.schema_migrations.applied_by is 'Login of the person or service that applied it.';
        comment on column sentinode.schema_migrations.program_version is 'Version of the program that applied it.';
        """
}
