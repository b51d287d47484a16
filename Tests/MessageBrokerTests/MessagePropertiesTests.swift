import Testing

@testable import MessageBroker

struct MessagePropertiesTests {
    private let everything = MessageProperties(
        contentType: "image/png", contentEncoding: "identity", deliveryMode: 2, priority: 5, correlationID: "c-1",
        replyTo: "lab", expiration: "60000", messageID: "m-1", timestamp: 1_700_000_000, type: "job", userID: "guest",
        appID: "lis", headers: [Field("slide_id", .text("S1")), Field("x", .int(-4))])

    @Test func `every property survives the wire`() {
        #expect(MessageProperties(wire: everything.encoded()) == everything)
        #expect(MessageProperties(wire: MessageProperties().encoded()) == MessageProperties())
    }

    @Test func `every kind of header is read as its value`() throws {
        let samples = WireSamples.everyKind + [WireSamples.uint64]
        let properties = try MessageProperties(encodedHeaders: WireSamples.table(samples))
        #expect(properties.headers.map(\.name) == samples.map(\.name))
        for (field, sample) in zip(properties.headers, samples) { #expect(field.value == sample.reads) }
        #expect(!properties.malformedText)
    }

    @Test func `headers that came from the wire are stored and written byte for byte`() throws {
        let bytes = WireSamples.table(WireSamples.everyKind + [WireSamples.uint64])
        var properties = try MessageProperties(encodedHeaders: bytes)
        #expect(properties.encodedHeaders() == bytes)
        #expect(MessageProperties(wire: properties.encoded()).encodedHeaders() == bytes)
        properties.headers.removeAll { $0.name == "int8" }
        let rest = WireSamples.table(WireSamples.everyKind.filter { $0.name != "int8" } + [WireSamples.uint64])
        #expect(properties.encodedHeaders() == rest)
    }

    @Test func `a header that was changed is written with its new value`() throws {
        var properties = try MessageProperties(encodedHeaders: WireSamples.table(WireSamples.everyKind))
        properties.headers[1].value = .int(77)
        properties.headers[2].name = "renamed"
        let again = try MessageProperties(encodedHeaders: properties.encodedHeaders())
        #expect(again.header("int8") == .int(77))
        #expect(again.header("renamed")?.integer == 254)
        #expect(again.header("uint8") == nil)
    }

    @Test func `nesting is read to the sixteenth level and marked below it`() throws {
        let shallow = try MessageProperties(encodedHeaders: WireSamples.nestedArrays(15))
        #expect(!shallow.headers[0].value.isTooDeep)
        let bytes = WireSamples.nestedArrays(25_000)
        let deep = try MessageProperties(encodedHeaders: bytes)
        #expect(deep.headers[0].value.isTooDeep)
        #expect(deep.encodedHeaders() == bytes)
        #expect(deep.fault(encoded: deep.encoded(), limit: 1 << 20)?.contains("16 levels") == true)
    }

    @Test func `a table cut off anywhere is refused`() {
        let bytes = WireSamples.table(WireSamples.everyKind)
        for count in 0..<bytes.count {
            #expect(throws: BrokerError.self) { try MessageProperties(encodedHeaders: Array(bytes[..<count])) }
        }
        #expect(throws: BrokerError.self) { try MessageProperties(encodedHeaders: bytes + [0]) }
    }

    @Test func `a property list cut off anywhere is flagged and never traps`() {
        let bytes = everything.encoded()
        for count in 0..<bytes.count { #expect(MessageProperties(wire: Array(bytes[..<count])).malformedText) }
    }

    @Test func `any change of one byte is read without a trap`() {
        let bytes = everything.encoded()
        for position in bytes.indices {
            for flip in [UInt8(0x01), 0x80, 0xFF] {
                var changed = bytes
                changed[position] ^= flip
                _ = MessageProperties(wire: changed).encoded()
            }
        }
    }

    @Test func `text that is not UTF-8 is repaired and flagged, and the correlation id goes back as it came`() throws {
        var properties = MessageProperties(correlationIDBytes: [0xFF, 0x41])
        properties.appID = "ok"
        let read = MessageProperties(wire: properties.encoded())
        #expect(read.malformedText)
        #expect(read.correlationID == "\u{FFFD}A")
        #expect(read.correlationIDBytes == [0xFF, 0x41])
        #expect(read.appID == "ok")
        let header = WireSamples.table([("k", [0x56], .void)]).map { $0 == UInt8(ascii: "k") ? 0xFF : $0 }
        #expect(try MessageProperties(encodedHeaders: header).malformedText)
    }

    @Test func `what the wire cannot carry is named before anything is sent`() {
        let long = String(repeating: "x", count: 256)
        func fault(_ properties: MessageProperties, limit: Int = 1 << 17) -> String? {
            properties.fault(encoded: properties.encoded(), limit: limit)
        }
        #expect(fault(everything) == nil)
        #expect(fault(MessageProperties(replyTo: long))?.contains("reply-to") == true)
        #expect(fault(MessageProperties(messageID: long))?.contains("message id") == true)
        #expect(fault(MessageProperties(headers: [Field(long, .void)]))?.contains("header name") == true)
        #expect(fault(MessageProperties(headers: [Field("a", .text(long))]), limit: 200)?.contains("200 bytes") == true)
    }

    @Test func `an unsigned number leaves as the signed kind that every client reads`() throws {
        let properties = MessageProperties(headers: [Field("n", .uint(5)), Field("big", .uint(.max))])
        let read = MessageProperties(wire: properties.encoded())
        #expect(read.headers.map(\.value) == [.int(5), .uint(.max)])
        #expect(read.headers.map(\.value.integer) == [5, nil])
    }
}
