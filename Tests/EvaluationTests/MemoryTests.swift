import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack, .serialized) struct MemoryTests {
    /// More than a few minutes allow, where everything is asked for.
    private static let patches = ProcessInfo.processInfo.environment["SENTINODE_TEST_LONG"] == "1" ? 50_000 : 5000

    @Test func `the resident size of one lane stays within a tenth over many patches`() async throws {
        try await Laboratory.with { laboratory in
            let worker = try laboratory.start("work", "--lanes", "1")
            var sizes: [Int] = []
            for part in 1...10 {
                try laboratory.publish(try TestPatches.jobs(Self.patches / 10, prefix: "part-\(part)"))
                try wait(for: "part \(part)", within: 120) {
                    try laboratory.predictions() == Self.patches / 10 * part
                }
                sizes.append(try worker.residentMemory().now)
            }
            // The first part warms up allocators and statement caches.
            let (first, last) = (sizes[1], sizes[9])
            print(
                "resident size of one lane: \(first) kB after \(Self.patches / 5), \(last) kB after \(Self.patches) patches"
            )
            #expect(Double(last) < 1.1 * Double(first), "\(sizes)")
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
        }
    }

    @Test func `twenty bodies of 100 MB take no memory and are kept by the dead-letter queue`() async throws {
        try await Laboratory.with { laboratory in
            let body = [UInt8](repeating: 7, count: 100_000_000)
            let worker = try laboratory.start("work", "--lanes", "1")
            try laboratory.publish(try TestPatches.jobs(200))
            try wait(for: "a warm lane") { try laboratory.predictions() == 200 }
            let before = try worker.residentMemory().now
            for number in 0..<20 { try laboratory.publish([TestPatches.message(body, id: "large-\(number)")]) }
            try laboratory.publish(try TestPatches.jobs(50, prefix: "neighbour"))
            try wait(for: "twenty rows of quarantine", within: 120) { try laboratory.quarantine().count == 20 }
            try wait(for: "the neighbours", within: 60) { try laboratory.predictions() == 250 }
            let most = try worker.residentMemory().most
            print("resident size of one lane: \(before) kB before, \(most) kB at most over twenty bodies of 100 MB")
            #expect(Double(most) < 1.1 * Double(before))
            try wait(for: "the dead-letter queue") { try laboratory.depth(of: BrokerNames.deadPatches) == 20 }
            let rows = try laboratory.database.query(
                "select reason, payload is null as without_payload, payload_size from sentinode.quarantined_messages")
            #expect(try rows.allSatisfy { try $0.text("reason") == "too_large" && $0.bool("without_payload") })
            #expect(try rows.allSatisfy { try $0.int8("payload_size") == 100_000_000 })
            worker.send(SIGTERM)
            #expect(try worker.waitForEnd() == .exit(0))
            // Two gigabytes that no later test needs.
            try laboratory.stack.command("rabbitmqctl", "delete_vhost", laboratory.broker.virtualHost)
        }
    }
}
