import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Reading before the model's answer is shown.
@Suite(.needsStack) struct BlindReadingTests {
    private static let rules = #"[{"reason": "audit", "rate": 0.25, "blind": true}]"#
    private let job = MadePrediction.id(1)

    private func shown(_ session: Session) throws -> [[String?]] {
        try session.rows("select decision, p_tumor, review_reason, is_hidden from review.predictions")
    }

    @Test func `a blind reader is asked for no reason, sees the answer after a reveal, and then changes on the record`()
        async throws
    {
        try await ReviewRoom.with { room in
            try room.setPolicy(BlindReadingTests.rules)
            try room.store([MadePrediction(number: 1, p: 0.9, audit: true, rule: 1, blind: true)])
            let reader = try room.makeReader()
            try reader.run("select review.claim(1)")
            try expectRefusal("SN011", "is read blind", reader, "select review.reveal('\(job)')")
            #expect(try shown(reader) == [[nil, nil, nil, "t"]])
            let first = try #require(try reader.value("select review.confirm('\(job)', 'normal')"))
            #expect(try shown(reader) == [[nil, nil, nil, "t"]])
            #expect(try reader.value("select count(*) from review.final_labels") == "0")
            let second = try #require(
                try reader.value("select review.amend('\(first)', 'unassessable', 'out of focus')"))
            try reader.run("select review.reveal('\(job)')")
            #expect(try shown(reader) == [["tumor", "0.9", "audit", "f"]])
            // Twice is once.
            try reader.run("select review.reveal('\(job)')")
            try reader.run("select review.amend('\(second)', 'tumor', 'so did the model')")
            let history = try reader.rows(
                "select label, blind, after_reveal from review.label_history order by labelled_at")
            #expect(history == [["normal", "t", nil], ["unassessable", "t", "f"], ["tumor", "t", "t"]])
            #expect(try room.operatorSession.value("select count(*) from review.reveals") == "1")
            let actions = try room.operatorSession.column(
                "select action from audit.events where actor = '\(reader.login)' order by seal")
            #expect(
                actions == [
                    "review.claimed", "label.confirmed", "label.amended", "review.revealed", "label.amended",
                ])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a withdrawn label reveals nothing`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(BlindReadingTests.rules)
            try room.store([MadePrediction(number: 1, p: 0.9, audit: true, rule: 1, blind: true)])
            let reader = try room.makeReader()
            let label = try #require(try reader.value("select review.confirm('\(job)', 'normal')"))
            try reader.run("select review.withdraw('\(label)', 'x')")
            try expectRefusal("SN011", "is read blind", reader, "select review.reveal('\(job)')")
            #expect(try shown(reader) == [[nil, nil, nil, "t"]])
        }
    }

    @Test func `each reader reveals for himself, and those who administer or monitor read no patch blind`() async throws
    {
        try await ReviewRoom.with { room in
            try room.setPolicy(BlindReadingTests.rules)
            try room.store([MadePrediction(number: 1, p: 0.9, audit: true, rule: 1, blind: true)])
            let (one, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            try one.run("select review.confirm('\(job)', 'tumor')")
            try one.run("select review.reveal('\(job)')")
            #expect(try shown(one) == [["tumor", "0.9", "audit", "f"]])
            #expect(try shown(other) == [[nil, nil, nil, "t"]])
            #expect(try other.value("select count(*) from review.label_history") == "0")
            for role in ["monitor", "auditor", "admin"] {
                #expect(try shown(room.makeLogin(["sentinode_\(role)"])) == [["tumor", "0.9", "audit", "f"]])
            }
        }
    }

    /// For an always-blind reader nothing may tell a clinical patch from one of the sample.
    @Test func `an unclaimed label of an always-blind reader is voluntary, whatever the patch was selected for`()
        async throws
    {
        try await ReviewRoom.with { room in
            try room.setPolicy(#"[{"reason": "positive", "rate": 0.5}, {"reason": "audit", "rate": 0.25}]"#)
            try room.store([
                MadePrediction(number: 1, p: 0.9, positive: true, rule: 1),
                MadePrediction(number: 2, p: 0.9, audit: true, rule: 2),
            ])
            let reader = try room.makeReader(alwaysBlind: true)
            var notices: [[String]] = []
            for number in [1, 2] {
                try reader.run("select review.confirm('\(MadePrediction.id(number))', 'normal')")
                notices.append(
                    reader.connection.takeNotices().map { $0.replacing(MadePrediction.id(number), with: "") })
            }
            #expect(notices[0] == notices[1])
            #expect(try reader.column("select distinct reading from review.my_labels") == ["voluntary"])
            #expect(try reader.value("select count(*) from review.worklist") == "0")
            #expect(try room.operatorSession.value("select count(*) from review.worklist_items") == "2")
        }
    }

    /// The numbers are counted by hand from the table: first call, last call, the model, and what the other found.
    @Test func `automation bias is counted from first calls, changes after the reveal, and what others found`()
        async throws
    {
        let readings: [(p: Double, first: String, last: String, other: String?)] = [
            (0.9, "normal", "tumor", "normal"), (0.9, "normal", "tumor", "normal"), (0.9, "normal", "normal", "normal"),
            (0.1, "tumor", "normal", "tumor"), (0.1, "tumor", "tumor", "tumor"),
            (0.9, "normal", "tumor", "tumor"), (0.9, "normal", "normal", "tumor"), (0.1, "tumor", "normal", "normal"),
            (0.9, "tumor", "tumor", "tumor"), (0.1, "normal", "normal", nil), (0.5, "tumor", "normal", "tumor"),
        ]
        try await ReviewRoom.with { room in
            try room.setPolicy(BlindReadingTests.rules)
            try room.store(
                readings.enumerated().map {
                    MadePrediction(number: $0 + 1, p: $1.p, audit: true, rule: 1, reads: 2, blind: true)
                })
            let (reader, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            let monitor = try room.makeLogin(["sentinode_monitor"])
            for session in [reader, other] {
                try session.run("select review.claim(100)")
                for (index, reading) in readings.enumerated() {
                    let job = MadePrediction.id(index + 1)
                    let isReader = session.login == reader.login
                    guard let said = isReader ? reading.first : reading.other else { continue }
                    try session.run("select review.confirm('\(job)', '\(said)')")
                    guard isReader else { continue }
                    try session.run("select review.reveal('\(job)')")
                    guard reading.last != said else { continue }
                    try session.run(
                        """
                        select review.amend(label_id, '\(reading.last)', 'x') from review.my_labels where job_id = '\(job)'
                        """)
                }
            }
            let counts = """
                revealed, changed, judged, right_against_wrong_model, overturned_to_wrong_model,
                wrong_against_right_model, corrected_by_model
                """
            let rows = try monitor.rows("select \(counts) from review.automation_bias order by reader = 'all'")
            // Right against a wrong model: 1-5, of which 1, 2 and 4 gave in. Wrong against a right one: 6-8.
            let expected = ["11", "6", "9", "5", "3", "3", "2"]
            #expect(rows == [expected, expected])
            let shares = try monitor.rows(
                """
                select round(overturned_share::numeric, 12), round(overturned_low::numeric, 12),
                    round(overturned_high::numeric, 12), note
                from review.automation_bias where reader = '\(reader.login)'
                """)
            // proportion_confint(3, 5, method='wilson') of statsmodels 0.15.0.
            #expect(shares == [["0.600000000000", "0.230724281276", "0.882379225767", nil]])
        }
    }
}
