import MessageBroker
import Testing

@testable import Evaluation

/// Readings that need no broker, and one that no broker lets through: RabbitMQ itself fails on NaN.
struct BadMessagesReadingTests {
    @Test func `JSON values keep their kind, and whole numbers are integers however they are written`() throws {
        let text = #"""
            {"a": [true, false, null], "b": {"": "\u00e9\ud83d\ude00\/\n\"\\"}, "c": 12.0, "d": 1e2, "e": -0.5,
             "f": 18446744073709551615, "g": 1e400, "h": -9223372036854775808, "i": {}, "j": []}
            """#
        let expected: [Field] = [
            Field("a", .array([.bool(true), .bool(false), .void])), Field("b", .table([Field("", .text("é😀/\n\"\\"))])),
            Field("c", .int(12)), Field("d", .int(100)), Field("e", .double(-0.5)), Field("f", .uint(.max)),
            Field("g", .text("1e400")), Field("h", .int(.min)), Field("i", .table([])), Field("j", .array([])),
        ]
        #expect(try JSONReader.members(of: Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        "", " ", "{", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{\"a\":01}", "{\"a\":1.}",
        "{\"a\":.5}", "{\"a\":+1}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u+123\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\", "{\"a\":\"\\u00",
        "{\"a\":\"\t\"}", "{\"a\":1 \"b\":2}", "{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":1}{", "null", "[]", "5",
    ])
    func `text that is not one JSON object is refused`(text: String) {
        #expect(throws: Refusal.self) { try JSONReader.members(of: Array(text.utf8)) }
    }

    @Test func `64 levels of JSON are read and 65 are not`() throws {
        func nested(_ levels: Int) -> [UInt8] {
            Array(("{\"a\":" + String(repeating: "[", count: levels - 1)).utf8)
                + Array((String(repeating: "]", count: levels - 1) + "}").utf8)
        }
        #expect(try JSONReader.members(of: nested(64)).count == 1)
        #expect(throws: Refusal.self) { try JSONReader.members(of: nested(65)) }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 0, -0.25, 1000])
    func `micrometres a pixel are a number above 0 and below 1000`(value: Double) {
        let reader = MetadataReader(attributesAllowed: nil)
        for field in [Field("mpp", .double(value)), Field("mpp", .float(Float(value)))] {
            #expect(throws: Refusal.self) { try reader.read([field], timestamp: nil) }
        }
    }

    @Test func `attributes keep what fits, and what is dropped is counted`() throws {
        let reader = MetadataReader(attributesAllowed: nil)
        let fields = [
            Field("a", .text("fits")), Field("b", .text(String(repeating: "b", count: 5000))),
            Field("c", .text("a\u{0}b")), Field("d", .text("\\u0000")), Field("d", .text("again")),
        ]
        let reading = try reader.read(fields, timestamp: nil)
        #expect(reading.attributes == #"{"a":"fits","d":"\\u0000"}"#)
        #expect(reading.attributesDropped == 3)
    }

    @Test func `only allowed attributes are kept`() throws {
        let reading = try MetadataReader(attributesAllowed: ["a"])
            .read([Field("a", .int(1)), Field("b", .int(2)), Field("x-death", .int(3))], timestamp: nil)
        #expect(reading.attributes == #"{"a":1}"#)
        #expect(reading.attributesDropped == 1)
    }
}
