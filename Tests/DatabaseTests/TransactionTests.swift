import Foundation
import Synchronization
import Testing

@testable import Database

@Suite(.needsServer)
struct TransactionTests {
    private struct ChangeOfMind: Error {}

    @Test func `a transaction commits what its body did and rolls back when the body throws`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let other = try database.connect()
            try connection.run(script: "create table t (n int)")
            let sum = try connection.transaction { (connection) throws in
                try connection.query("insert into t values ($1)", [.int4(1)])
                #expect(try other.query("select n from t").isEmpty)
                return 7
            }
            #expect(sum == 7)
            #expect(throws: ChangeOfMind.self) {
                try connection.transaction { connection in
                    try connection.query("insert into t values ($1)", [.int4(2)])
                    throw ChangeOfMind()
                }
            }
            #expect(try other.query("select n from t").count == 1)
            // Nothing was sent at all, so there is nothing to end.
            try connection.transaction { _ in }
            #expect(throws: ChangeOfMind.self) { try connection.transaction { _ in throw ChangeOfMind() } }
            #expect(try connection.query("select n from t").count == 1)
        }
    }

    @Test func `BEGIN opens the transaction with the first statement, whatever that is`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int)")
            struct Undone: Error {}
            let first: [(DatabaseConnection) throws -> Void] = [
                { try $0.query("insert into t values (1)") },
                { _ = try $0.pipeline([("insert into t values (1)", []), ("insert into t values (2)", [])]) },
                { try $0.run(script: "insert into t values (1); insert into t values (2)") },
            ]
            for statement in first {
                #expect(throws: Undone.self) {
                    try connection.transaction { connection in
                        try statement(connection)
                        throw Undone()
                    }
                }
                #expect(try connection.query("select n from t").isEmpty)
            }
            try connection.transaction(isolation: .serializable) { (connection) throws in
                #expect(
                    try connection.query("select current_setting('transaction_isolation') as level")[0].text("level")
                        == "serializable")
            }
        }
    }

    @Test func `a body that swallows a failure does not pass for committed`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int primary key)")
            let error = try databaseError {
                try connection.transaction { connection in
                    try connection.query("insert into t values (1)")
                    _ = try databaseError { try connection.query("insert into t values (1)") }
                }
            }
            #expect(error.sqlstate == "25P02")
            #expect(!error.commitUnknown)
            #expect(try connection.query("select n from t").isEmpty)
        }
    }

    @Test func `what is put off goes out before what comes next, or with COMMIT`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int primary key)")
            try connection.transaction { (connection) throws in
                try connection.putOff("insert into t values ($1)", [.int4(1)])
                try connection.putOff("insert into t values ($1)", [.int4(2)])
                #expect(try connection.query("select n from t order by n").map { try $0.int4("n") } == [1, 2])
                try connection.putOff("insert into t values ($1)", [.int4(3)])
                try connection.run(script: "update t set n = n + 10")
                try connection.putOff("insert into t values ($1)", [.int4(4)])
            }
            #expect(try connection.query("select n from t order by n").map { try $0.int4("n") } == [4, 11, 12, 13])
            let outside = try databaseError { try connection.putOff("insert into t values (5)") }
            #expect(outside.sqlstate == "25P01")
            #expect(throws: ChangeOfMind.self) {
                try connection.transaction { connection in
                    try connection.putOff("insert into t values (6)")
                    throw ChangeOfMind()
                }
            }
            #expect(try connection.query("select from t").count == 4)
        }
    }

    @Test func `what is put off and fails takes the transaction with it, and says why`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int primary key)")
            let error = try databaseError {
                try connection.transaction { (connection) throws in
                    try connection.query("insert into t values (1)")
                    try connection.putOff("insert into t values (2)")
                    try connection.putOff("insert into t values (1)")
                    try connection.putOff("insert into t values (3)")
                }
            }
            #expect(error.isKeyTaken && error.table == "t" && !error.commitUnknown)
            #expect(try connection.query("select from t").isEmpty)
            #expect(connection.takeNotices() == [])
            try connection.transaction { try $0.putOff("insert into t values (1)") }
            #expect(try connection.query("select from t").count == 1)
        }
    }

    @Test func `transactions do not nest`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let error = try databaseError { try connection.transaction { try $0.transaction { _ in } } }
            #expect(error.sqlstate == "25001")
            #expect(try connection.transaction { try $0.query("select 1").count } == 1)
        }
    }

    @Test func `a deferred constraint that fails at COMMIT is a refused row, and known not to be committed`()
        async throws
    {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int unique deferrable initially deferred)")
            let error = try databaseError {
                try connection.transaction { try $0.query("insert into t values (1), (1)") }
            }
            #expect(error.kind == .refusedRow)
            #expect(!error.commitUnknown)
            #expect(try connection.query("select n from t").isEmpty)
        }
    }

    @Test func `a COMMIT whose answer is lost is reported as unknown`() async throws {
        try await ScratchDatabase.with { database in
            let (connection, other) = (try database.connect(), try database.connect())
            // The COMMIT waits for the other session, so that its answer cannot come while this side still listens.
            try connection.run(
                script: """
                    create table t (n int);
                    create function await_other() returns trigger language plpgsql as
                        $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
                    create constraint trigger await_other after insert on t deferrable initially deferred
                        for each row execute function await_other();
                    """)
            try other.query("select pg_advisory_lock(1)")
            let error = try databaseError {
                try connection.transaction { connection in
                    try connection.query("insert into t values (1)")
                    shutdown(connection.socketDescriptor, Int32(SHUT_RD))
                }
            }
            #expect(error.commitUnknown)
            #expect(error.isTransient && error.isConnectionLost)
            #expect("\(error)".contains("unknown"))
        }
    }

    @Test func `a connection lost inside a transaction leaves no trace, and a reset there does not commit the rest`()
        async throws
    {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create table t (n int)")
            let lost = try databaseError {
                try connection.transaction { connection in
                    try connection.query("insert into t values (1)")
                    shutdown(connection.socketDescriptor, Int32(SHUT_RDWR))
                    try connection.query("insert into t values (2)")
                }
            }
            #expect(lost.isConnectionLost && !lost.commitUnknown)
            try connection.reset()
            let reset = try databaseError {
                try connection.transaction { connection in
                    try connection.query("insert into t values (3)")
                    try connection.reset()
                }
            }
            #expect(reset.sqlstate == "25P01")
            #expect(try connection.query("select n from t").isEmpty)
        }
    }

    private final class Meeting: Sendable {
        let arrived = Atomic(0)
        let attempts = Atomic(0)
    }

    @Test func `two transactions that deadlock both end well when they are retried`() async throws {
        try await ScratchDatabase.with { database in
            try database.connect().run(script: "create table t as select n, 0 as hits from generate_series(1, 2) as n")
            let meeting = Meeting()
            @Sendable func hit(_ first: Int32, _ second: Int32) throws {
                let connection = try database.connect()
                try connection.retryingTransaction { connection in
                    meeting.attempts.add(1, ordering: .relaxed)
                    try connection.query("update t set hits = hits + 1 where n = $1", [.int4(first)])
                    meeting.arrived.add(1, ordering: .relaxed)
                    try wait(for: "the other side's first lock") { meeting.arrived.load(ordering: .relaxed) >= 2 }
                    try connection.query("update t set hits = hits + 1 where n = $1", [.int4(second)])
                }
            }
            async let forward: Void = onThread { try hit(1, 2) }
            async let backward: Void = onThread { try hit(2, 1) }
            _ = try await (forward, backward)
            #expect(meeting.attempts.load(ordering: .relaxed) >= 3)
            let hits = try database.connect().query("select hits from t")
            #expect(try hits.map { try $0.int4("hits") } == [2, 2])
        }
    }

    @Test func `a serialization failure is retried with growing pauses, and at last thrown`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let other = try database.connect()
            try connection.run(script: "create table t as select 1 as n, 0 as hits")
            var pauses: [Double] = []
            let error = try databaseError {
                try connection.retryingTransaction(
                    attempts: 4, isolation: .repeatableRead, pause: { pauses.append($0) }
                ) { connection in
                    try connection.query("select hits from t")
                    try other.query("update t set hits = hits + 1")
                    try connection.query("update t set hits = hits + 1")
                }
            }
            #expect(error.sqlstate == "40001")
            #expect(error.isTransient)
            #expect(pauses.count == 3)
            #expect(try other.query("select hits from t")[0].int4("hits") == 4)
        }
    }

    @Test func `other errors are not retried`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            var runs = 0
            _ = try databaseError {
                try connection.retryingTransaction { connection in
                    runs += 1
                    try connection.query("select 1 / 0")
                }
            }
            #expect(runs == 1)
        }
    }
}

struct RetryDelayTests {
    @Test func `pauses double from 10 ms to 1 s and jitter takes up to half away`() {
        #expect(DatabaseConnection.delay(afterAttempt: 1, jitter: 1) == 0.01)
        #expect(DatabaseConnection.delay(afterAttempt: 1, jitter: 0) == 0.005)
        #expect(DatabaseConnection.delay(afterAttempt: 4, jitter: 1) == 0.08)
        #expect(DatabaseConnection.delay(afterAttempt: 8, jitter: 1) == 1)
        #expect(DatabaseConnection.delay(afterAttempt: .max, jitter: 1) == 1)
    }
}
