import Testing

@testable import Database

@Suite(.needsServer)
struct CopyOutTests {
    @Test func `every row comes in binary, field by field, and the session goes on`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            var rows: [[[UInt8]?]] = []
            try connection.copyOut("select n, case when n % 2 = 0 then 'even' end from generate_series(1, 1000) as n") {
                row in rows.append([try row.next().map { Array($0) }, try row.next().map { Array($0) }])
            }
            #expect(rows.count == 1000)
            #expect(rows[0] == [[0, 0, 0, 1], nil])
            #expect(rows[255] == [[0, 0, 1, 0], Array("even".utf8)])
            #expect(try connection.query("select 1 as one").onlyRow().int4("one") == 1)
        }
    }

    @Test func `no row at all, a large value, and a field too many to read`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            try connection.copyOut("select 1 where false") { _ in Issue.record("there is no row") }
            var size = 0
            try connection.copyOut("select repeat('x', 20000000)") { row in size = try row.next()?.count ?? 0 }
            #expect(size == 20_000_000)
            #expect(throws: DatabaseError.self) {
                try connection.copyOut("select 1") { row in
                    _ = try row.next()
                    _ = try row.next()
                }
            }
        }
    }

    @Test func `what fails on the way is thrown, and the session can be asked again`() async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            var rows = 0
            do {
                try connection.copyOut("select 1 / (500 - n) from generate_series(1, 1000) as n") { _ in rows += 1 }
                Issue.record("the division by zero was not noticed")
            } catch let error as DatabaseError {
                #expect(error.sqlstate == "22012")
            }
            #expect(rows == 499)
            #expect(throws: DatabaseError.self) { try connection.copyOut("select * from no_such_table") { _ in } }
            #expect(try connection.query("select 1 as one").onlyRow().int4("one") == 1)
        }
    }

    @Test func `what the reader throws ends the session and leaves nothing half read`() async throws {
        struct Enough: Error {}
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            #expect(throws: Enough.self) {
                try connection.copyOut("select generate_series(1, 100000)") { _ in throw Enough() }
            }
            #expect(!connection.isAlive)
            try connection.reset()
            #expect(try connection.query("select 1 as one").onlyRow().int4("one") == 1)
        }
    }

    @Test func `several sessions see one moment through an exported snapshot`() async throws {
        try await ScratchDatabase.with { database in
            let (first, second, writer) = (try database.connect(), try database.connect(), try database.connect())
            try writer.run(script: "create table t (n integer); insert into t values (1)")
            try first.transaction(isolation: .repeatableReadOnly) { first in
                let snapshot = try first.exportSnapshot()
                try writer.run(script: "insert into t values (2)")
                let seen = try second.transaction(isolation: .repeatableReadOnly) { second in
                    try second.adopt(snapshot)
                    return try second.query("select count(*) as count from t").onlyRow().int8("count")
                }
                #expect(seen == 1)
            }
            let error = try databaseError {
                try first.transaction(isolation: .repeatableReadOnly) { try $0.run(script: "insert into t values (3)") }
            }
            #expect(error.sqlstate == "25006")
        }
    }

    @Test(arguments: [
        "plain", "with \"quotes\"", "with 'apostrophes'", "back\\slash", "ünïcödé", "a\"\u{301}b", "a'\u{301}b",
        "a\\\u{301}b",
    ])
    func `a name of the catalogue stays one name whatever it contains`(name: String) async throws {
        try await ScratchDatabase.with { database in
            let connection = try database.connect()
            let row = try connection.query(
                "select " + SQL.quoted(name) + " as " + SQL.identifier(name) + ", " + SQL.literal(Int64.min)
                    + " as least"
            ).onlyRow()
            #expect(try row.text(name) == name)
            #expect(try row.int8("least") == .min)
        }
    }
}
