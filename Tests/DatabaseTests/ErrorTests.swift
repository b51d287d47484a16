import Foundation
import Testing

@testable import Database

@Suite(.needsServer)
struct ErrorTests {
    @Test func `a refused row names its table and constraint and none of its values`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(
                script:
                    "create table cases (name text constraint cases_once primary key, size int constraint positive check (size > 0) not null)"
            )
            try connection.query("insert into cases values ($1, 1)", [.text("Novak 4711")])
            let broken: [(SQL, String, String?)] = [
                ("insert into cases values ($1, 1)", "23505", "cases_once"),
                ("insert into cases values ($1 || 'x', -4711)", "23514", "positive"),
                ("insert into cases values ($1 || 'y', null)", "23502", nil),
                ("select $1::integer", "22P02", nil),
                ("select $1::uuid", "22P02", nil),
                ("select ($1 || '2147483648000')::timestamptz", "22007", nil),
                ("select 4711000000000000::integer + length($1)", "22003", nil),
                ("select convert_from('\\xff'::bytea, 'UTF8') || $1", "22021", nil),
            ]
            for (sql, sqlstate, constraint) in broken {
                let error = try databaseError { try connection.query(sql, [.text("Novak 4711")]) }
                #expect(error.sqlstate == sqlstate)
                #expect(error.constraint == constraint)
                #expect(error.kind == .refusedRow)
                let shown = error.message + (error.table ?? "") + (error.constraint ?? "")
                #expect(!shown.contains("Novak") && !shown.contains("4711") && !shown.contains("0xff"), "\(shown)")
            }
        }
    }

    @Test func `what the program or its privileges got wrong is fatal and says where`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let unknown = try databaseError { try connection.query("select nothing from nowhere") }
            #expect(unknown.sqlstate == "42P01")
            #expect(unknown.kind == .fatal)
            #expect("\(unknown)".contains("\"select nothing from nowhere\""))
            #expect(unknown.message == "relation \"nowhere\" does not exist")
            let syntax = try databaseError { try connection.query("selec 1") }
            #expect(syntax.kind == .fatal)
            try connection.run(script: "create table kept (n int)")
            try connection.run(script: "set role pg_monitor")
            let denied = try databaseError { try connection.query("select n from kept") }
            #expect(denied.sqlstate == "42501")
            #expect(denied.kind == .fatal)
            #expect(connection.isAlive)
        }
    }

    @Test func `a message and its hint read as one sentence`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let error = try databaseError {
                try connection.run(
                    script: "do $$ begin raise exception 'this is no use' using hint = 'Try that.'; end $$")
            }
            #expect(error.message == "this is no use; Try that")
        }
    }

    @Test func `an index row that is too long is the row's fault`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table slides (id text primary key)")
            let noise = (0..<100_000).map { _ in String(UInt8.random(in: 33...126), radix: 36) }.joined()
            let error = try databaseError { try connection.query("insert into slides values ($1)", [.text(noise)]) }
            #expect(error.sqlstate == "54000")
            #expect(error.kind == .refusedRow)
        }
    }

    @Test func `a statement that runs too long is ended and the connection goes on`() async throws {
        try await ScratchDatabase.with { database in
            let settings = DatabaseSettings(
                url: try TestServer.address(database: database.name).absoluteString, applicationName: "test",
                statementTimeout: 0.1)
            let connection = try DatabaseConnection(settings)
            let error = try databaseError { try connection.query("select pg_sleep(20)") }
            #expect(error.sqlstate == "57014")
            #expect(error.isTransient && !error.isConnectionLost)
            #expect(try connection.query("select 1 as one")[0].int4("one") == 1)
        }
    }

    @Test func `a lock that is held too long is transient trouble`() async throws {
        try await ScratchDatabase.with { database in
            let holder = try database.connect()
            let settings = DatabaseSettings(
                url: try TestServer.address(database: database.name).absoluteString, applicationName: "test",
                lockTimeout: 0.1)
            let waiter = try DatabaseConnection(settings)
            try holder.run(script: "create table locked (n int)")
            try holder.transaction { (holder) throws in
                try holder.query("lock table locked")
                let error = try databaseError { try waiter.query("select n from locked") }
                #expect(error.sqlstate == "55P03")
                #expect(error.isTransient && !error.isConnectionLost)
            }
            #expect(try waiter.query("select n from locked").isEmpty)
        }
    }

    @Test func `an idle transaction is ended by the server and counts as a lost connection`() async throws {
        try await ScratchDatabase.with { database in
            let settings = DatabaseSettings(
                url: try TestServer.address(database: database.name).absoluteString, applicationName: "test",
                idleInTransactionTimeout: 0.05)
            let connection = try DatabaseConnection(settings)
            let watcher = try database.connect()
            let error = try databaseError {
                try connection.transaction { connection in
                    try connection.query("select 1")
                    let pid = connection.backendProcessID
                    try wait(for: "the session's end") {
                        try watcher.query("select from pg_stat_activity where pid = $1", [.int4(pid)]).isEmpty
                    }
                    try connection.query("select 2")
                }
            }
            #expect(error.sqlstate == "25P03")
            #expect(error.isTransient && error.isConnectionLost)
        }
    }

    @Test func `the session has the settings that keep it honest`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            func setting(_ name: String) throws -> String {
                try connection.query("select current_setting($1) as value", [.text(name)])[0].text("value")
            }
            #expect(try setting("TimeZone") == "UTC")
            #expect(try setting("statement_timeout") == "30s")
            #expect(try setting("lock_timeout") == "5s")
            #expect(try setting("idle_in_transaction_session_timeout") == "1min")
            #expect(try setting("application_name") == "sentinode tests")
            #expect(try setting("client_encoding") == "UTF8")
        }
    }

    @Test func `notices are kept for who asks and not printed`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "do $$ begin for i in 1..150 loop raise warning 'number %', i; end loop; end $$")
            let notices = connection.takeNotices()
            #expect(notices.count == 100)
            #expect(notices.last == "number 150")
            #expect(connection.takeNotices().isEmpty)
        }
    }

    @Test func `a notice and its hint are two sentences`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            for message in ["it is full", "it is full."] {
                try connection.run(script: "do $$ begin raise notice '\(message)' using hint = 'Empty it.'; end $$")
                #expect(connection.takeNotices() == ["it is full. Empty it."])
            }
        }
    }
}

/// What SQLSTATEs mean for the caller, without a server.
struct ErrorKindTests {
    @Test(
        arguments: [
            ("08006", .transient), ("40001", .transient), ("40P01", .transient), ("53100", .transient),
            ("53300", .transient),
            ("55P03", .transient), ("57014", .transient), ("57P01", .transient), ("58030", .transient),
            ("25006", .transient),
            ("22001", .refusedRow), ("23505", .refusedRow), ("54000", .refusedRow),
            ("28P01", .fatal), ("42501", .fatal), ("42P01", .fatal), ("25P02", .fatal), ("3D000", .fatal),
            ("XX000", .fatal),
            ("P0001", .fatal), ("55006", .fatal), ("0A000", .fatal),
        ] as [(String, DatabaseError.Kind)])
    func `every class of SQLSTATE has its kind`(sqlstate: String, kind: DatabaseError.Kind) {
        #expect(DatabaseError(operation: "testing", sqlstate: sqlstate, message: "").kind == kind)
    }

    @Test(arguments: [
        ("invalid input syntax for type integer: \"4711\"", "invalid input syntax for type integer: \"…\""),
        ("value \"4711\" is out of range for type smallint", "value \"…\" is out of range for type smallint"),
        ("invalid input syntax for type uuid: \"a\"4711\"b\"", "invalid input syntax for type uuid: \"…\""),
        ("invalid input syntax for type uuid: \"\u{301}4711\"", "invalid input syntax for type uuid: \"…\""),
        ("invalid byte sequence for encoding \"UTF8\": 0xff 0xfe", "invalid byte sequence for encoding \"…\""),
        ("division by zero", "division by zero"),
    ])
    func `a data exception loses its quoted value`(message: String, shown: String) {
        #expect(DatabaseError.withoutQuotedValue(message) == shown)
    }
}
