import Foundation
import Testing

@testable import Database

/// A folder of migrations for one test, removed when the test is over.
private final class MigrationFolder {
    let path = NSTemporaryDirectory() + "sentinode-migrations-" + UUID().uuidString

    init(_ files: [String: String]) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }

    func migrator() throws -> Migrator { try Migrator(folder: path, programVersion: "1.2.3") }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) }
    }
}

private let twoSteps = [
    "0001_patients.sql": "create table patients (n int);\ninsert into patients values (1);\n",
    "0002_slides.sql": "alter table patients add slide text;\n",
]

struct MigrationFilesTests {
    private func refusal(_ files: [String: String]) throws -> MigrationError {
        let folder = try MigrationFolder(files)
        return try #require(throws: MigrationError.self) { try Migrator(folder: folder.path) }
    }

    @Test func `files are read in order and others than SQL are left alone`() throws {
        var files = twoSteps
        files["README.md"] = "notes"
        files[".0003_hidden.sql"] = "select 1"
        files["0002_slides.sql~"] = "select 2"
        let folder = try MigrationFolder(files)
        let migrations = try folder.migrator().migrations
        #expect(migrations.map(\.fileName) == ["0001_patients.sql", "0002_slides.sql"])
        #expect(migrations.map(\.number) == [1, 2])
    }

    @Test func `gaps, duplicates and odd names are refused by name`() throws {
        #expect(try refusal(["0001_a.sql": "", "0003_c.sql": ""]) == .gap(number: 2))
        #expect(try refusal(["0002_b.sql": ""]) == .gap(number: 1))
        #expect(try refusal(["0001_a.sql": "", "0001_b.sql": ""]) == .duplicate(file: "0001_b.sql"))
        for name in ["1_a.sql", "0001-a.sql", "0001_A.sql", "0001_.sql", "00001_a.sql", "0000_a.sql", "setup.sql"] {
            #expect(try refusal(["0001_first.sql": "", name: ""]) == .misnamed(file: name))
        }
    }

    @Test func `a missing folder, an empty one and a file that is not text are refused`() throws {
        let missing = #expect(throws: MigrationError.self) { try Migrator(folder: "/nowhere/at/all") }
        #expect(missing?.description.contains("/nowhere/at/all") == true)
        #expect(try refusal([:]).description.contains("no file NNNN_name.sql"))
        #expect(try refusal(["0001_a.sql": "select '\0'"]).description.contains("not UTF-8 text"))
    }
}

@Suite(.needsServer)
struct MigratorTests {
    @Test func `what is pending is applied once, in order, and recorded with its checksum`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder(twoSteps)
            let migrator = try folder.migrator()
            #expect(try migrator.status(connection).map(\.state) == [.pending, .pending])
            var lines: [String] = []
            let applied = try migrator.apply(connection) { lines.append($0) }
            #expect(applied.map(\.number) == [1, 2])
            #expect(lines.count == 2 && lines[1].hasPrefix("0002_slides.sql: applied in "))
            #expect(try connection.query("select slide from patients").count == 1)
            let rows = try connection.query(
                """
                select m.*, checksum = encode(sha256(convert_to($1, 'UTF8')), 'hex') as agrees,
                    applied_by = session_user as own, abs(extract(epoch from now() - applied_at)) < 60 as fresh
                from sentinode.schema_migrations m where number = 2
                """, [.text(twoSteps["0002_slides.sql"])])
            let entry = try rows.onlyRow()
            #expect(try entry.text("name") == "slides")
            #expect(try entry.text("program_version") == "1.2.3")
            #expect(try entry.bool("agrees") && entry.bool("own") && entry.bool("fresh"))
            #expect(try migrator.apply(connection).isEmpty)
            for status in try migrator.status(connection) {
                guard case .applied = status.state else {
                    Issue.record("\(status) is not applied")
                    continue
                }
            }
        }
    }

    @Test func `the history's table and columns explain themselves`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try MigrationFolder(twoSteps).migrator().apply(connection)
            let silent = try connection.query(
                """
                select attname from pg_attribute where attrelid = 'sentinode.schema_migrations'::regclass and attnum > 0
                    and col_description(attrelid, attnum) is null
                """)
            #expect(silent.isEmpty)
            #expect(
                try !connection.query("select obj_description('sentinode.schema_migrations'::regclass) as it")[0]
                    .isNull("it"))
        }
    }

    @Test func `a failing migration is rolled back, those before it stay, and the error says file, line and SQLSTATE`()
        async throws
    {
        try await ScratchDatabase.withConnection { (connection) throws in
            var files = twoSteps
            files["0003_broken.sql"] = "create table třetí (n int);\n-- ěščř\ncreate table fourth (\n    n integr\n);\n"
            let folder = try MigrationFolder(files)
            let error = #expect(throws: MigrationError.self) { try folder.migrator().apply(connection) }
            guard case .failed("0003_broken.sql", line: 4, _, let cause) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(cause.sqlstate == "42704")
            #expect(error?.description.contains("0003_broken.sql failed at line 4") == true)
            #expect(error?.description.contains("type \"integr\" does not exist (SQLSTATE 42704)") == true)
            #expect(try connection.query("select to_regclass('třetí') as it")[0].isNull("it"))
            #expect(try connection.query("select number from sentinode.schema_migrations").count == 2)
            try folder.write("0003_broken.sql", "create table third (n int)")
            #expect(try folder.migrator().apply(connection).map(\.number) == [3])
        }
    }

    @Test func `an error without position names the statement, and never the row`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder([
                "0001_a.sql":
                    "create table a (n text unique);\ninsert into a values ('Novak');\ninsert into a values ('Novak');\n"
            ])
            let error = #expect(throws: MigrationError.self) { try folder.migrator().apply(connection) }
            #expect(error?.description.contains("failed in its statement 3") == true)
            #expect(error?.description.contains("Novak") == false)
            #expect(error?.isTransient == false)
        }
    }

    @Test func `a dry run tries everything and leaves nothing`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder(twoSteps)
            var lines: [String] = []
            let tried = try folder.migrator().apply(connection, dryRun: true) { lines.append($0) }
            #expect(tried.count == 2)
            #expect(lines.count == 2 && lines[0].hasPrefix("0001_patients.sql: would be applied"))
            #expect(
                try connection.query("select to_regnamespace('sentinode') as it, to_regclass('patients') as that")[0]
                    .isNull("that"))
            #expect(try connection.query("select to_regnamespace('sentinode') as it")[0].isNull("it"))
            try folder.write("0002_slides.sql", "alter table nobody add slide text")
            #expect(throws: MigrationError.self) { try folder.migrator().apply(connection, dryRun: true) }
            #expect(try folder.migrator().status(connection).allSatisfy { $0.state == .pending })
        }
    }

    @Test func `edited and renamed history is refused by name, and nothing is applied`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder(twoSteps)
            try folder.migrator().apply(connection)
            try folder.write("0003_more.sql", "create table more (n int)")
            try folder.write("0001_patients.sql", "create table patients (n bigint)")
            let edited = #expect(throws: MigrationError.self) { try folder.migrator().apply(connection) }
            #expect(edited?.description.contains("0001_patients.sql was changed after it was applied") == true)
            guard case .edited = try folder.migrator().status(connection)[0].state else {
                Issue.record("the change does not show in the status")
                return
            }
            try folder.remove("0001_patients.sql")
            try folder.write("0001_people.sql", try #require(twoSteps["0001_patients.sql"]))
            let renamed = #expect(throws: MigrationError.self) { try folder.migrator().apply(connection) }
            #expect(
                renamed?.description.contains("0001_people.sql was changed after it was applied (as 0001_patients.sql")
                    == true)
            #expect(try connection.query("select to_regclass('more') as it")[0].isNull("it"))
            // The same text with other line ends is the same migration.
            try folder.remove("0001_people.sql")
            try folder.write(
                "0001_patients.sql", try #require(twoSteps["0001_patients.sql"]).replacing("\n", with: "\r\n"))
            #expect(try folder.migrator().apply(connection).map(\.number) == [3])
        }
    }

    @Test func `a database newer than the program is refused by name`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder(twoSteps)
            try folder.migrator().apply(connection)
            try folder.remove("0002_slides.sql")
            let older = try folder.migrator()
            let error = #expect(throws: MigrationError.self) { try older.apply(connection) }
            #expect(error == .databaseNewer(unknown: ["0002_slides.sql"], newestKnown: "0001_patients.sql"))
            guard case .unknownNewer = try #require(try older.status(connection).last).state else {
                Issue.record("the newer migration does not show in the status")
                return
            }
        }
    }

    @Test func `a hole in the history is refused`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder(twoSteps)
            try folder.migrator().apply(connection)
            try connection.query("delete from sentinode.schema_migrations where number = 1")
            let error = #expect(throws: MigrationError.self) { try folder.migrator().apply(connection) }
            #expect(error == .hole(file: "0001_patients.sql"))
        }
    }

    @Test func `a migration that ends its own transaction is refused by name`() async throws {
        for ending in ["commit", "commit; begin", "rollback"] {
            try await ScratchDatabase.withConnection { (connection) throws in
                let folder = try MigrationFolder(["0001_sly.sql": "create table sly (n int); \(ending);"])
                let error = #expect(throws: MigrationError.self) { try folder.migrator().apply(connection) }
                #expect(error == .endedTransaction(file: "0001_sly.sql"))
                #expect(try folder.migrator().status(connection).map(\.state) == [.pending])
            }
        }
    }

    @Test func `a role, a setting and a timeout taken by one migration do not reach the next`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder([
                "0001_a.sql": "set role pg_monitor; set search_path = pg_catalog; set statement_timeout = '1ms'",
                "0002_b.sql":
                    "create table public.b as select current_user as who, current_setting('search_path') as path",
            ])
            try folder.migrator().apply(connection)
            let row = try connection.query("select who = session_user as own, path from public.b")[0]
            #expect(try row.bool("own"))
            #expect(try row.text("path") == "\"$user\", public")
            #expect(try connection.query("select current_setting('statement_timeout') as it")[0].text("it") == "30s")
        }
    }

    @Test func `a migration may run longer than the connection lets a statement run`() async throws {
        try await ScratchDatabase.with { database in
            var settings = DatabaseSettings(
                url: try TestServer.address(database: database.name).absoluteString, applicationName: "test",
                statementTimeout: 0.1)
            settings.answerGrace = 0.1
            let folder = try MigrationFolder(["0001_slow.sql": "select pg_sleep(0.4)"])
            #expect(try folder.migrator().apply(try DatabaseConnection(settings)).count == 1)
        }
    }

    @Test func `two migrators at once apply everything exactly once`() async throws {
        try await ScratchDatabase.with { database in
            var files = twoSteps
            for number in 3...9 { files["000\(number)_step.sql"] = "create table step\(number) (n int)" }
            let folder = try MigrationFolder(files)
            let migrator = try folder.migrator()
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 1...4 {
                    group.addTask {
                        try await onThread { try migrator.apply(try database.connect()).map(\.number) }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == Array(1...9))
            #expect(try migrator.status(try database.connect()).count == 9)
        }
    }

    @Test func `waiting for another migrator is bounded and says who it is`() async throws {
        try await ScratchDatabase.with { database in
            let holder = try database.connect()
            let connection = try database.connect()
            let folder = try MigrationFolder(twoSteps)
            try MigrationLock(connection: holder).acquire(within: 0) { _ in }
            var lines: [String] = []
            let error = #expect(throws: MigrationError.self) {
                try folder.migrator().apply(connection, lockWait: 0.15) { lines.append($0) }
            }
            let name = "process \(holder.backendProcessID), sentinode tests, user "
            #expect(error?.description.contains(name) == true)
            #expect(error?.isTransient == true)
            #expect(lines.count == 1 && lines[0].contains(name))
            MigrationLock(connection: holder).release()
            #expect(try folder.migrator().apply(connection, lockWait: 0).count == 2)
            // The lock is given back, after success and after failure.
            #expect(try folder.migrator().apply(holder, lockWait: 0).isEmpty)
        }
    }

    @Test func `a reader without privileges to create can ask for the status of a migrated database`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let folder = try MigrationFolder(twoSteps)
            try folder.migrator().apply(connection)
            try connection.run(
                script:
                    "grant usage on schema sentinode to pg_monitor; grant select on sentinode.schema_migrations to pg_monitor; set role pg_monitor"
            )
            #expect(try folder.migrator().status(connection).count == 2)
            #expect(try folder.migrator().apply(connection).isEmpty)
        }
    }
}
