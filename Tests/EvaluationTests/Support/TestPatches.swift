import Foundation
import MessageBroker
import PatchClassifier
import Testing

@testable import Evaluation

/// Patches to send, and the messages that carry them.
enum TestPatches {
    /// A made-up patch, another one for every seed; the same in every run (SplitMix64, Steele, Lea and Flood 2014).
    static func png(_ seed: Int, side: Int = 96) throws -> [UInt8] {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15
        var rgb: [UInt8] = []
        rgb.reserveCapacity(side * side * 3)
        while rgb.count < side * side * 3 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            // Pink to violet, as stained tissue is; few shades keep the file small.
            let shade = UInt8(truncatingIfNeeded: z >> 60) << 3
            rgb += [200 - shade, 120 - shade, 190 - shade / 2]
        }
        return try Patch(width: side, height: side, rgb: rgb).pngEncoded()
    }

    /// A job as a lab system would publish it.
    static func message(_ body: [UInt8], id: String?, contentType: String? = "image/png", headers: [Field] = [])
        -> OutgoingMessage
    {
        let properties = MessageProperties(
            contentType: contentType, deliveryMode: 2, messageID: id, appID: "test", headers: headers)
        return OutgoingMessage(
            exchange: BrokerNames.jobs, routingKey: BrokerNames.patchesKey, properties: properties, body: body,
            mandatory: true)
    }

    /// Jobs named `<prefix>-0`, `<prefix>-1`, ... of a few made-up patches in turn.
    static func jobs(_ count: Int, prefix: String = "job") throws -> [OutgoingMessage] {
        try (0..<count).map { message(try images[$0 % images.count].get(), id: "\(prefix)-\($0)") }
    }

    private static let images = (0..<16).map { seed in Result { try png(seed) } }

    /// The job of a message with this id, sent as `message` does.
    static func jobID(_ messageID: String) throws -> UUID { try JobIdentity.job(messageID: messageID, sender: "test") }
}

/// The thousand real patches beside the package, and what PyTorch makes of them.
enum RealPatches {
    static let folder = Stack.packageRoot.appending(path: "../shared/pcam/test").standardized
    static let areHere = FileManager.default.fileExists(atPath: folder.path)

    /// Log-probabilities of the shipped weights: normal and tumour, by the patch's id.
    static func reference() throws -> [String: (normal: Float, tumor: Float)] {
        let file = folder.appending(path: "../../models/baseline_test_log_probabilities.csv").standardized
        let lines = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline).dropFirst()
        return try Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let cells = line.split(separator: ",")
                try #require(cells.count == 3)
                return (String(cells[0]), (try #require(Float(cells[1])), try #require(Float(cells[2]))))
            })
    }

    static func png(_ id: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: id + ".png"))) }
}

extension Trait where Self == ConditionTrait {
    static var needsRealPatches: Self {
        .enabled(if: RealPatches.areHere, "../shared/pcam/test is not beside the checkout")
    }
}
