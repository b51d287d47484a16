import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Two independent readings, and what follows when they differ.
@Suite(.needsStack) struct SecondReadTests {
    private static let rules = """
        [{"reason": "positive", "rate": 0.5, "second_read_rate": 1}, {"reason": "audit", "rate": 0.25}]
        """
    private let job = MadePrediction.id(1)

    private func fill(_ room: ReviewRoom) throws {
        try room.setPolicy(SecondReadTests.rules)
        try room.store([MadePrediction(number: 1, p: 0.9, positive: true, rule: 1, reads: 2)])
    }

    private func confirming(_ label: String, _ more: String = "") -> String {
        "select review.confirm('\(job)', '\(label)'\(more))"
    }

    private func stage(_ room: ReviewRoom) throws -> [String?] {
        try room.operatorSession.column("select stage from review.worklist_items")
    }

    private func final(_ session: Session) throws -> [[String?]] {
        try session.rows("select label, how, readings from review.final_labels")
    }

    @Test func `two readers who agree settle a patch, and neither sees the other's word before`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            let monitor = try room.makeLogin(["sentinode_monitor"])
            #expect(try one.column("select stage from review.claim(1)") == ["first read"])
            #expect(try two.column("select job_id from review.claim(1)") == [])
            try one.run(confirming("normal", ", reason => 'x'"))
            #expect(try final(one) == [[nil, "awaiting second read", "1"]])
            for view in ["label_history", "current_labels", "final_labels", "disagreements", "overrules", "agreement"] {
                #expect(try two.column("select row::text from review.\(view) as row") == [], "\(view)")
            }
            #expect(try two.column("select what from review.timeline('\(job)') where what = 'labelled'") == [])
            #expect(try one.column("select job_id from review.claim(1)") == [])
            try expectRefusal("SN005", "already", one, confirming("tumor"))
            #expect(try two.column("select stage from review.claim(1)") == ["second read"])
            // Independent: contradicting the model needs a reason, contradicting the first reader could need none.
            try two.run(confirming("normal", ", reason => 'y'"))
            #expect(try stage(room) == [])
            #expect(try final(two) == [["normal", "agreed", "2"]])
            #expect(
                try monitor.column("select reading from review.label_history order by labelled_at") == [
                    "first read", "second read",
                ])
            #expect(try two.value("select count(*) from review.label_history") == "2")
        }
    }

    @Test func `readers who differ go to an adjudicator, who alone is served it and says why`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            let third = try room.makeReader("Dr. Three")
            let adjudicator = try room.makeReader("Dr. Judge", adjudicates: true)
            try one.run(confirming("tumor"))
            try two.run(confirming("normal", ", reason => 'x'"))
            #expect(try stage(room) == ["adjudication"])
            #expect(try final(one) == [[nil, "awaiting adjudication", "2"]])
            for reader in [one, two, third] {
                #expect(try reader.column("select job_id from review.claim(1)") == [])
            }
            try expectRefusal("SN009", "waits for an adjudicator", third, confirming("tumor", ", reason => 'x'"))
            try expectRefusal("SN009", "waits for an adjudicator", adjudicator, confirming("tumor", ", reason => 'x'"))
            #expect(try adjudicator.column("select stage from review.claim(1)") == ["adjudication"])
            #expect(try adjudicator.value("select count(*) from review.label_history") == "2")
            try expectRefusal("SN007", "needs a reason", adjudicator, confirming("tumor"))
            try adjudicator.run(confirming("tumor", ", reason => 'clear nest', meaning => 'responsibility'"))
            #expect(try stage(room) == [])
            #expect(try final(third) == [["tumor", "adjudicated", "2"]])
            let kinds = try third.rows("select kind, final_label, how from review.disagreements")
            #expect(kinds == [["readers disagree", "tumor", "adjudicated"]])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a reader of both readings cannot be the adjudicator too`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let one = try room.makeReader("Dr. One", adjudicates: true)
            let two = try room.makeReader("Dr. Two", adjudicates: true)
            try one.run(confirming("tumor"))
            try two.run(confirming("normal", ", reason => 'x'"))
            for reader in [one, two] {
                #expect(try reader.column("select job_id from review.claim(9)") == [])
                try expectRefusal("SN005", "already", reader, confirming("tumor", ", reason => 'x'"))
            }
        }
    }

    @Test func `an amendment to agreement ends the dispute, a withdrawal opens the reading again`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            let three = try room.makeReader("Dr. Three")
            let first = try #require(try one.value(confirming("tumor")))
            let second = try #require(try two.value(confirming("normal", ", reason => 'x'")))
            #expect(try stage(room) == ["adjudication"])
            let amended = try #require(
                try two.value("select review.amend('\(second)', 'tumor', 'agreed at the microscope')"))
            #expect(try stage(room) == [])
            #expect(try final(one) == [["tumor", "agreed", "2"]])
            try one.run("select review.withdraw('\(first)', 'wrong slide')")
            #expect(try stage(room) == ["second read"])
            #expect(try final(two) == [[nil, "awaiting second read", "1"]])
            #expect(try one.column("select job_id from review.claim(1)") == [])
            #expect(try three.column("select stage from review.claim(1)") == ["second read"])
            try three.run(confirming("tumor"))
            #expect(try final(one) == [["tumor", "agreed", "2"]])
            try two.run("select review.amend('\(amended)', 'normal', 'no: a germinal centre')")
            #expect(try stage(room) == ["adjudication"])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `an unassessable reading differs from the other's answer`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            try one.run(confirming("unassessable"))
            try two.run(confirming("tumor"))
            #expect(try stage(room) == ["adjudication"])
        }
    }
}
