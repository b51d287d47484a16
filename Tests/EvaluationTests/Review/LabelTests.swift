import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What a person may say of a patch, and when a reason is asked for.
@Suite(.needsStack) struct LabelTests {
    private static let rules = #"[{"reason": "positive", "rate": 0.5}, {"reason": "audit", "rate": 0.25}]"#

    private func confirming(_ number: Int, _ label: String, _ more: String = "") -> String {
        "select review.confirm('\(MadePrediction.id(number))', '\(label)'\(more))"
    }

    @Test func `words that no label may hold are refused, and nothing is stored`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.9), MadePrediction(number: 2, p: 0.9)])
            let reader = try room.makeReader()
            let job = MadePrediction.id(1)
            for label in ["'Tumor'", "'benign'", "''", "null", "'\(String(repeating: "x", count: 999))'"] {
                try expectRefusal("SN004", "is no label", reader, "select review.confirm('\(job)', \(label))")
                try expectRefusal(
                    "SN004", "is no label", reader, "select review.amend(gen_random_uuid(), \(label), 'x')")
            }
            for (more, words) in [
                (", 0", "no confidence"), (", 6", "no confidence"), (", meaning => 'truth'", "no meaning"),
                (", meaning => null", "no meaning"), (", comment => repeat('x', 4001)", "4,000 bytes"),
                (", reason => repeat('x', 4001)", "4,000 bytes"),
            ] {
                try expectRefusal("SN010", words, reader, confirming(1, "tumor", more))
            }
            for jobs in ["'{}'", "null", "array_fill('\(job)'::uuid, array[0])"] {
                try expectRefusal("SN010", "from 1 to 1,000", reader, "select review.confirm_many(\(jobs), 'tumor')")
            }
            let many = "array(select gen_random_uuid() from generate_series(1, 1001))"
            try expectRefusal("SN010", "from 1 to 1,000", reader, "select review.confirm_many(\(many), 'tumor')")
            try expectRefusal("SN002", "no job NULL", reader, "select review.confirm(null, 'tumor')")
            // All or none.
            try expectRefusal(
                "SN002", "no job", reader,
                "select review.confirm_many(array['\(job)', '\(MadePrediction.id(99))']::uuid[], 'tumor')")
            #expect(try room.operatorSession.value("select count(*) from review.labels") == "0")
        }
    }

    @Test func `several patches are labelled at once, each with its own digest under one seal`() async throws {
        try await ReviewRoom.with { room in
            try room.store((1...40).map { MadePrediction(number: $0, p: 0.9) })
            let reader = try room.makeReader()
            let jobs = (1...40).reversed().map { "'\(MadePrediction.id($0))'" }.joined(separator: ",")
            let ids = try reader.value(
                """
                select cardinality(review.confirm_many(array[\(jobs), '\(MadePrediction.id(7))']::uuid[], 'tumor',
                    confidence => 5, comment => ' clear ', meaning => 'approval'))
                """)
            #expect(ids == "40")
            let stored = try room.operatorSession.rows(
                """
                select count(*), count(distinct seal), max(leaf), min(comment), min(meaning), min(confidence)
                from review.labels
                """)
            #expect(stored == [["40", "1", "40", "clear", "approval", "5"]])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a label that contradicts the model needs a reason, and a comment will do`() async throws {
        try await ReviewRoom.with { room in
            try room.store((1...4).map { MadePrediction(number: $0, p: 0.9) } + [MadePrediction(number: 5, p: 0.5)])
            let reader = try room.makeReader()
            for more in ["", ", reason => '  '", ", comment => ' '"] {
                let expected = more.contains("reason") ? "needs a reason" : "contradicts the model"
                try expectRefusal("SN007", expected, reader, confirming(1, "normal", more))
            }
            try reader.run(confirming(1, "normal", ", reason => 'follicle'"))
            try reader.run(confirming(2, "normal", ", comment => 'follicle'"))
            try reader.run(confirming(3, "unassessable"))
            try reader.run(confirming(4, "tumor"))
            try reader.run(confirming(5, "normal"))
            let reasons = try room.operatorSession.column("select reason from review.labels order by job_id")
            #expect(reasons == ["follicle", "follicle", nil, nil, nil])
            try expectRefusal("SN005", "labelled job", reader, confirming(4, "tumor"))
        }
    }

    @Test func `an unselected patch can be labelled, voluntarily, and contradicting another reader needs a reason`()
        async throws
    {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.9)])
            let (one, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            try one.run(confirming(1, "normal", ", reason => 'a'"))
            // It agrees with the model, and not with the reader before.
            try expectRefusal("SN007", "an earlier label", other, confirming(1, "tumor"))
            try other.run(confirming(1, "tumor", ", reason => 'b'"))
            #expect(try one.column("select distinct reading from review.label_history") == ["voluntary"])
            let final = try one.rows("select label, how, readings, voluntary from review.final_labels")
            #expect(final == [[nil, "voluntary readers disagree", "0", "2"]])
        }
    }

    @Test func `a patch of the sample that was picked by hand is labelled voluntarily, and still waits`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(LabelTests.rules)
            try room.store([
                MadePrediction(number: 1, p: 0.9, audit: true), MadePrediction(number: 2, p: 0.9, positive: true),
            ])
            let (one, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            try one.run(confirming(1, "tumor"))
            try one.run(confirming(2, "tumor"))
            #expect(one.connection.takeNotices().contains { $0.contains("counts as voluntary") })
            #expect(
                try one.column("select reading from review.my_labels order by job_id") == ["voluntary", "first read"])
            #expect(try other.column("select job_id from review.claim(9)") == [MadePrediction.id(1)])
            try other.run(confirming(1, "normal", ", reason => 'x'"))
            let final = try other.rows("select label, how, voluntary from review.final_labels order by job_id")
            #expect(final == [["normal", "single read", "1"], ["tumor", "single read", "0"]])
        }
    }

    @Test func `a label is amended and withdrawn, never overwritten`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5)])
            let (reader, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            let first = try #require(try reader.value(confirming(1, "tumor", ", 3")))
            for (statement, words) in [
                ("amend('\(first)', 'normal', null)", "an amendment needs a reason"),
                ("amend('\(first)', 'normal', ' ')", "an amendment needs a reason"),
                ("withdraw('\(first)', '')", "a withdrawal needs a reason"),
            ] {
                try expectRefusal("SN007", words, reader, "select review.\(statement)")
            }
            try expectRefusal("SN010", "says tumor already", reader, "select review.amend('\(first)', 'tumor', 'x')")
            try expectRefusal("SN009", "another reader's", other, "select review.amend('\(first)', 'normal', 'x')")
            try expectRefusal("SN008", "no label", other, "select review.withdraw(gen_random_uuid(), 'x')")
            try expectRefusal("SN008", "no label NULL", other, "select review.withdraw(null, 'x')")
            #expect(try reader.value("select count(*) from review.worklist") == "0")

            let second = try #require(try reader.value("select review.amend('\(first)', 'normal', 'looked again', 5)"))
            try expectRefusal("SN008", "superseded already", reader, "select review.amend('\(first)', 'tumor', 'x')")
            #expect(try reader.rows("select label, how from review.final_labels") == [["normal", "single read"]])
            let third = try #require(try reader.value("select review.withdraw('\(second)', 'wrong slide')"))
            #expect(try reader.rows("select label, how from review.final_labels") == [])
            #expect(try reader.rows("select stage from review.worklist") == [["first read"]])
            try expectRefusal("SN010", "says nothing already", reader, "select review.withdraw('\(third)', 'x')")
            try expectRefusal("SN005", "already", reader, confirming(1, "tumor"))
            #expect(try reader.column("select job_id from review.claim(1)") == [])
            try reader.run("select review.amend('\(third)', 'tumor', 'right slide after all')")
            #expect(try reader.value("select count(*) from review.worklist") == "0")
            let history = try reader.rows("select act, label, reason from review.label_history order by labelled_at")
            #expect(
                history == [
                    ["read", "tumor", nil], ["amendment", "normal", "looked again"],
                    ["withdrawal", nil, "wrong slide"], ["amendment", "tumor", "right slide after all"],
                ])
            #expect(try reader.column("select label from review.current_labels") == ["tumor"])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `labels from a file are a named reader's, recorded by whoever imported them`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(LabelTests.rules)
            try room.store([
                MadePrediction(number: 1, p: 0.5), MadePrediction(number: 2, p: 0.9, audit: true),
                MadePrediction(number: 3, p: 0.9), MadePrediction(number: 4, site: "south"),
                MadePrediction(number: 5, p: 0.5),
            ])
            let reader = try room.makeReader(sites: ["north"])
            let administrator = try room.administrator()
            func importing(_ numbers: [Int], _ labels: [String], who: String? = nil, reason: String = "'old study'")
                -> String
            {
                let jobs = numbers.map { "'\(MadePrediction.id($0))'" }.joined(separator: ",")
                let said = labels.map { "'\($0)'" }.joined(separator: ",")
                return """
                    select review.import_labels('\(who ?? reader.login)', array[\(jobs)]::uuid[], array[\(said)]::text[], \(reason))
                    """
            }
            try expectRefusal("SN001", "no reader", administrator, importing([1], ["tumor"], who: "nobody_at_all"))
            try expectRefusal("SN007", "needs a reason", administrator, importing([1], ["tumor"], reason: "null"))
            try expectRefusal("SN010", "as many labels as jobs", administrator, importing([1, 2], ["tumor"]))
            try expectRefusal("SN010", "as many labels as jobs", administrator, importing([], []))
            try expectRefusal("SN004", "is no label", administrator, importing([1, 3], ["tumor", "maybe"]))
            try expectRefusal(
                "SN002", "at the sites of the reader", administrator, importing([1, 4], ["tumor", "tumor"]))
            try expectRefusal("SN002", "no job", administrator, importing([99], ["tumor"]))
            try expectRefusal("SN005", "names it twice", administrator, importing([1, 1], ["tumor", "normal"]))
            #expect(try room.operatorSession.value("select count(*) from review.labels") == "0")

            let claimed = try room.makeReader("Dr. Other").column("select job_id from review.claim(1, 'clinical')")
            try administrator.run(importing([1, 2, 3, 5], ["tumor", "normal", "normal", "tumor"]))
            try expectRefusal("SN005", "labelled job", administrator, importing([1], ["tumor"]))
            let stored = try room.operatorSession.rows(
                "select reading, source, blind, reader, recorded_by from review.labels order by job_id")
            let origin = ["import", nil, reader.login, administrator.login]
            let claimedFirst = claimed == [MadePrediction.id(1)]
            #expect(
                stored == [
                    [claimedFirst ? "voluntary" : "first read"] + origin, ["voluntary"] + origin,
                    ["voluntary"] + origin,
                    [claimedFirst ? "first read" : "voluntary"] + origin,
                ])
            #expect(try reader.value("select count(*) from review.my_labels") == "4")
            #expect(try room.auditProblems() == [])
        }
    }
}
