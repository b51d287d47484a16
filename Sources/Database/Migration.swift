import FoundationEssentials

/// One step of the schema's history: a file `NNNN_name.sql`, numbered from 0001 without gaps.
public struct Migration: Sendable, Hashable {
    public let number: Int
    public let name: String
    /// The file's text, with line feeds however it was checked out.
    public let sql: String

    /// As in `0003_audit.sql`.
    public var fileName: String { Self.fileName(number: number, name: name) }

    static func fileName(number: Int, name: String) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_\(name).sql"
    }

    /// The migrations of a folder in order. Files that do not end in `.sql`, and hidden ones, are not looked at.
    static func all(in folder: String) throws(MigrationError) -> [Migration] {
        var migrations: [Migration] = []
        for file in try sqlFiles(in: folder) {
            guard let match = file.wholeMatch(of: /([0-9]{4})_([a-z0-9_]+)\.sql/), let number = Int(match.1),
                number > 0
            else {
                throw .misnamed(file: file)
            }
            let sql = try text(ofFile: file, in: folder)
            migrations.append(Migration(number: number, name: String(match.2), sql: sql))
        }
        guard !migrations.isEmpty else { throw .unreadable(path: folder, reason: "it holds no file NNNN_name.sql") }
        for (expected, migration) in zip(1..., migrations) where migration.number != expected {
            throw migration.number < expected ? .duplicate(file: migration.fileName) : .gap(number: expected)
        }
        return migrations
    }

    private static func sqlFiles(in folder: String) throws(MigrationError) -> [String] {
        do {
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            return files.filter { $0.hasSuffix(".sql") && !$0.hasPrefix(".") }.sorted()
        } catch {
            throw .unreadable(path: folder, reason: "it is not a folder that can be read")
        }
    }

    private static func text(ofFile file: String, in folder: String) throws(MigrationError) -> String {
        let path = folder.hasSuffix("/") ? folder + file : folder + "/" + file
        guard let content = FileManager.default.contents(atPath: path) else {
            throw .unreadable(path: path, reason: "the file cannot be read")
        }
        guard let text = String(validating: content, as: UTF8.self), !text.utf8.contains(0) else {
            throw .unreadable(path: path, reason: "it is not UTF-8 text")
        }
        return text.replacing("\r\n", with: "\n")
    }
}

/// Where one migration stands in one database.
public struct MigrationStatus: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case pending
        case applied(at: Timestamp, by: String)
        /// The file is not what was applied: other content, or another name.
        case edited(appliedAs: String, at: Timestamp)
        /// The database has it and this program does not know it.
        case unknownNewer(at: Timestamp)
    }

    public let number: Int
    public let name: String
    public let state: State

    /// As in `0003_audit.sql`.
    public var fileName: String { Migration.fileName(number: number, name: name) }
}
