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

    @Test func `a reveal that is rolled back has shown nothing`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(BlindReadingTests.rules)
            try room.store([MadePrediction(number: 1, p: 0.9, audit: true, rule: 1, blind: true)])
            let reader = try room.makeReader()
            try reader.run("begin; select review.confirm('\(job)', 'normal'); select review.reveal('\(job)')")
            #expect(try shown(reader) == [[nil, nil, nil, "t"]])
            #expect(try reader.value("select count(*) from review.final_labels") == "0")
            try reader.run("savepoint inside; select review.reveal('\(job)')")
            #expect(try shown(reader) == [[nil, nil, nil, "t"]])
            try reader.run("rollback")
            try reader.run("select review.confirm('\(job)', 'normal')")
            try reader.run("begin; select review.reveal('\(job)')")
            #expect(try shown(reader) == [[nil, nil, nil, "t"]])
            try reader.run("commit")
            #expect(try shown(reader) == [["tumor", "0.9", "audit", "f"]])
        }
    }

    @Test func `another reader's label is not shown before one's own is committed`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(#"[{"reason": "positive", "rate": 0.5, "second_read_rate": 1}]"#)
            try room.store([MadePrediction(number: 1, p: 0.9, positive: true, rule: 1, reads: 2)])
            let (one, two) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Two", adjudicates: true))
            try one.run("select review.confirm('\(job)', 'normal', reason => 'x')")
            for label in ["normal", "tumor"] {
                try two.run("begin; select review.confirm('\(job)', '\(label)', reason => 'x')")
                #expect(try two.column("select reader from review.label_history") == [two.login])
                #expect(try two.value("select count(*) from review.worklist") == "0")
                try two.run("rollback")
            }
            try two.run("select review.confirm('\(job)', 'tumor', reason => 'x')")
            #expect(try two.value("select count(*) from review.label_history") == "2")
        }
    }

    @Test func `while a blind reading waits, the answer on another job of the same picture is hidden too`() async throws
    {
        try await ReviewRoom.with { room in
            try room.setPolicy(
                #"[{"reason": "audit", "rate": 0.25, "blind": true}, {"reason": "positive", "rate": 0.5}]"#)
            try room.store([
                MadePrediction(number: 1, p: 0.9, audit: true, rule: 1, blind: true, image: 7),
                MadePrediction(number: 2, p: 0.9, image: 7),
                MadePrediction(number: 3, p: 0.9, positive: true, rule: 2, image: 7),
                MadePrediction(number: 4, p: 0.9, image: 8),
            ])
            let (reader, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            let shown = "select is_hidden, decision from review.predictions order by job_id"
            #expect(try reader.rows(shown) == [["t", nil], ["t", nil], ["t", nil], ["f", "tumor"]])
            #expect(
                try reader.rows("select due_at from review.worklist where job_id = '\(MadePrediction.id(3))'") == [
                    [nil]
                ])
            // Asking for the reason of a contradiction would tell the answer.
            try reader.run("select review.confirm('\(MadePrediction.id(3))', 'normal')")
            try reader.run("select review.confirm('\(job)', 'normal')")
            #expect(try reader.rows(shown) == [["t", nil], ["t", nil], ["t", nil], ["f", "tumor"]])
            try reader.run("select review.reveal('\(job)')")
            #expect(try reader.rows(shown).map { $0[0] } == ["f", "f", "f", "f"])
            #expect(try other.rows(shown).map { $0[0] } == ["t", "t", "t", "f"])
            try other.run("select review.claim(9, 'audit')")
            try other.run("select review.confirm('\(job)', 'normal')")
            #expect(try room.operatorSession.value("select count(*) from review.worklist_items where blind") == "0")
            #expect(try other.rows(shown).map { $0[0] } == ["t", "f", "f", "f"])
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
            try room.setPolicy(
                #"[{"reason": "positive", "rate": 0.5}, {"reason": "audit", "rate": 0.25}, {"reason": "uncertain"}]"#)
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
            // What was changed before the reveal is no bias: the first call is the one that stood then.
            try room.store([MadePrediction(number: 99, p: 0.1, audit: true, rule: 1, blind: true)])
            let late = MadePrediction.id(99)
            let label = try #require(try other.value("select review.confirm('\(late)', 'tumor')"))
            try other.run("select review.amend('\(label)', 'normal', 'x')")
            try other.run("select review.reveal('\(late)')")
            #expect(
                try monitor.value("select changed from review.automation_bias where reader = '\(other.login)'") == "0")
            let counts = """
                revealed, changed, judged, right_against_wrong_model, overturned_to_wrong_model,
                wrong_against_right_model, corrected_by_model
                """
            let rows = try monitor.rows("select \(counts) from review.automation_bias where reader = '\(reader.login)'")
            // Right against a wrong model: 1-5, of which 1, 2 and 4 gave in. Wrong against a right one: 6-8.
            let expected = ["11", "6", "9", "5", "3", "3", "2"]
            #expect(rows == [expected])
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
