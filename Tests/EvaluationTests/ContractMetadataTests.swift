import Database
import Testing

@testable import Evaluation
@testable import MessageBroker

@Suite struct `Metadata in headers` {
    private let reader = MetadataReader(attributesAllowed: nil)

    @Test func `every header of the contract has its place`() throws {
        let reading = try reader.read(
            [
                Field("slide_id", .text("S-17")), Field("x", .int(960)), Field("y", .uint(1920)),
                Field("level", .int(2)),
                Field("mpp", .decimal(scale: 3, value: 243)), Field("site", .text("north")),
                Field("scanner", .text("Scanner 2")), Field("stain", .text("H&E")),
                Field("case_pseudonym", .text("p-4711")), Field("sent_at", .text("2026-05-04T12:20:30.125+02:00")),
            ], timestamp: 1)
        var expected = PatchMetadata()
        (expected.slideID, expected.x, expected.y, expected.level) = ("S-17", 960, 1920, 2)
        (expected.mpp, expected.site, expected.scanner) = (0.243, "north", "Scanner 2")
        (expected.stain, expected.casePseudonym) = ("H&E", "p-4711")
        // 2026-05-04T10:20:30Z is 1,777,890,030 s after 1970.
        expected.enqueuedAt = Timestamp(microseconds: 1_777_890_030_125_000)
        #expect(reading.metadata == expected)
        #expect(reading.attributes == nil && reading.attributesDropped == 0)
    }

    @Test func `the AMQP timestamp stands in where sent_at is absent`() throws {
        let reading = try reader.read([], timestamp: 1_777_890_030)
        #expect(reading.metadata.enqueuedAt == Timestamp(microseconds: 1_777_890_030_000_000))
        #expect(throws: Refusal.self) { try reader.read([], timestamp: .max) }
        // Seconds of year 10000, which no RFC 3339 text can say.
        #expect(throws: Refusal.self) { try reader.read([], timestamp: 253_402_300_800) }
    }

    @Test(arguments: [
        Field("x", .text("960")), Field("x", .double(960)), Field("x", .bool(true)), Field("y", .int(-1)),
        Field("y", .int(10_000_001)), Field("x", .uint(.max)), Field("level", .int(100)), Field("mpp", .text("0.25")),
        Field("slide_id", .int(17)), Field("slide_id", .bytes([0xff])), Field("slide_id", .text("")),
        Field("slide_id", .text(String(repeating: "s", count: 256))), Field("site", .text("a\nb")),
        Field("sent_at", .text("yesterday")), Field("sent_at", .text("2026-02-30T00:00:00Z")),
        Field("sent_at", .int(1_777_890_030)), Field("stain", .array([.text("H&E")])), Field("scanner", .tooDeep),
    ])
    func `a known header of the wrong kind or range is refused by its name`(field: Field) throws {
        let refusal = #expect(throws: Refusal.self) { try reader.read([field], timestamp: nil) }
        #expect(refusal?.reason == .malformedMetadata)
        #expect(refusal?.explanation.hasPrefix(field.name + " ") == true)
    }

    @Test func `a known header without a value is absent, and others keep theirs`() throws {
        let names = MetadataReader.names.sorted()
        let reading = try reader.read(
            names.map { Field($0, .void) } + [Field("block", .void), Field("x", .int(7))], timestamp: nil)
        var expected = PatchMetadata()
        expected.x = 7
        #expect(reading.metadata == expected)
        #expect(reading.attributes == #"{"block":null}"#)
    }

    @Test func `the names of known headers are those that have a place`() throws {
        for name in MetadataReader.names {
            let refusal = #expect(throws: Refusal.self) { try reader.read([Field(name, .tooDeep)], timestamp: nil) }
            #expect(refusal?.explanation.hasPrefix(name + " ") == true)
        }
    }

    @Test func `limits themselves are taken`() throws {
        let slide = String(repeating: "ü", count: 127) + "s"
        let reading = try reader.read(
            [
                Field("slide_id", .text(slide)), Field("x", .int(0)), Field("y", .int(10_000_000)),
                Field("level", .int(99)),
            ], timestamp: nil)
        #expect(reading.metadata.slideID == slide && slide.utf8.count == 255)
        #expect(reading.metadata.y == 10_000_000 && reading.metadata.level == 99)
    }

    @Test func `a known header given twice is refused, whichever is right`() {
        let refusal = #expect(throws: Refusal.self) {
            try reader.read([Field("x", .int(1)), Field("x", .int(1))], timestamp: nil)
        }
        #expect(refusal?.explanation.contains("twice") == true)
    }

    @Test func `what the broker adds when it returns a message is no attribute`() throws {
        let reading = try reader.read(
            [
                Field("x-death", .array([])), Field("x-first-death-queue", .text("q")),
                Field("x-delivery-count", .int(3)),
                Field("x-last-death-reason", .text("rejected")), Field("x-ray", .bool(true)),
            ], timestamp: nil)
        #expect(reading.attributes == #"{"x-ray":true}"#)
        #expect(reading.attributesDropped == 0)
    }

    @Test func `attributes are at most 4,096 bytes of JSON in all`() throws {
        // {"a":"..."} has 8 bytes beside the text.
        let fits = try reader.read([Field("a", .text(String(repeating: "a", count: 4088)))], timestamp: nil)
        #expect(fits.attributes?.utf8.count == 4096 && fits.attributesDropped == 0)
        let tooLong = try reader.read([Field("a", .text(String(repeating: "a", count: 4089)))], timestamp: nil)
        #expect(tooLong.attributes == nil && tooLong.attributesDropped == 1)
        let many = (0..<1000).map { Field("name\($0)", .text("value")) }
        let reading = try reader.read(many, timestamp: nil)
        #expect((reading.attributes?.utf8.count ?? .max) <= 4096)
        #expect(reading.attributesDropped > 0)
    }
}
