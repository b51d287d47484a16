import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What the database announces by itself, beside the examples of the contract.
@Suite(.needsStack) struct ContractActTests {
    /// The example with what differs from act to act taken from the announcement.
    private static func example(_ name: String, filledFrom announced: [String: any Sendable]) throws -> String {
        let file = contractsFolder.appending(path: "examples").appending(path: name)
        var text = try String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .newlines)
        let example = try object(text)
        for member in ["event_id", "changed_at", "changed_by"] {
            let (before, after) = (try #require(example[member] as? String), try #require(announced[member] as? String))
            text = text.replacing("\"\(before)\"", with: "\"\(after)\"")
        }
        return text
    }

    private static func object(_ text: String) throws -> [String: any Sendable] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: any Sendable])
    }

    private static func announced(_ key: String, _ laboratory: Laboratory) throws -> (id: UUID, body: String) {
        let row = try laboratory.database.query(
            "select event_id, body from sentinode.outbox where routing_key = $1", [.text(key)]
        ).onlyRow()
        return (try row.uuid("event_id"), try row.text("body"))
    }

    @Test func `a pause is announced byte for byte as the contract shows`() async throws {
        try await Laboratory.with { laboratory in
            #expect(try laboratory.workSwitch().pause(reason: "stain batch 14 under investigation"))
            let (id, body) = try Self.announced("work.paused", laboratory)
            let content = try Self.object(body)
            #expect(content["event_id"] as? String == id.uuidString.lowercased())
            let time = try #require(content["changed_at"] as? String)
            #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/#) != nil, "\(time)")
            #expect(try body == Self.example("control.paused.json", filledFrom: content))
        }
    }

    @Test func `a new review policy is announced byte for byte as the contract shows`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.database.query("select review.set_policy('[]', 'nothing but what is uncertain')")
            let (id, body) = try Self.announced("policy.set", laboratory)
            let content = try Self.object(body)
            #expect(content["event_id"] as? String == id.uuidString.lowercased())
            #expect(try body == Self.example("policy.set.json", filledFrom: content))
        }
    }
}
