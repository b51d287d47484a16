import AuditTrail
import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack, .needsRealPatches) struct RealPatchesTests {
    @Test func `a thousand real patches are stored as PyTorch computes them, announced, and sealed`() async throws {
        try await Laboratory.with { laboratory in
            let reference = try RealPatches.reference()
            try laboratory.publish(
                try reference.keys.sorted().map { TestPatches.message(try RealPatches.png($0), id: $0) })
            try laboratory.drain(lanes: 2)
            try compare(laboratory, with: reference)
            try checkReceipts(laboratory, count: reference.count)
            let findings = try AuditVerifier(database: laboratory.database).verify()
            #expect(findings.problems == [])
            // The catalogue, the model, its version, four golden patches and its activation are rows of the trail too.
            #expect(findings.rows == reference.count + 8)
        }
    }

    /// Every value within 1e-4, every decision at 0.5 the same.
    private func compare(_ laboratory: Laboratory, with reference: [String: (normal: Float, tumor: Float)]) throws {
        let rows = try laboratory.database.query(
            "select message_id, log_p_normal, log_p_tumor, decision from sentinode.predictions")
        #expect(rows.count == reference.count)
        var furthest: Float = 0
        for row in rows {
            let expected = try #require(reference[try row.text("message_id")])
            furthest = max(
                furthest, abs(try row.float4("log_p_normal") - expected.normal),
                abs(try row.float4("log_p_tumor") - expected.tumor))
            #expect(try row.text("decision") == (exp(expected.tumor) >= 0.5 ? "tumor" : "normal"))
        }
        #expect(furthest < 1e-4)
        print("greatest difference from PyTorch over \(rows.count) patches: \(furthest)")
    }

    /// Every event's receipt names the place of its row and the root over it.
    private func checkReceipts(_ laboratory: Laboratory, count: Int) throws {
        let rows = try laboratory.database.query(
            """
            select job_id, prediction.writer, prediction.seal, leaf, root from sentinode.predictions as prediction
            join audit.seals as sealed on sealed.writer = prediction.writer and number = prediction.seal
            """)
        let places = try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let receipt = Event.Content.Receipt(
                    writer: try row.uuid("writer"), seal: try row.int8("seal"), leaf: try row.int4("leaf"),
                    root: hexadecimal(try row.bytes("root")))
                return (try row.uuid("job_id"), receipt)
            })
        let events = try laboratory.takeEvents().filter(\.isPrediction)
        #expect(events.count == count)
        for event in events {
            let job = try #require(event.content.job_id)
            #expect(event.content.receipt == places[job])
            #expect(event.content.notice == notice)
        }
    }
}
