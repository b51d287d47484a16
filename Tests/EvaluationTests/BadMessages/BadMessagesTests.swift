import AuditTrail
import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct BadMessagesTests {
    @Test func `every bad message has its outcome, and its neighbours are recorded unharmed`() async throws {
        try #require(Set(BadMessages.all.map(\.name)).count >= 40)
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(16, prefix: "alone"))
            try laboratory.drain()
            let expected = try answers(of: laboratory)
            _ = try laboratory.takeEvents()

            try publishBetweenGood(BadMessages.all, to: laboratory)
            try laboratory.drain()
            let outcomes = try Outcomes(of: laboratory)
            for message in BadMessages.all {
                #expect(try outcomes.row(of: message) == message.expected, "\(message.name), as stored")
                #expect(try outcomes.event(of: message) == message.expected, "\(message.name), as told")
            }
            for number in 0...BadMessages.all.count {
                #expect(outcomes.predictions.contains(try TestPatches.jobID("good-\(number)")))
            }
            #expect(try answers(of: laboratory) == expected)
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
        }
    }

    @Test func `only what is too large to keep goes to the dead-letter queue`() async throws {
        try await Laboratory.with { laboratory in
            try publishBetweenGood(BadMessages.all, to: laboratory)
            try laboratory.drain(lanes: 2)
            let kept = try laboratory.take(from: BrokerNames.deadPatches)
            let tooLarge = BadMessages.all.filter { $0.body.count > 1 << 20 }
            #expect(
                try Set(kept.map { try JobReader.payloadSHA256(of: $0) })
                    == Set(try tooLarge.map { try $0.bodySHA256() }))
            #expect(kept.count == tooLarge.count)
            #expect(
                try laboratory.count(
                    "select count(*) from sentinode.quarantined_messages where payload is null") == tooLarge.count)
        }
    }

    @Test func `the same pixels in any form of PNG give the same bits`() async throws {
        try await Laboratory.with { laboratory in
            try publish(BadMessages.samePixels, to: laboratory)
            try laboratory.drain()
            #expect(try laboratory.predictions() == BadMessages.samePixels.count)
            #expect(
                try laboratory.count(
                    "select count(distinct (log_p_normal, log_p_tumor)) from sentinode.predictions") == 1)
        }
    }

    @Test func `unknown headers of every kind are kept as attributes`() async throws {
        try await Laboratory.with { laboratory in
            let message = try #require(BadMessages.headers.first { $0.name == "every kind of header" })
            try publish([message], to: laboratory)
            try laboratory.drain()
            let flat = """
                "array": [1, "two", null], "bool": true, "bytes": {"base64": "/wA="}, "decimal": "314e-2", \
                "double": 0.1, "float": 0.5, "int": -1, "text": "Größe \\"5\\"", "timestamp": 1700000000, \
                "void": null
                """
            let all = "{\(flat), \"a table\": {\(flat), \"table\": {\(flat)}}}"
            let kept = try laboratory.database.query(
                "select attributes::text as kept, ($1::jsonb)::text as expected from sentinode.predictions",
                [.text(all)]
            ).onlyRow()
            let (attributes, expected) = (try kept.text("kept"), try kept.text("expected"))
            #expect(attributes == expected)
        }
    }

    @Test func `a bad message sent again is counted, and decided no other way`() async throws {
        try await Laboratory.with { laboratory in
            let messages = BadMessages.images + BadMessages.properties
            for _ in 0..<2 {
                try publish(messages, to: laboratory)
                try laboratory.drain()
            }
            let outcomes = try Outcomes(of: laboratory)
            for message in messages {
                #expect(try outcomes.row(of: message) == message.expected, "\(message.name)")
            }
            #expect(try laboratory.count("select count(*) from review.quarantine where occurrences <> 2") == 0)
            #expect(try laboratory.predictions() == messages.count { $0.expected == .recorded })
        }
    }

    @Test func `a refusal answers its sender, and echoes a correlation id that is not text`() async throws {
        try await Laboratory.with { laboratory in
            let correlation: [UInt8] = Array(repeating: 0xFE, count: 255)
            var refused = BadMessage("refused", [1, 2, 3], .quarantined(.malformedMetadata))
            refused.properties.correlationID = correlation
            refused.properties.replyTo = Array(Laboratory.repliesQueue.utf8)
            var unheard = refused
            unheard.properties.messageID = Array("unheard".utf8)
            unheard.properties.replyTo = Array(BrokerNames.deadPatches.utf8)
            try publish([refused, unheard], to: laboratory)
            try laboratory.drain()
            let replies = try laboratory.take(from: Laboratory.repliesQueue)
            #expect(replies.map(\.properties.correlationIDBytes) == [correlation])
            #expect(try replies.map { try Event($0).content.reason } == ["malformed_metadata"])
            let events = try laboratory.takeEvents().filter { $0.routingKey == "message.quarantined" }
            #expect(events.map(\.properties.correlationIDBytes) == [correlation, correlation])
            #expect(try laboratory.depth(of: BrokerNames.deadPatches) == 0)
        }
    }

    /// What the model says of the good patches, by image.
    private func answers(of laboratory: Laboratory) throws -> Set<String> {
        let images = Set(try TestPatches.jobs(16).map { hexadecimal(try Hash.sha256($0.body)) })
        let rows = try laboratory.database.query(
            """
            select distinct encode(image_sha256, 'hex') as image, float4send(log_p_normal)::text as normal,
                float4send(log_p_tumor)::text as tumor
            from sentinode.predictions
            """)
        return Set(
            try rows.map { [try $0.text("image"), try $0.text("normal"), try $0.text("tumor")] }
                .filter { images.contains($0[0]) }.map { $0.joined(separator: " ") })
    }
}

/// A good patch before and behind every message.
private func publishBetweenGood(_ messages: [BadMessage], to laboratory: Laboratory) throws {
    let good = try TestPatches.jobs(messages.count + 1, prefix: "good").map { job in
        var message = BadMessage(job.properties.messageID ?? "", job.body, .recorded)
        message.properties.appID = Array("test".utf8)
        return message
    }
    try publish(zip(good, messages).flatMap { [$0, $1] } + Array(good.suffix(1)), to: laboratory)
}

/// Publishes the bytes as they are, and waits until the broker has taken all of them.
func publish(_ messages: [BadMessage], to laboratory: Laboratory) throws {
    let publisher = try WirePublisher(url: laboratory.brokerURL)
    for message in messages {
        try publisher.publish(
            message.properties.encoded, body: message.body, exchange: BrokerNames.jobs,
            routingKey: BrokerNames.patchesKey)
    }
    try publisher.waitForConfirms()
}
