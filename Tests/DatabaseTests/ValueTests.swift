import Foundation
import Testing

@testable import Database

@Suite(.needsServer)
struct ValueTests {
    /// Sends the value as $1 and reads it back as the column `value`.
    private func echo(_ parameter: Parameter) async throws -> Row {
        try await ScratchDatabase.withConnection { try $0.query("select $1 as value", [parameter]).onlyRow() }
    }

    @Test func `numbers come back as they were sent, the extremes too`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            for number in [Int16.min, -1, 0, 1, .max] {
                #expect(try connection.query("select $1 as value", [.int2(number)])[0].int2("value") == number)
            }
            for number in [Int32.min, -1, 0, 1, .max] {
                #expect(try connection.query("select $1 as value", [.int4(number)])[0].int4("value") == number)
            }
            for number in [Int64.min, -1, 0, 1, .max] {
                #expect(try connection.query("select $1 as value", [.int8(number)])[0].int8("value") == number)
            }
            for flag in [true, false] {
                #expect(try connection.query("select $1 as value", [.bool(flag)])[0].bool("value") == flag)
            }
        }
    }

    @Test func `floats keep their bits, with NaN, infinities, signed zero and subnormals`() async throws {
        let singles: [Float] = [
            0, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1,
        ]
        let doubles: [Double] = [
            0, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1,
        ]
        try await ScratchDatabase.withConnection { (connection) throws in
            for number in singles {
                let value = try connection.query("select $1 as value", [.float4(number)])[0].float4("value")
                #expect(value.bitPattern == number.bitPattern)
            }
            for number in doubles {
                let value = try connection.query("select $1 as value", [.float8(number)])[0].float8("value")
                #expect(value.bitPattern == number.bitPattern)
            }
            let row = try connection.query(
                "select 'NaN'::real = $1 as same, 'Infinity'::float8 = $2 as infinite",
                [.float4(.nan), .float8(.infinity)])[0]
            #expect(try row.bool("same"))
            #expect(try row.bool("infinite"))
        }
    }

    @Test(arguments: ["", "a", "žluťoučký kůň 🐎 e\u{301}", "line\nline\ttab\"'\\", "\u{10FFFF}", "\u{1}"])
    func `text comes back scalar by scalar`(text: String) async throws {
        let value = try await echo(.text(text)).text("value")
        #expect(Array(value.unicodeScalars) == Array(text.unicodeScalars))
    }

    @Test func `a bytea of 1 MiB and an empty one come back whole`() async throws {
        let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        #expect(try await echo(.bytes(bytes)).bytes("value") == bytes)
        #expect(try await echo(.bytes([])).bytes("value") == [])
    }

    @Test func `a uuid is the one that PostgreSQL prints`() async throws {
        let uuid = UUID()
        let row = try await ScratchDatabase.withConnection {
            try $0.query("select $1 as value, $1::text as printed", [.uuid(uuid)])[0]
        }
        #expect(try row.uuid("value") == uuid)
        #expect(try row.text("printed") == uuid.uuidString.lowercased())
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        (946_684_800_000_000, "2000-01-01T00:00:00.000000Z"), (1_709_210_096_000_250, "2024-02-29T12:34:56.000250Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
    ])
    func `a time is the same to the microsecond here and there`(microseconds: Int64, text: String) async throws {
        let time = Timestamp(microseconds: microseconds)
        let row = try await ScratchDatabase.withConnection {
            try $0.query(
                "select $1 as value, to_char($1, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') as printed", [.timestamp(time)])[
                    0]
        }
        #expect(try row.timestamp("value") == time)
        #expect(try row.text("printed") == text)
        #expect(time.description == text)
    }

    @Test func `the first and the last time that fit come back, and what is beyond is refused as a row`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            let first = Timestamp(microseconds: -210_866_803_200_000_000)
            let last = Timestamp(microseconds: .max)
            for time in [first, last] {
                #expect(try connection.query("select $1 as value", [.timestamp(time)])[0].timestamp("value") == time)
            }
            for time in [Timestamp(microseconds: first.microseconds - 1), Timestamp(microseconds: .min)] {
                let error = try databaseError { try connection.query("select $1 as value", [.timestamp(time)]) }
                #expect(error.sqlstate == "22008")
                #expect(error.kind == .refusedRow)
            }
            let infinity = try connection.query("select 'infinity'::timestamptz as value")[0]
            #expect(throws: DatabaseError.self) { try infinity.timestamp("value") }
        }
    }

    @Test func `json keeps its bytes and jsonb its meaning`() async throws {
        #expect(try await echo(.json("{\"b\": 1,  \"a\":2}")).text("value") == "{\"b\": 1,  \"a\":2}")
        #expect(try await echo(.jsonb("{\"b\": 1,  \"a\":2}")).text("value") == "{\"a\": 2, \"b\": 1}")
        let error = try await ScratchDatabase.withConnection { (connection) throws in
            try databaseError { try connection.query("select $1 as value", [.jsonb("{patient 4711")]) }
        }
        #expect(error.kind == .refusedRow)
        #expect(!"\(error)".contains("4711"))
    }

    @Test func `NULL of every type is NULL, and reading it as a value is an error of the program`() async throws {
        let nulls: [Parameter] = [
            .bool(nil), .int2(nil), .int4(nil), .int8(nil), .float4(nil), .float8(nil), .text(nil), .bytes(nil),
            .uuid(nil),
            .timestamp(nil), .json(nil), .jsonb(nil),
        ]
        try await ScratchDatabase.withConnection { (connection) throws in
            for null in nulls { #expect(try connection.query("select $1 as value", [null])[0].isNull("value")) }
            let row = try connection.query("select $1::integer as value", [.null])[0]
            #expect(try row.optionalInt4("value") == nil)
            let error = try databaseError { try row.int4("value") }
            #expect(error.kind == .fatal)
            #expect(error.operation == "reading column value")
        }
    }

    @Test func `arrays of every type come back with their NULLs, and empty`() async throws {
        let uuid = UUID()
        try await ScratchDatabase.withConnection { (connection) throws in
            func echo(_ parameter: Parameter) throws -> Row {
                try connection.query("select $1 as value", [parameter])[0]
            }
            #expect(try echo(.boolArray([true, nil, false])).boolArray("value") == [true, nil, false])
            #expect(try echo(.int2Array([-1, nil])).int2Array("value") == [-1, nil])
            #expect(try echo(.int4Array([.min, nil, .max])).int4Array("value") == [.min, nil, .max])
            #expect(try echo(.int8Array([.min, nil, .max])).int8Array("value") == [.min, nil, .max])
            #expect(try echo(.float4Array([0.1, nil, -.infinity])).float4Array("value") == [0.1, nil, -.infinity])
            #expect(try echo(.float8Array([0.1, nil, .infinity])).float8Array("value") == [0.1, nil, .infinity])
            #expect(try echo(.textArray(["", nil, "{\"a\",b}"])).textArray("value") == ["", nil, "{\"a\",b}"])
            #expect(try echo(.bytesArray([[], nil, [0, 255]])).bytesArray("value") == [[], nil, [0, 255]])
            #expect(try echo(.uuidArray([uuid, nil])).uuidArray("value") == [uuid, nil])
            let time = Timestamp(microseconds: 1)
            #expect(try echo(.timestampArray([time, nil])).timestampArray("value") == [time, nil])
            #expect(try echo(.int4Array([])).int4Array("value") == [])
            #expect(try echo(.textArray([])).textArray("value") == [])
            let rows = try connection.query("select unnest($1)::text as value", [.jsonbArray(["{}", nil, "[1]"])])
            #expect(try rows.map { try $0.optionalText("value") } == ["{}", nil, "[1]"])
        }
    }

    @Test func `a text with NUL is refused as a row before anything is sent, in a batch too`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.transaction { (connection) throws in
                for parameter in [Parameter.text("case\04711"), .textArray(["a", "case\04711"]), .jsonb("\"\0\"")] {
                    let error = try databaseError { try connection.query("select 1, $1 as value", [parameter]) }
                    #expect(error.kind == .refusedRow)
                    #expect(error.message.contains("parameter $1"))
                    #expect(!"\(error)".contains("4711"))
                }
                #expect(try connection.query("select 1 as one")[0].int4("one") == 1)
            }
        }
    }

    @Test func `numbers are read as wider ones and refused as narrower ones or as text`() async throws {
        let row = try await ScratchDatabase.withConnection {
            try $0.query(
                "select 7::smallint as small, 7 as medium, 7::bigint as big, 0.5::real as single, 7::oid as number")[0]
        }
        #expect(try row.int8("small") == 7)
        #expect(try row.int4("small") == 7)
        #expect(try row.int8("medium") == 7)
        #expect(try row.int8("number") == 7)
        #expect(try row.float8("single") == 0.5)
        #expect(throws: DatabaseError.self) { try row.int2("medium") }
        #expect(throws: DatabaseError.self) { try row.int4("big") }
        #expect(throws: DatabaseError.self) { try row.text("big") }
        #expect(throws: DatabaseError.self) { try row.int4("absent") }
        #expect(throws: DatabaseError.self) { try row.int4Array("medium") }
    }

    @Test func `an array of two dimensions is refused, not flattened`() async throws {
        let row = try await ScratchDatabase.withConnection {
            try $0.query("select '{{1,2},{3,4}}'::integer[] as value")[0]
        }
        #expect(throws: DatabaseError.self) { try row.int4Array("value") }
    }

    @Test func `an enumeration and a domain are read as text`() async throws {
        try await ScratchDatabase.withConnection { (connection) throws in
            try connection.run(script: "create type colour as enum ('red', 'blue'); create domain word as text")
            let row = try connection.query("select 'blue'::colour as colour, 'a'::word as word, 'x'::name as name")[0]
            #expect(try row.text("colour") == "blue")
            #expect(try row.text("word") == "a")
            #expect(try row.text("name") == "x")
        }
    }

    @Test func `rows can be walked, counted and asked for their columns`() async throws {
        let rows = try await ScratchDatabase.withConnection {
            try $0.query("select n, n * n as square from generate_series(1, 4) as n")
        }
        #expect(rows.columns == ["n", "square"])
        #expect(rows.affected == 4)
        #expect(try rows.map { try $0.int4("square") } == [1, 4, 9, 16])
        #expect(throws: DatabaseError.self) { try rows.onlyRow() }
    }
}
