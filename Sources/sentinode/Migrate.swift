import ArgumentParser
import Database
import Evaluation
import Foundation

struct Migrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to the schema of this program.",
        discussion: """
            Applies the files migrations/NNNN_name.sql that are not applied yet, each in a transaction of its own, under \
            a lock. Doing it again changes nothing. The login needs to create roles and schemas once; afterwards it \
            needs to be a member of sentinode_owner.

            Examples:
              sentinode migrate
              sentinode migrate --dry-run
              sentinode migrate status
              sentinode migrate accept --reason "read access for the reporting login"
            """,
        subcommands: [Apply.self, Status.self, Accept.self], defaultSubcommand: Apply.self)

    struct Folder: ParsableArguments {
        @Option(help: "Folder with the migrations; by default it is looked for here and beside the program.")
        var migrations: String?

        func migrator() throws -> Migrator {
            try Migrator(folder: try migrations ?? migrationsFolder(), programVersion: programVersion)
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply what is pending (the default).",
            discussion: """
                Example:
                  sentinode migrate --dry-run
                """)

        @OptionGroup var folder: Folder
        @Flag(help: "Try what is pending and roll it back.")
        var dryRun = false

        func run() throws {
            try reportingFailures {
                let migrator = try folder.migrator()
                let connection = try DatabaseConnection(databaseSettings("migrate"))
                let applied = try migrator.apply(connection, dryRun: dryRun) { print($0) }
                if applied.isEmpty { print("the database is up to date") }
                if !dryRun, try CatalogueFingerprint(connection).recordAfterMigrating() {
                    print("the catalogue is recorded, for `sentinode audit verify`")
                }
            }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show where every migration stands; change nothing.",
            discussion: """
                Example:
                  sentinode migrate status
                """)

        @OptionGroup var folder: Folder

        func run() throws {
            try reportingFailures {
                let migrator = try folder.migrator()
                let connection = try DatabaseConnection(databaseSettings("migrate"))
                printTable(
                    ["migration", "state"],
                    try migrator.status(connection).map { [$0.fileName, Status.words(for: $0.state)] })
            }
        }

        private static func words(for state: MigrationStatus.State) -> String {
            switch state {
            case .pending: "pending"
            case .applied(let time, let login): "applied \(time) by \(login)"
            case .edited(let name, let time): "EDITED: \(name) was applied \(time) with other content"
            case .unknownNewer(let time): "UNKNOWN to this program, applied \(time)"
            }
        }
    }

    struct Accept: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Record the catalogue as it stands as the right one.",
            discussion: """
                For what somebody changed on purpose beside the migrations, such as a grant to a login of your own: \
                `audit verify` names it until it is accepted. The reason and what differed stay in the audit trail.

                Example:
                  sentinode migrate accept --reason "read access for the reporting login"
                """)

        @Option(help: "Why; it stays in the audit trail.") var reason: Reason

        func run() throws {
            try reportingFailures {
                let connection = try DatabaseConnection(databaseSettings("migrate"))
                let differences = try CatalogueFingerprint(connection).accept(reason: reason.text)
                for difference in differences { print(difference.sentence) }
                print("accepted: \(differences.count) differences")
            }
        }
    }
}

/// The folder `migrations` in the working directory, beside the program, or in a folder above it (a build folder lies
/// inside its checkout).
func migrationsFolder() throws -> String {
    var candidates = ["migrations"]
    var folder = URL(filePath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
    if let path = Bundle.main.executablePath { folder = URL(filePath: path).resolvingSymlinksInPath() }
    for _ in 0..<5 {
        folder.deleteLastPathComponent()
        candidates.append(folder.appending(path: "migrations").path)
        candidates.append(folder.appending(path: "share/sentinode/migrations").path)
    }
    let found = candidates.first { FileManager.default.fileExists(atPath: $0 + "/0001_roles_and_schemas.sql") }
    guard let found else {
        throw ConfigurationError(["no folder migrations is here or beside the program: name it with --migrations"])
    }
    return found
}
