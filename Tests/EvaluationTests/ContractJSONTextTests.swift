import Foundation
import Testing

@testable import Evaluation
@testable import MessageBroker

@Suite struct `JSON text` {
    @Test func `is written in the order given, without a byte to spare`() {
        let json = JSONText.object([
            ("z", .null), ("a", .array([.boolean(true), .boolean(false), .array([]), .object([])])),
            ("n", .integer(.min)), ("u", .unsigned(.max)),
        ])
        #expect(
            json.text == #"{"z":null,"a":[true,false,[],{}],"n":-9223372036854775808,"u":18446744073709551615}"#)
    }

    @Test func `escapes what RFC 8259 demands and nothing else`() {
        #expect(JSONText.string("a\"b\\c/d").text == #""a\"b\\c/d""#)
        #expect(JSONText.string("\0\n\t\u{1f} \u{7f}ü–🔬").text == "\"\\u0000\\u000a\\u0009\\u001f \u{7f}ü–🔬\"")
        #expect(JSONText.object([("\"", .null)]).text == #"{"\"":null}"#)
    }

    @Test func `is read back as it was by another implementation`() throws {
        struct Example: Decodable {
            let text: String
            let numbers: [Double]
        }
        let text = (0..<0x300).compactMap(Unicode.Scalar.init).map { String(Character($0)) }.joined() + "𝄞\u{2028}"
        let numbers = [0.1, -0.0, 1e300, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1.0 / 3]
        let json = JSONText.object([("text", .string(text)), ("numbers", .array(numbers.map { .double($0) }))])
        let read = try JSONDecoder().decode(Example.self, from: Data(json.text.utf8))
        #expect(Array(read.text.utf8) == Array(text.utf8))
        #expect(read.numbers.map(\.bitPattern) == numbers.map(\.bitPattern))
    }

    @Test func `gives back the bits of every single-precision number`() throws {
        let patterns = stride(from: UInt32(0), through: 0x7f00_0000, by: 0x0123_4567)
        for value in patterns.map(Float.init(bitPattern:)) + [-1e-7, 0.1, .leastNonzeroMagnitude] {
            let read = try JSONDecoder().decode([Float].self, from: Data(JSONText.array([.real(value)]).text.utf8))
            #expect(read.first?.bitPattern == value.bitPattern)
        }
    }

    @Test func `says what is not a number as text, because JSON has no word for it`() {
        #expect(JSONText.array([.real(.nan), .double(-.infinity)]).text == #"["nan","-inf"]"#)
    }

    @Test func `knows where a NUL is`() {
        #expect(JSONText.array([.object([("a", .string("\0"))])]).holdsNUL)
        #expect(JSONText.object([("\0", .null)]).holdsNUL)
        #expect(!JSONText.object([("a", .string("\\u0000")), ("b", .integer(0))]).holdsNUL)
    }

    @Test func `stands for every kind of header`() {
        let fields: [(FieldValue, String)] = [
            (.void, "null"), (.bool(true), "true"), (.int(-1), "-1"), (.uint(.max), "18446744073709551615"),
            (.float(0.1), "0.1"), (.double(1e100), "1e+100"), (.decimal(scale: 2, value: 314), #""314e-2""#),
            (.text("t"), #""t""#), (.bytes([0xff, 0x00]), #"{"base64":"/wA="}"#), (.timestamp(7), "7"),
            (.array([.int(1), .void]), "[1,null]"), (.table([Field("a", .int(1))]), #"{"a":1}"#),
            (.tooDeep, #""nested too deeply to read""#),
        ]
        for (value, text) in fields { #expect(value.json.text == text) }
    }
}
