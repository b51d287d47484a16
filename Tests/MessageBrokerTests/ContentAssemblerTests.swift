import Testing

@testable import MessageBroker

struct ContentAssemblerTests {
    private let deliver = Method.deliver(tag: 1, redelivered: false, exchange: "", routingKey: "q")

    private func pieces(_ sizes: [Int], into assembler: inout ContentAssembler) throws -> ContentAssembler.Content? {
        var last: ContentAssembler.Content?
        var next: UInt8 = 0
        for size in sizes {
            let bytes = (0..<size).map { _ in
                defer { next &+= 1 }
                return next
            }
            last = try bytes.withUnsafeBytes { try assembler.piece($0) }
        }
        return last
    }

    @Test func `a body at the limit is kept and one byte more is only hashed`() throws {
        var assembler = ContentAssembler(bodyLimit: 10) { OrderedDigest() }
        for (size, kept) in [(10, true), (11, false), (3, true)] {
            try assembler.begin(deliver)
            #expect(try assembler.header(bodySize: UInt64(size), properties: MessageProperties().encoded()) == nil)
            let content = try #require(try pieces([1, size - 1], into: &assembler))
            let expected = (0..<size).map { UInt8($0) }
            let whole = Body.oversized(size: UInt64(size), digest: OrderedDigest.of(expected))
            #expect(content.body == (kept ? .bytes(expected) : whole))
        }
    }

    @Test func `an empty body is complete with its header`() throws {
        var assembler = ContentAssembler(bodyLimit: 0) { OrderedDigest() }
        try assembler.begin(deliver)
        #expect(assembler.isUnderWay)
        let content = try assembler.header(bodySize: 0, properties: MessageProperties().encoded())
        #expect(content?.body == .bytes([]))
        #expect(!assembler.isUnderWay)
    }

    @Test func `a header may announce any size without memory being taken`() throws {
        var assembler = ContentAssembler(bodyLimit: 1 << 20) { OrderedDigest() }
        try assembler.begin(deliver)
        #expect(try assembler.header(bodySize: .max, properties: MessageProperties().encoded()) == nil)
        #expect(try pieces([5], into: &assembler) == nil)
    }

    @Test func `frames out of order are an error`() throws {
        var assembler = ContentAssembler(bodyLimit: 10) { OrderedDigest() }
        #expect(throws: BrokerError.self) { try assembler.header(bodySize: 1, properties: []) }
        #expect(throws: BrokerError.self) { try pieces([1], into: &assembler) }
        try assembler.begin(deliver)
        #expect(throws: BrokerError.self) { try assembler.begin(deliver) }
        _ = try assembler.header(bodySize: 2, properties: MessageProperties().encoded())
        #expect(throws: BrokerError.self) { try pieces([3], into: &assembler) }
    }
}

/// FNV-1a (64 bits): depends on every byte and on their order.
struct OrderedDigest: BodyDigest {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    mutating func finalize() -> [UInt8] { withUnsafeBytes(of: state.bigEndian) { Array($0) } }

    static func of(_ bytes: [UInt8]) -> [UInt8] {
        var digest = OrderedDigest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.finalize()
    }
}
