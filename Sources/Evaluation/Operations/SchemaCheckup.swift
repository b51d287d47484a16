import Database

extension Checkup {
    /// Where the database's migrations stand beside this program's.
    func schema(_ connection: DatabaseConnection, folder: String?) throws -> [CheckupResult] {
        let history = try connection.query(
            "select pg_catalog.to_regclass('sentinode.schema_migrations') is null as none")
        if try history.onlyRow().bool("none") {
            return [.bad("schema", "nothing of Sentinode is in this database", DatabaseError.migrateAdvice)]
        }
        guard let folder else {
            return [.warning("schema", "not compared: no folder migrations was found", "name it with --migrations")]
        }
        let status = try Migrator(folder: folder).status(connection)
        let faults = edited(status) + pending(status) + newer(status)
        return faults.isEmpty ? [.good("schema", "\(status.count) migrations applied")] : faults
    }

    private func edited(_ status: [MigrationStatus]) -> [CheckupResult] {
        status.compactMap { migration in
            guard case .edited(let name, let time) = migration.state else { return nil }
            return .bad(
                "schema", "\(migration.fileName) is not what was applied as \(name), \(time)",
                "use the program that belongs to this database, or restore the file")
        }
    }

    private func pending(_ status: [MigrationStatus]) -> [CheckupResult] {
        let count = status.count { $0.state == .pending }
        return count == 0 ? [] : [.bad("schema", "\(count) migrations are pending", DatabaseError.migrateAdvice)]
    }

    /// Old and new workers run side by side while a newer program takes over.
    private func newer(_ status: [MigrationStatus]) -> [CheckupResult] {
        let unknown = status.filter { if case .unknownNewer = $0.state { true } else { false } }.map(\.fileName)
        guard !unknown.isEmpty else { return [] }
        return [
            .warning(
                "schema", "newer than this program, which does not know \(unknown.joined(separator: ", "))",
                "nothing, while workers are replaced one by one; then run the program that applied it")
        ]
    }
}
