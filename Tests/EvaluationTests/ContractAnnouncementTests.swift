import AuditTrail
import Database
import Foundation
import PatchClassifier
import Testing

@testable import Evaluation
@testable import MessageBroker

/// The folder of the contracts.
let contractsFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "contracts")

@Suite struct `Announcements` {
    private static let sha256 = [UInt8](0..<32)
    private static let job = UUID(uuidString: "4D0F6F2E-7C1B-4A52-9C36-0E9B1F0A7D11") ?? UUID()
    private static let writer = UUID(uuidString: "0F8FAD5B-D9CB-469F-A165-70867728950E") ?? UUID()

    private static func stored(_ pTumor: LogProbabilities, isSparse: Bool) -> StoredPrediction {
        var metadata = PatchMetadata()
        if !isSparse {
            (metadata.slideID, metadata.x, metadata.y, metadata.level) = ("S \"17\" – ü", 960, 1920, 0)
            (metadata.site, metadata.enqueuedAt) = ("north", Timestamp(microseconds: 1_779_445_230_000_000))
        }
        let prediction = Prediction(
            job: Job(
                id: job, messageID: isSparse ? nil : "patch-1", sender: "lab", metadata: metadata, attributes: nil,
                attributesDropped: 0, png: [], imageSHA256: sha256),
            modelVersion: "baseline-1", rule: DecisionRule(OperatingPoint(threshold: 0.5, uncertain: 0.1..<0.75)),
            probabilities: pTumor,
            statistics: ImageStatistics(Patch(width: 1, height: 1, rgb: [1, 2, 3])), engine: "direct-1/avx2",
            receivedAt: Timestamp(microseconds: 1_779_445_230_125_000),
            predictedAt: Timestamp(microseconds: 1_779_445_230_140_001))
        let receipt = Receipt(position: LeafPosition(writer: writer, seal: 3, leaf: 17), root: sha256)
        return StoredPrediction(prediction, receipt)
    }

    private static func quarantined() throws -> Announcement {
        var properties = MessageProperties()
        properties.messageID = "patch-2"
        let delivery = Delivery.example(properties)
        let submission = Submission(
            delivery: delivery, receivedAt: Timestamp(microseconds: 0), jobID: job, payloadSHA256: sha256, reply: nil,
            content: .failure(Refusal(.truncated, "")))
        return try Announcement(
            quarantined: submission, Refusal(.truncated, "the PNG ends in the middle of its pixels"))
    }

    private static func examples() throws -> [String: Announcement] {
        [
            "prediction.uncertain.json": try Announcement(
                stored(LogProbabilities(normal: -0.6931472, tumor: -0.6931472), isSparse: false), reply: nil),
            "prediction.normal-without-metadata.json": try Announcement(
                stored(LogProbabilities(normal: -1e-7, tumor: -16.118), isSparse: true), reply: nil),
            "quarantined.json": try quarantined(),
            "control.activated.json": try Announcement(
                activated: Control(generation: 2, activeVersion: "baseline-1", isPaused: false), by: "anna",
                reason: "validated on our cases", at: Timestamp(microseconds: 1_779_445_230_000_000)),
            "checkpoint.json": try Announcement(
                Checkpoint(
                    document: CheckpointDocument(
                        number: 2, signedAt: Timestamp(microseconds: 1_779_445_230_125_000),
                        serverTime: Timestamp(microseconds: 1_779_445_230_000_000), previous: sha256, key: sha256,
                        nextKey: nil, restoration: nil, chains: 4, seals: 15, heads: 2, headsRoot: sha256),
                    signature: sha256 + sha256, heads: nil)),
        ]
    }

    @Test func `are byte for byte the examples of the contract`() throws {
        for (name, announcement) in try Self.examples() {
            let file = contractsFolder.appending(path: "examples").appending(path: name)
            if ProcessInfo.processInfo.environment["SENTINODE_WRITE_EXAMPLES"] != nil {
                try Data((announcement.body + "\n").utf8).write(to: file)
            }
            let example = try String(contentsOf: file, encoding: .utf8)
            #expect(announcement.body + "\n" == example, "\(name)")
        }
    }

    @Test func `go to the exchange of events and to the queue that asked`() throws {
        let stored = Self.stored(LogProbabilities(normal: -2, tumor: -0.145), isSparse: false)
        let reply = ReplyAddress(queue: "lab.answers", correlationID: "c-9", correlationIDBytes: nil)
        let messages = try Announcement(stored, reply: reply).messages
        #expect(messages.map(\.exchange) == ["sentinode.events", ""])
        #expect(messages.map(\.routingKey) == ["prediction.tumor", "lab.answers"])
        #expect(messages.map(\.mandatory) == [false, true])
        #expect(messages.allSatisfy { $0.properties.correlationID == "c-9" && $0.properties.deliveryMode == 2 })
    }

    /// The second has a combining character behind the dot: another Character, and the same bytes up to there.
    @Test(arguments: ["sentinode.patches", "sentinode.\u{301}patches"])
    func `never go to a queue of the product's own`(queue: String) throws {
        let stored = Self.stored(LogProbabilities(normal: -2, tumor: -0.145), isSparse: false)
        let reply = ReplyAddress(queue: queue, correlationID: nil, correlationIDBytes: nil)
        #expect(try Announcement(stored, reply: reply).messages.map(\.exchange) == ["sentinode.events"])
    }
}

extension Delivery {
    /// A delivery that no broker made, with these properties and this body.
    static func example(_ properties: MessageProperties, body: Body = .bytes([]), redelivered: Bool = false) -> Delivery
    {
        Delivery(
            tag: DeliveryTag(number: 1, generation: 0), redelivered: redelivered, deliveryCount: nil,
            exchange: BrokerNames.jobs, routingKey: BrokerNames.patchesKey, properties: properties, body: body)
    }
}
