import Foundation
import Testing

@testable import Database

@Suite(.needsServer)
struct SessionTests {
    @Test func `a terminated session is transient trouble, and reset makes the same statements work again`()
        async throws
    {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let administrator = try database.connect()
            func answer() throws -> Int32 { try connection.query("select $1 + 1 as sum", [.int4(41)])[0].int4("sum") }
            #expect(try answer() == 42)
            #expect(connection.statements.count == 1)
            try administrator.query("select pg_terminate_backend($1, 5000)", [.int4(connection.backendProcessID)])
            let error = try databaseError { try answer() }
            #expect(error.sqlstate == "57P01")
            #expect(error.isTransient && error.isConnectionLost)
            #expect(!connection.isAlive)
            let again = try databaseError { try answer() }
            #expect(again.sqlstate == "08003")
            #expect(again.isTransient && again.isConnectionLost)
            try connection.reset()
            #expect(connection.isAlive)
            #expect(try answer() == 42)
        }
    }

    @Test func `a connection that is cut without a word is lost, also in the middle of a pipeline`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            try connection.query("select 1")
            shutdown(connection.socketDescriptor, Int32(SHUT_RDWR))
            let error = try databaseError { try connection.pipeline([("select 1", []), ("select $1", [.int4(1)])]) }
            #expect(error.sqlstate == "08006")
            #expect(error.isTransient && error.isConnectionLost)
            try connection.reset()
            #expect(try connection.pipeline([("select 1", []), ("select $1", [.int4(1)])]).count == 2)
        }
    }

    @Test func `a server that stops answering is given up after its own limit has passed`() async throws {
        try await ScratchDatabase.with { database in
            var settings = DatabaseSettings(
                url: try TestServer.address(database: database.name).absoluteString, applicationName: "test",
                statementTimeout: 0.1)
            settings.answerGrace = 0.2
            let connection = try DatabaseConnection(settings)
            // Without its own limit PostgreSQL looks, from here, like a frozen one.
            try connection.run(script: "set statement_timeout = 0")
            // An error, and not the answer that would come in the end.
            let error = try databaseError { try connection.query("select pg_sleep(30), 'late' as word") }
            #expect(error.isTransient && error.isConnectionLost)
            #expect(!connection.isAlive)
            try connection.reset()
            #expect(try connection.query("select 'own' as word")[0].text("word") == "own")
        }
    }

    @Test func `a closed connection says so and can be opened again`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            connection.close()
            connection.close()
            #expect(!connection.isAlive)
            #expect(connection.socketDescriptor == -1)
            #expect(try databaseError { try connection.query("select 1") }.isConnectionLost)
            #expect(try databaseError { try connection.notifications() }.isConnectionLost)
            #expect(try databaseError { try connection.transaction { _ in } }.isConnectionLost)
            try connection.reset()
            #expect(try connection.query("select 1").count == 1)
        }
    }

    @Test func `a statement is prepared once for each set of types, and the least used one makes room`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            connection.statements = StatementCache(capacity: 3)
            func prepared() throws -> Set<String> {
                let rows = try connection.query("select statement from pg_prepared_statements")
                return Set(try rows.map { try $0.text("statement") })
            }
            for _ in 1...5 { try connection.query("select $1 as a", [.int4(1)]) }
            try connection.query("select $1 as a", [.text("x")])
            #expect(try prepared() == ["select $1 as a", "select statement from pg_prepared_statements"])
            #expect(connection.statements.count == 3)
            try connection.query("select 'new'")
            try connection.query("select 'newer'")
            #expect(connection.statements.count == 3)
            #expect(
                try prepared() == ["select 'new'", "select 'newer'", "select statement from pg_prepared_statements"])
        }
    }

    @Test func `a statement that somebody else deallocated makes room without harm`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            connection.statements = StatementCache(capacity: 2)
            for sql: SQL in ["select 1", "select 2"] { try connection.query(sql) }
            try connection.run(script: "deallocate all")
            for sql: SQL in ["select 3", "select 4", "select 1", "select 2"] {
                #expect(try connection.query(sql).count == 1)
            }
            #expect(connection.statements.count <= 2)
        }
    }

    @Test func `a cached statement whose table changed is prepared anew`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let administrator = try database.connect()
            try administrator.run(script: "create table t as select 1 as a")
            #expect(try connection.query("select * from t").columns == ["a"])
            try administrator.run(script: "alter table t add b text")
            #expect(try connection.query("select * from t").columns == ["a", "b"])
            try administrator.run(script: "alter table t drop b")
            let columns = try connection.retryingTransaction { try $0.query("select * from t").columns }
            #expect(columns == ["a"])
            try connection.run(script: "deallocate all")
            #expect(try connection.query("select * from t").columns == ["a"])
        }
    }

    @Test func `notifications arrive without waiting, and are asked for again after a reset`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let other = try database.connect()
            try connection.listen(to: "Model \"activated\"")
            #expect(try connection.notifications() == [])
            for round in ["first", "after reset"] {
                try other.query("select pg_notify('Model \"activated\"', $1)", [.text(round)])
                var received: [DatabaseNotification] = []
                try wait(for: "a notification") {
                    received += try connection.notifications()
                    return !received.isEmpty
                }
                #expect(received == [DatabaseNotification(channel: "Model \"activated\"", payload: round)])
                try connection.reset()
            }
        }
    }

    @Test func `looking for notifications notices that the session has ended`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let administrator = try database.connect()
            try connection.listen(to: "anything")
            try administrator.query("select pg_terminate_backend($1, 5000)", [.int4(connection.backendProcessID)])
            var error: DatabaseError?
            try wait(for: "the loss to show") {
                do throws(DatabaseError) { _ = try connection.notifications() } catch let loss { error = loss }
                return error != nil
            }
            #expect(error?.isConnectionLost == true && error?.isTransient == true)
        }
    }

    @Test func `a pipeline gives each statement's rows and stops at the first error`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int primary key)")
            let results = try connection.pipeline([
                ("insert into t values ($1)", [.int4(1)]), ("insert into t values ($1)", [.int4(2)]),
                ("select n from t order by n", []),
            ])
            #expect(results.map(\.affected) == [1, 1, 2])
            #expect(try results[2].map { try $0.int4("n") } == [1, 2])
            let error = try databaseError {
                try connection.pipeline([
                    ("insert into t values ($1)", [.int4(3)]), ("insert into t values ($1)", [.int4(1)]),
                    ("insert into t values ($1 + 0)", [.int4(4)]),
                ])
            }
            #expect(error.sqlstate == "23505")
            // Outside of a transaction a pipeline stands or falls as a whole.
            #expect(try connection.query("select n from t").count == 2)
            #expect(try connection.query("insert into t values ($1 + 0)", [.int4(4)]).affected == 1)
            #expect(try connection.pipeline([]).isEmpty)
        }
    }

    @Test func `a pipeline that is larger both ways than every buffer does not block`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let bytes = [UInt8](repeating: 7, count: 1 << 20)
            let statement: DatabaseConnection.Statement = ("select $1 as value", [.bytes(bytes)])
            let results = try connection.pipeline(Array(repeating: statement, count: 40))
            #expect(try results.allSatisfy { try $0[0].bytes("value") == bytes })
        }
    }

    @Test func `COPY and an empty statement do no harm`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            #expect(try connection.query("").isEmpty)
            try connection.run(script: "create table t (n int)")
            let script = try databaseError { try connection.run(script: "copy t from stdin") }
            #expect(script.sqlstate == "0A000")
            try connection.reset()
            _ = try databaseError { try connection.query("copy t to stdout") }
            if !connection.isAlive { try connection.reset() }
            #expect(try connection.query("select 1").count == 1)
        }
    }
}
