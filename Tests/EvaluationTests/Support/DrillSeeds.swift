import AuditTrail
import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// Rows that the product makes: the drill adds made-up ones to audited tables that stay empty.
enum DrillSeeds {
    static func sow(in laboratory: Laboratory) throws {
        try predictionsAndQuarantine(laboratory)
        try decision(laboratory)
        try erasure(laboratory)
    }

    /// Two batches at least, with and without everything that a job may say of itself; a bad message, twice.
    private static func predictionsAndQuarantine(_ laboratory: Laboratory) throws {
        let bad = TestPatches.message(Array("no patch".utf8), id: "bad", headers: [Field("site", .text("north"))])
        let described = TestPatches.message(
            try TestPatches.png(1), id: "described",
            headers: [
                Field("slide_id", .text("S-17")), Field("x", .int(96)), Field("y", .int(192)),
                Field("case_pseudonym", .text("C-1")), Field("colour", .text("pink")),
            ])
        try laboratory.publish(try TestPatches.jobs(5) + [bad, described])
        try laboratory.drain()
        try laboratory.publish(try TestPatches.jobs(3, prefix: "later") + [bad])
        try laboratory.drain(environment: ["SENTINODE_BATCH": "1"])
    }

    private static func decision(_ laboratory: Laboratory) throws {
        let job = try TestPatches.jobID("bad").uuidString
        let discard = try laboratory.start("quarantine", "discard", job, "--reason", "a drill")
        try #require(try discard.waitForEnd() == .exit(0), "\(discard.lastWords())")
    }

    /// Clears a prediction as an erasure does, in the name of an event of its own.
    private static func erasure(_ laboratory: Laboratory) throws {
        let superuser = try laboratory.superuser()
        defer { superuser.close() }
        let row = try superuser.query(
            """
            select job_id, writer, seal, leaf from sentinode.predictions
            where slide_id is null order by seal desc, leaf desc limit 1
            """
        ).onlyRow()
        try superuser.run(script: "alter table sentinode.predictions alter column salt drop not null")
        _ = try superuser.query(
            """
            update sentinode.predictions set salt = null, message_id = null, attributes_source = null, case_pseudonym = null,
                slide_id = null, x = null, y = null where job_id = $1
            """,
            [.uuid(try row.uuid("job_id"))])
        let position = LeafPosition(
            writer: try row.uuid("writer"), seal: try row.int8("seal"), leaf: try row.int4("leaf"))
        let remainder = try digest(of: try row.uuid("job_id"), superuser)
        _ = try Ledger(superuser).transact { entry in
            let row = ErasedRow(position: position, remainder: remainder, at: entry.at, login: entry.actor)
            _ = try entry.insert([row])
            try entry.connection.query(
                "insert into audit.chains (writer, login) values ($1, $2)", [.uuid(entry.writer), .text(entry.actor)])
            return ((), AuditEvent(action: "case.erased"))
        }
    }

    /// A prediction's digest as it stands, computed by the database.
    private static func digest(of job: UUID, _ connection: DatabaseConnection) throws -> [UInt8] {
        try connection.run(
            script: """
                create table public.digest (value bytea);
                do $$ begin
                    execute format('insert into public.digest select sha256(%s) from sentinode.predictions
                        where job_id = %L', audit.row_encoding('sentinode.predictions'), '\(job)');
                end $$
                """)
        return try connection.query("select value from public.digest").onlyRow().bytes("value")
    }
}

/// A row of `audit.erased_rows`.
private struct ErasedRow: AuditedRow {
    let position: LeafPosition
    let remainder: [UInt8]
    let at: Timestamp
    let login: String

    static let table = AuditedTable(
        "audit.erased_rows",
        [
            .init("relation", .text), .init("row_writer", .uuid), .init("row_seal", .bigint),
            .init("row_leaf", .integer), .init("columns", .text), .init("erased_at", .timestamptz),
            .init("erased_by", .text), .init("remainder", .bytea),
        ])

    func columns(_ stamp: Stamp) -> [Column] {
        [
            Column("columns", .text(ErasedColumns.list(of: "sentinode.predictions") ?? "")),
            Column("erased_at", .timestamp(at.microseconds)),
            Column("erased_by", .text(login)), stamp.leaf, Column("relation", .text("sentinode.predictions")),
            Column("remainder", .bytes(remainder)),
            Column("row_leaf", .integer(Int64(position.leaf))), Column("row_seal", .integer(position.seal)),
            Column("row_writer", .uuid(position.writer)), stamp.saltColumn, stamp.seal, stamp.writer,
        ]
    }
}

extension Laboratory {
    /// A connection that may do everything, as whoever owns the server may, with triggers and foreign keys asleep.
    func superuser() throws -> DatabaseConnection {
        let connection = try DatabaseConnection(superuserSettings())
        try connection.run(script: "set session_replication_role = replica")
        return connection
    }

    /// Settings of whoever may do everything, to whom row-level security hides nothing.
    private func superuserSettings() throws -> DatabaseSettings {
        let url = try #require(ProcessInfo.processInfo.environment["SENTINODE_DATABASE_ADMIN_URL"])
        let login = try #require(URLComponents(string: url))
        return DatabaseSettings(
            url: try stack.databaseURL(database: databaseName, user: login.user, password: login.password),
            applicationName: "sentinode tests")
    }

    /// Verifies with slices of few events, so that chains cross from slice to slice.
    func verify(
        _ scope: AuditScope = .everything, sliceSize: Int64 = 2, workers: Int = 2, outside: OutsideRecord? = nil
    ) throws -> AuditReport {
        var verification = AuditVerification(
            try superuserSettings(), scope: scope,
            migrationsFolder: Stack.packageRoot.appending(path: "migrations").path, outside: outside, workers: workers)
        verification.sliceSize = sliceSize
        return try verification.run()
    }
}
