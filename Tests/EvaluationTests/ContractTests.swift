import AuditTrail
import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ContractTests {
    @Test func `the same id with the same image is one prediction, announced twice under one event id`() async throws {
        try await Laboratory.with { laboratory in
            let message = TestPatches.message(try TestPatches.png(1), id: "twice")
            try laboratory.publish([message])
            try laboratory.drain()
            try laboratory.publish([message])
            try laboratory.drain()
            #expect(try laboratory.predictions() == 1)
            let events = try laboratory.takeEvents().filter(\.isPrediction)
            #expect(events.count == 2)
            #expect(Set(events.map(\.content.event_id)).count == 1)
            #expect(Set(events.map(\.body)).count == 1)
            #expect(try laboratory.quarantine().isEmpty)
        }
    }

    @Test func `a job that is stored already keeps none of its batch from being stored`() async throws {
        try await Laboratory.with { laboratory in
            let jobs = try TestPatches.jobs(9)
            // The first, one in the middle, and the last of the batch that follows.
            try laboratory.publish([jobs[0], jobs[4], jobs[8]])
            try laboratory.drain()
            #expect(try laboratory.predictions() == 3)
            try laboratory.publish(jobs)
            try laboratory.drain()
            #expect(try laboratory.predictions() == 9)
            #expect(try laboratory.takeEvents().filter(\.isPrediction).count == 3 + 9)
            #expect(try laboratory.quarantine().isEmpty)
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `the same id twice in one batch is one prediction too`() async throws {
        try await Laboratory.with { laboratory in
            let message = TestPatches.message(try TestPatches.png(1), id: "twice")
            try laboratory.publish([message, message, TestPatches.message(try TestPatches.png(2), id: "other")])
            try laboratory.drain()
            #expect(try laboratory.predictions() == 2)
            #expect(try laboratory.takeEvents().filter(\.isPrediction).count == 3)
        }
    }

    @Test func `the same id with another image is quarantined, and the first prediction stands`() async throws {
        try await Laboratory.with { laboratory in
            let first = try TestPatches.png(1)
            try laboratory.publish([TestPatches.message(first, id: "reused")])
            try laboratory.drain()
            try laboratory.publish([TestPatches.message(try TestPatches.png(2), id: "reused")])
            try laboratory.drain()
            #expect(try laboratory.quarantine() == [TestPatches.jobID("reused"): ["job_id_reused"]])
            let stored = try laboratory.database.query("select image_sha256 from sentinode.predictions").onlyRow()
            #expect(try stored.bytes("image_sha256") == Hash.sha256(first))
        }
    }

    @Test func `a patch as base64 in JSON gives the same bits as the PNG`() async throws {
        try await Laboratory.with { laboratory in
            let png = try TestPatches.png(3)
            let json = "{\"image_base64\": \"\(Data(png).base64EncodedString())\", \"slide_id\": \"S-1\", \"x\": 7}"
            try laboratory.publish([
                TestPatches.message(png, id: "png"),
                TestPatches.message(Array(json.utf8), id: "json", contentType: "application/json; charset=utf-8"),
            ])
            try laboratory.drain()
            let rows = try laboratory.database.query(
                "select log_p_normal, log_p_tumor, image_sha256, slide_id, x from sentinode.predictions order by message_id"
            )
            try #require(rows.count == 2)
            #expect(try rows[0].float4("log_p_tumor").bitPattern == rows[1].float4("log_p_tumor").bitPattern)
            #expect(try rows[0].float4("log_p_normal").bitPattern == rows[1].float4("log_p_normal").bitPattern)
            #expect(try rows[0].bytes("image_sha256") == rows[1].bytes("image_sha256"))
            #expect(try rows[0].text("slide_id") == "S-1")
            #expect(try rows[0].int8("x") == 7)
        }
    }

    @Test func `an answer goes to reply_to with the correlation id, for results and for refusals`() async throws {
        try await Laboratory.with { laboratory in
            var good = TestPatches.message(try TestPatches.png(1), id: "good")
            var bad = TestPatches.message([1, 2, 3], id: "bad")
            (good.properties.replyTo, good.properties.correlationID) = (Laboratory.repliesQueue, "c-1")
            (bad.properties.replyTo, bad.properties.correlationID) = (Laboratory.repliesQueue, "c-2")
            try laboratory.publish([good, bad])
            try laboratory.drain()
            let replies = try laboratory.take(from: Laboratory.repliesQueue).map(Event.init)
            let byCorrelation = Dictionary(grouping: replies) { $0.properties.correlationID }
            #expect(byCorrelation["c-1"]?.map(\.content.job_id) == [try TestPatches.jobID("good")])
            #expect(byCorrelation["c-2"]?.map(\.content.reason) == ["not_png"])
            #expect(replies.count == 2)
        }
    }

    @Test func `a reply to a queue of the product or to none blocks nothing and makes no loop`() async throws {
        try await Laboratory.with { laboratory in
            var loop = TestPatches.message(try TestPatches.png(1), id: "loop")
            loop.properties.replyTo = BrokerNames.patches
            var nowhere = TestPatches.message(try TestPatches.png(2), id: "nowhere")
            nowhere.properties.replyTo = "no.such.queue"
            try laboratory.publish([loop, nowhere])
            try laboratory.drain()
            #expect(try laboratory.predictions() == 2)
            #expect(try laboratory.quarantine().isEmpty)
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
            #expect(try laboratory.takeEvents().filter(\.isPrediction).count == 2)
        }
    }
}
