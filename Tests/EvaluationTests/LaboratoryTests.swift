import Testing

@testable import Evaluation

@Suite(.needsStack) struct LaboratoryTests {
    @Test func `patches that were published become one prediction and one event each`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.publish(try TestPatches.jobs(100))
            try laboratory.drain(lanes: 2)
            #expect(try laboratory.predictions() == 100)
            #expect(try laboratory.depth(of: BrokerNames.patches) == 0)
            let events = try laboratory.takeEvents().filter(\.isPrediction)
            #expect(events.count == 100)
            #expect(Set(events.compactMap(\.content.job_id)).count == 100)
        }
    }
}
