import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Figures of a past time can be computed again, exactly as they were.
@Suite(.needsStack) struct AsKnownThenTests {
    private static let rules = """
        [{"reason": "positive", "rate": 0.5, "second_read_rate": 1}, {"reason": "audit", "rate": 0.25, "blind": true}]
        """
    /// The views whose figures go into reports.
    private static let views = [
        "predictions", "label_history", "current_labels", "final_labels", "disagreements", "overrules", "agreement",
        "automation_bias",
    ]

    private static let calls = [
        "slide('S-1')", "export_csv()", "export_geojson('S-1')", "timeline('\(MadePrediction.id(1))')",
        "timeline('\(MadePrediction.id(2))')",
    ]

    private func everything(_ session: Session) throws -> [String?] {
        try (AsKnownThenTests.views + AsKnownThenTests.calls).flatMap { source in
            let rows = "select $row$\(source)$row$ || row::text from review.\(source) as row"
            // What is called comes in an order of its own.
            return try session.column(source.hasSuffix(")") ? rows : rows + " order by 1")
        }
    }

    private func reader(_ room: ReviewRoom, _ name: String, _ labels: [Int: String]) throws -> Session {
        let reader = try room.makeReader(name, adjudicates: true)
        try reader.run("select review.claim(100)")
        for (number, label) in labels.sorted(by: { $0.key < $1.key }) {
            try reader.run("select review.confirm('\(MadePrediction.id(number))', '\(label)', reason => 'x')")
        }
        return reader
    }

    /// Waits until what was done so far is settled, and returns the time.
    private func settle(_ session: Session) throws -> String {
        let now = try #require(try session.value("select clock_timestamp()"))
        try wait(for: "that time to settle") { try session.value("select review.settled_at() >= '\(now)'") == "t" }
        return now
    }

    @Test func `every view gives for a past time exactly what it gave then`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(AsKnownThenTests.rules)
            try room.store(
                (1...6).map { MadePrediction(number: $0, p: 0.9, positive: true, rule: 1, reads: 2) }
                    + (7...9).map { MadePrediction(number: $0, p: 0.1, audit: true, rule: 2, blind: true) })
            let monitor = try room.makeLogin(["sentinode_monitor"])
            var known: [(time: String, rows: [String?])] = []
            func note() throws {
                let time = try settle(monitor)
                try monitor.run("select review.set_as_of(null)")
                known.append((time, try everything(monitor)))
            }
            try note()
            let one = try reader(room, "Dr. One", [1: "tumor", 2: "normal", 3: "tumor", 7: "tumor", 8: "normal"])
            try note()
            try room.store([MadePrediction(number: 10, p: 0.9, positive: true, rule: 1)])
            _ = try reader(room, "Dr. Two", [1: "tumor", 2: "tumor", 3: "normal"])
            try note()
            try one.run("select review.reveal('\(MadePrediction.id(7))')")
            try one.run("select review.amend(label_id, 'normal', 'x') from review.my_labels where label = 'tumor'")
            try note()
            try one.run(
                "select review.withdraw(label_id, 'x') from review.my_labels where job_id = '\(MadePrediction.id(8))'")
            _ = try reader(room, "Dr. Three", [2: "tumor"])
            try note()
            #expect(Set(known.map { $0.rows.count }).count > 2)
            for (time, rows) in known {
                try monitor.run("select review.set_as_of('\(time)')")
                #expect(try everything(monitor) == rows, "as of \(time)")
            }
            try monitor.run("select review.set_as_of(null)")
            let last = try #require(known.last)
            #expect(try everything(monitor) == last.rows)
        }
    }

    @Test func `a reader's figures of a past time do not change with what is revealed later`() async throws {
        try await ReviewRoom.with { room in
            try room.setPolicy(AsKnownThenTests.rules)
            try room.store((1...3).map { MadePrediction(number: $0, p: 0.1, audit: true, rule: 2, blind: true) })
            let one = try reader(room, "Dr. One", [1: "tumor", 2: "normal", 3: "tumor"])
            let time = try settle(one)
            let before = try everything(one)
            try one.run("select review.reveal(job_id) from review.my_labels")
            #expect(try everything(one) != before)
            try one.run("select review.set_as_of('\(time)')")
            #expect(try everything(one) == before)
        }
    }

    @Test func `predictions that are being stored hold a time back as labels do`() async throws {
        try await ReviewRoom.with { room in
            let (slow, quick) = (room.operatorSession, try room.makeLogin(["sentinode_monitor"]))
            try slow.run("begin")
            try room.store([MadePrediction(number: 1)])
            let after = try #require(try quick.value("select clock_timestamp()"))
            try expectRefusal("SN015", "may still appear", quick, "select review.set_as_of('\(after)')")
            try slow.run("commit")
            try wait(for: "that time to settle") {
                try quick.value("select review.settled_at() >= '\(after)'") == "t"
            }
            try quick.run("select review.set_as_of('\(after)')")
            #expect(try quick.value("select count(*) from review.predictions") == "1")
        }
    }

    @Test func `a time settles only behind every label that could still appear before it`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.9), MadePrediction(number: 2, p: 0.9)])
            let (slow, quick) = (try room.makeReader("Dr. Slow"), try room.makeReader("Dr. Quick"))
            let monitor = try room.makeLogin(["sentinode_monitor"])
            try slow.run("begin; select review.confirm('\(MadePrediction.id(1))', 'tumor')")
            try quick.run("select review.confirm('\(MadePrediction.id(2))', 'tumor')")
            let after = try #require(try monitor.value("select clock_timestamp()"))
            #expect(try monitor.value("select review.settled_at() < '\(after)'") == "t")
            try expectRefusal("SN015", "may still appear", monitor, "select review.set_as_of('\(after)')")
            try expectRefusal("SN015", "may still appear", monitor, "select review.set_as_of('infinity')")
            let settled = try #require(try monitor.value("select review.set_as_of(review.settled_at())"))
            #expect(try monitor.value("select count(*) from review.current_labels") == "0")
            try slow.run("commit")
            #expect(try slow.value("select min(labelled_at) >= '\(settled)' from review.label_history") == "t")
            #expect(try monitor.value("select count(*) from review.current_labels") == "0")
            try wait(for: "that time to settle") {
                try monitor.value("select review.settled_at() >= '\(after)'") == "t"
            }
            try monitor.run("select review.set_as_of('\(after)')")
            #expect(try monitor.value("select count(*) from review.current_labels") == "2")
        }
    }

    @Test func `a time is set before a transaction that sees an older state`() async throws {
        try await ReviewRoom.with { room in
            let monitor = try room.makeLogin(["sentinode_monitor"])
            try monitor.run("begin isolation level repeatable read")
            try expectRefusal("SN015", "before the transaction", monitor, "select review.set_as_of('2020-01-01')")
            try monitor.run("rollback")
            try monitor.run("select review.set_as_of('2020-01-01')")
            try monitor.run("begin isolation level repeatable read")
            #expect(try monitor.value("select count(*) from review.current_labels") == "0")
            try monitor.run("commit")
        }
    }
}
