import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

/// One job's whole history, and a slide's in reading order.
@Suite(.needsStack) struct TimelineTests {
    private static let rules = """
        [{"reason": "positive", "rate": 0.5, "second_read_rate": 1}, {"reason": "audit", "rate": 0.25, "blind": true}]
        """

    @Test func `the timeline of a job tells everything that happened to it, in order`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(TimelineTests.rules)
            try room.store([MadePrediction(number: 1, p: 0.9, caseName: "C-1", positive: true, rule: 1, reads: 2)])
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            let judge = try room.makeReader("Dr. Judge", adjudicates: true)
            let job = MadePrediction.id(1)
            try one.run("select review.claim(1)")
            let label = try #require(try one.value("select review.confirm('\(job)', 'unassessable', 2)"))
            try one.run("select review.amend('\(label)', 'normal', 'in focus now')")
            try two.run("select review.claim(1)")
            try two.run("select review.confirm('\(job)', 'tumor')")
            try judge.run("select review.claim(1)")
            try judge.run("select review.confirm('\(job)', 'tumor', reason => 'a nest')")
            try room.administrator().run("select review.erase_case('C-1', 'asked to')")
            let auditor = try room.makeLogin(["sentinode_auditor"])
            let rows = try auditor.rows("select what, who, detail from review.timeline('\(job)')")
            #expect(
                rows.map { [$0[0], $0[1]] } == [
                    ["sent", "test"], ["received", nil], ["predicted", PredictionMaker.version],
                    ["stored", "operator"],
                    ["selected for review", nil], ["claimed", "Dr. One"], ["labelled", "Dr. One"],
                    ["amended", "Dr. One"], ["claimed", "Dr. Two"], ["labelled", "Dr. Two"], ["claimed", "Dr. Judge"],
                    ["adjudicated", "Dr. Judge"], ["erased", try room.administrator().login],
                ])
            #expect(rows[2][2] == "tumor, p_tumor 0.9, threshold 0.5, uncertain from 0.4 to 0.6")
            #expect(rows[4][2] == "positive, probability 0.5")
            // The words went with the erasure, the label stays.
            #expect(rows[7][2] == "normal, first read")
            #expect(rows[11][2] == "tumor, adjudication")
            let inOrder = try auditor.value(
                "select bool_and(at >= before) from (select at, lag(at) over () as before from review.timeline('\(job)')) as t"
            )
            #expect(inOrder == "t")
        }
    }

    @Test func `every reason for which a patch was selected is told with its probability, where none is hidden`()
        async throws
    {
        try await ReviewRoom.with { room in
            try room.setPolicy(
                """
                [{"reason": "uncertain"}, {"reason": "positive", "rate": 0.5}, {"reason": "audit", "rate": 0.25}]
                """)
            try room.store([
                MadePrediction(number: 1, p: 0.9, positive: true, audit: true, rule: 3),
                MadePrediction(number: 2, p: 0.5, audit: true, rule: 3),
                MadePrediction(number: 3, p: 0.1, audit: true, rule: 3),
            ])
            let reader = try room.makeReader()
            let blind = try room.makeReader("Dr. Blind", alwaysBlind: true)
            for (number, reasons) in [
                (1, "positive, probability 0.5; audit, probability 0.25; any reason, probability 0.625"),
                (2, "uncertain, probability 1; audit, probability 0.25"), (3, "audit, probability 0.25"),
            ] {
                let query = """
                    select detail from review.timeline('\(MadePrediction.id(number))') where what = 'selected for review'
                    """
                #expect(try reader.column(query) == [reasons])
                #expect(try blind.column(query) == [])
            }
        }
    }

    @Test func `a blind reading shows in the timeline as blind, and its reveal as one`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(TimelineTests.rules)
            try room.store([MadePrediction(number: 1, p: 0.9, audit: true, rule: 2, blind: true)])
            let (reader, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two"))
            let job = MadePrediction.id(1)
            try reader.run("select review.claim(1)")
            try reader.run("select review.confirm('\(job)', 'normal')")
            let before = try reader.rows("select what, detail from review.timeline('\(job)')")
            #expect(before.map { $0[0] } == ["sent", "received", "predicted", "stored", "claimed", "labelled"])
            #expect(before[2][1] == "hidden until your own label is stored and revealed")
            #expect(before[5][1] == "normal, first read, blind")
            try reader.run("select review.reveal('\(job)')")
            try reader.run("select review.amend(label_id, 'tumor', 'so it is') from review.my_labels")
            let after = try reader.rows("select what, detail from review.timeline('\(job)')")
            #expect(Array(after.map { $0[0] }.suffix(3)) == ["labelled", "revealed", "amended"])
            #expect(after.last?[1] == "tumor, first read, blind, after the reveal, so it is")
            let others = try other.rows("select what, detail from review.timeline('\(job)')")
            #expect(others.map { $0[0] } == ["sent", "received", "predicted", "stored"])
        }
    }

    @Test func `a message that was refused has a history too, for those who answer for messages`() async throws {
        try await Laboratory.with { laboratory in
            let bad = TestPatches.message(Array("no patch".utf8), id: "bad")
            try laboratory.publish([bad])
            try laboratory.drain()
            try laboratory.publish([bad])
            try laboratory.drain()
            let job = try TestPatches.jobID("bad").uuidString
            for decision in ["discard", "replay"] {
                let program = try laboratory.start("quarantine", decision, job, "--reason", "a test")
                #expect(try program.waitForEnd() == .exit(0), "\(program.lastWords())")
            }
            let session = Session(login: "operator", connection: laboratory.database)
            let told = try session.column("select what from review.timeline('\(job)')")
            #expect(told == ["received", "quarantined", "quarantined again", "discarded", "replayed"])
        }
    }

    @Test func `a slide is listed from top to bottom and from left to right`() async throws {
        try await ReviewRoom.with { room in
            let places = [(2, 96, 0), (4, 0, 96), (1, 0, 0), (3, 192, 0), (5, 96, 96)]
            try room.store(places.map { MadePrediction(number: $0, p: 0.9, x: $1, y: $2) })
            try room.store([MadePrediction(number: 9, slide: "S-2")])
            let reader = try room.makeReader()
            try reader.run("select review.confirm('\(MadePrediction.id(4))', 'normal', reason => 'x')")
            let rows = try reader.rows("select job_id, decision, final_label, how from review.slide('S-1')")
            #expect(rows.map { $0[0] } == (1...5).map(MadePrediction.id))
            #expect(rows[3] == [MadePrediction.id(4), "tumor", "normal", "voluntary"])
            #expect(rows[0] == [MadePrediction.id(1), "tumor", nil, nil])
            let exported = try reader.column("select job_id from review.export_csv('S-1')")
            #expect(exported == (1...5).map(MadePrediction.id))
        }
    }
}
