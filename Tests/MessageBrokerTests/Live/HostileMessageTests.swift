import Foundation
import Synchronization
import Testing

@testable import MessageBroker

@Suite(.needsBroker) struct HostileMessageTests {
    @Test func `a body over the limit is hashed in pieces and its neighbours are kept`() async throws {
        try await LiveBroker.withVhost { vhost in
            let large = (0..<700_001).map { UInt8(truncatingIfNeeded: $0 * 31) }
            try vhost.publish([[1], large, [2]])
            let consumer = try vhost.consumer(bodyLimit: 700_000)
            let batch = try consumer.receive(upTo: 3, wait: 60, linger: 60)
            #expect(
                batch.map(\.body) == [
                    .bytes([1]), .oversized(size: 700_001, digest: OrderedDigest.of(large)), .bytes([2]),
                ])
            try consumer.reject(batch[1].tag, requeue: false)
            try consumer.acknowledge([batch[0].tag, batch[2].tag])
            consumer.close()
            let dead = try vhost.consumer(of: "dead")
            #expect(try dead.receive(upTo: 1, wait: 60, linger: 0).first?.body == .bytes(large))
        }
    }

    @Test func `memory stays flat while bodies of 100 MB pass a limit of 1 MiB`() async throws {
        try await LiveBroker.withVhost { vhost in
            let size = 100_000_000
            for _ in 0..<3 { try vhost.publish([[UInt8](repeating: 5, count: size)]) }
            let consumer = try vhost.consumer(prefetch: 1, digest: { PeakMemory() })
            // Other tests of the process take memory too: the calmest of three passes counts.
            var calmest = Int.max
            for _ in 0..<3 {
                let before = try PeakMemory.residentBytes()
                PeakMemory.highest.store(before, ordering: .relaxed)
                let batch = try consumer.receive(upTo: 1, wait: 60, linger: 0)
                let delivery = try #require(batch.first)
                #expect(delivery.body == .oversized(size: UInt64(size), digest: []))
                calmest = min(calmest, PeakMemory.highest.load(ordering: .relaxed) - before)
                try consumer.acknowledge([delivery.tag])
            }
            #expect(calmest < 20_000_000)
        }
    }

    @Test func `25,000 nested arrays arrive as a marked header and harm nobody`() async throws {
        try await LiveBroker.withVhost { vhost in
            try vhost.publish([[1]])
            let connection = try Connection(vhost.settings())
            try connection.openChannel()
            let deep = try MessageProperties(encodedHeaders: WireSamples.nestedArrays(25_000))
            let properties = try #require(connection.pool.properties(deep.encoded()))
            try connection.publish(vhost.message([2]), properties)
            connection.close()
            let consumer = try vhost.consumer()
            let batch = try consumer.receive(upTo: 2, wait: 60, linger: 60)
            #expect(batch.map(\.body) == [.bytes([1]), .bytes([2])])
            #expect(batch.last?.properties.headers.first?.value.isTooDeep == true)
            #expect(batch.last?.properties.encodedHeaders() == deep.encodedHeaders())
        }
    }

    @Test func `a message whose headers fill a frame can be delivered again, larger than the frame`() async throws {
        try await LiveBroker.withVhost { vhost in
            let publisher = try vhost.publisher()
            // 131,072 less the frame's own 8 bytes, 12 of the content header, 2 flags, 4 length, 7 of this field.
            let properties = MessageProperties(headers: [Field("h", .text(String(repeating: "x", count: 131_039)))])
            #expect(try publisher.publish([vhost.message(properties: properties)], deadline: 10) == [.confirmed])
            for round in 0..<3 {
                let consumer = try vhost.consumer()
                let delivery = try #require(try consumer.receive(upTo: 1, wait: 60, linger: 0).first)
                #expect(delivery.redelivered == (round > 0))
                #expect(delivery.properties.header("h") == properties.header("h"))
                consumer.close()
            }
        }
    }
}

/// Not a hash: notes the highest resident size seen while a body is read.
private struct PeakMemory: BodyDigest {
    static let highest = Atomic<Int>(0)

    mutating func update(_: UnsafeRawBufferPointer) throws {
        Self.highest.max(try Self.residentBytes(), ordering: .relaxed)
    }

    mutating func finalize() -> [UInt8] { [] }

    /// Second field of /proc/self/statm, in pages.
    static func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let fields = text.split(separator: " ")
        return try #require(fields.count > 1 ? Int(fields[1]) : nil) * Int(getpagesize())
    }
}
