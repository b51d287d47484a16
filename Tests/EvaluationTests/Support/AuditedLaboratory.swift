import AuditTrail
import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What checkpoints, proofs and the catalogue's fingerprint are tried with.
extension Laboratory {
    /// A file beside the programs.
    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Runs `sentinode` and requires the exit code; returns what it printed.
    @discardableResult
    func output(of arguments: String..., expecting code: Int32 = 0) throws -> String {
        let program = try start(arguments)
        let end = try program.waitForEnd()
        try #require(end == .exit(code), "\(arguments) ended with \(end): \(program.lastWords())")
        return try program.output()
    }

    /// A key pair in `c.key`, made the first time.
    func makeKey(_ name: String = "c.key") throws { try output(of: "audit", "key", "--out", name) }

    /// One more checkpoint in `c.txt`.
    func sign(_ more: String..., key: String = "c.key", expecting code: Int32 = 0) throws {
        let program = try start(["audit", "checkpoint", "--key", key, "--out", "c.txt"] + more)
        let end = try program.waitForEnd()
        try #require(end == .exit(code), "the checkpoint ended with \(end): \(program.lastWords())")
    }

    /// Predictions through a worker, so that a chain of its own begins.
    func work(_ numbers: Range<Int>) throws {
        try publish(try numbers.map { TestPatches.message(try TestPatches.png($0), id: "patch-\($0)") })
        try drain()
    }

    /// What the checkpoints that are known outside say of the database.
    func verifyAnchored(
        publicKey: String = "c.key.pub", outside: [String] = ["c.txt"], _ connection: DatabaseConnection? = nil
    ) throws -> AnchorReport {
        let key = try KeyFiles.verifyingKey(path(publicKey))
        let known = try outside.flatMap { try CheckpointFile.read(path($0)) }
        return try CheckpointVerification(publicKey: key, outside: known).run(connection ?? database)
    }

    /// Runs statements as a superuser for whom no trigger fires.
    func tamper(_ script: String) throws {
        let connection = try connectAsSuperuser()
        defer { connection.close() }
        try connection.run(script: "set session_replication_role = replica; \(script)")
    }

    func connectAsSuperuser() throws -> DatabaseConnection {
        try DatabaseConnection(DatabaseSettings(url: superuserURL(), applicationName: "sentinode tests"))
    }

    private func superuserURL(database: String? = nil) throws -> String {
        let url = try #require(ProcessInfo.processInfo.environment["SENTINODE_DATABASE_ADMIN_URL"])
        let login = try #require(URLComponents(string: url))
        return try stack.databaseURL(database: database ?? databaseName, user: login.user, password: login.password)
    }

    /// Runs a program of the system's with what it needs to reach this database; returns what it printed.
    @discardableResult
    func command(_ program: String, _ arguments: String..., expecting code: Int32 = 0) throws -> String {
        let process = Process()
        let output = path(randomName())
        try Data().write(to: URL(filePath: output))
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = folder
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        let printed = String(decoding: try Data(contentsOf: URL(filePath: output)), as: UTF8.self)
        try #require(process.terminationStatus == code, "\(program): \(printed.suffix(2000))")
        return printed
    }

    /// Row-level security keeps from everybody but a superuser what a backup has to hold.
    func backUp(_ file: String) throws {
        try command("pg_dump", "--format=custom", "--file", file, superuserURL())
    }

    /// Replaces the database by a backup that `backUp` made.
    func restore(_ backup: String) throws {
        database.close()
        let administrator = try stack.administrator()
        // A server process of its own, such as autovacuum, ends for nobody else.
        let superuser = try DatabaseConnection(
            DatabaseSettings(url: superuserURL(database: "postgres"), applicationName: "sentinode tests"))
        defer { superuser.close() }
        try superuser.run(script: "drop database \(databaseName) with (force)")
        try administrator.run(script: "create database \(databaseName) template template0")
        try command("pg_restore", "--dbname", superuserURL(), "--exit-on-error", backup)
        try reconnect()
    }
}
