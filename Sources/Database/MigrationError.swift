/// Why migrations cannot be read or applied; every case says what to do.
public enum MigrationError: Error, Sendable, Hashable {
    case unreadable(path: String, reason: String)
    case misnamed(file: String)
    case duplicate(file: String)
    case gap(number: Int)
    case databaseNewer(unknown: [String], newestKnown: String)
    case edited(file: String, appliedAs: String, at: Timestamp)
    /// Something later is applied and this is not.
    case hole(file: String)
    case locked(holder: String, seconds: Double)
    /// `line` is nil where PostgreSQL tells no position; then `statement` says which one of the file it was, from 1.
    case failed(file: String, line: Int?, statement: Int?, DatabaseError)
    case endedTransaction(file: String)

    /// The same again, later, may work.
    public var isTransient: Bool {
        switch self {
        case .locked: true
        case .failed(_, _, _, let error): error.isTransient
        case .unreadable, .misnamed, .duplicate, .gap, .databaseNewer, .edited, .hole, .endedTransaction: false
        }
    }
}

extension MigrationError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "migrations cannot be read from \(path): \(reason)"
        case .misnamed(let file):
            "the migration \(file) is not named NNNN_name.sql (four digits, then a-z, 0-9 and _): rename it"
        case .duplicate(let file):
            "the migration \(file) has the number of another one: give it the next free number"
        case .gap(let number):
            "no migration has the number \(number), but later ones exist: restore the file or renumber the later ones"
        case .databaseNewer(let unknown, let newestKnown):
            "the database is newer than this program, which knows migrations up to \(newestKnown): it has "
                + "\(unknown.joined(separator: ", ")); use the newer program"
        case .edited(let file, let appliedAs, let time):
            "the migration \(file) was changed after it was applied (as \(appliedAs), \(time)): restore the file, "
                + "and make the change in a new migration"
        case .hole(let file):
            "the migration \(file) is not applied although later ones are: the history in "
                + "sentinode.schema_migrations was changed by hand; restore it"
        case .locked(let holder, let seconds):
            "another migration is under way (\(holder)) and did not end within \(seconds) s: wait for it, then try again"
        case .failed(let file, let line, let statement, let error):
            "the migration \(file) failed\(Self.place(line: line, statement: statement)) and was rolled back: "
                + "\(error.message) (SQLSTATE \(error.sqlstate))"
        case .endedTransaction(let file):
            "the migration \(file) contains COMMIT or ROLLBACK and a part of it may now be applied: remove that "
                + "statement, and repair the database by hand or restore it"
        }
    }

    private static func place(line: Int?, statement: Int?) -> String {
        switch (line, statement) {
        case (let line?, _): " at line \(line)"
        case (nil, let statement?): " in its statement \(statement)"
        case (nil, nil): ""
        }
    }
}
