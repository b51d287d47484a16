import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Everything that a blind reader can read and call, in worlds that differ in nothing but what must not be known.
@Suite(.needsStack) struct BlindWorldTests {
    /// What is hidden of a blind patch. Everything else of the worlds is the same.
    private struct Hidden {
        var p: Double
        var positive = false
        var audit = true
        var rule = 2
        var othersLabel = "tumor"
    }

    private static let rules = """
        [{"reason": "positive", "rate": 0.5, "priority": 1, "due_hours": 2},
         {"reason": "audit", "rate": 0.25, "blind": true, "priority": 60, "due_hours": 50},
         {"reason": "uncertain", "priority": 30, "due_hours": 9}]
        """
    private static let patches = 1...12

    /// What the policy makes blind is drawn for the audit sample; score, decision and further reasons differ.
    private static func drawn(_ variant: Int, _ number: Int) -> Hidden {
        switch (variant + number) % 3 {
        case 0: Hidden(p: 0.05, othersLabel: "tumor")
        case 1: Hidden(p: 0.97, positive: true, othersLabel: "tumor")
        default: Hidden(p: 0.5, othersLabel: "unassessable")
        }
    }

    /// An always-blind reader does not even know which patches were drawn.
    private static func selected(_ variant: Int, _ number: Int) -> Hidden {
        switch (variant + number) % 3 {
        case 0: Hidden(p: 0.05, othersLabel: "tumor")
        case 1: Hidden(p: 0.97, positive: true, audit: false, rule: 1, othersLabel: "tumor")
        default: Hidden(p: 0.5, audit: false, rule: 3, othersLabel: "unassessable")
        }
    }

    @Test func `a reader of blind patches reads the same, whatever the model answered and others said`() async throws {
        try await expectSameWorlds(alwaysBlind: false, BlindWorldTests.drawn)
    }

    @Test func `a reader who is always blind reads the same, whatever the patches were selected for`() async throws {
        try await expectSameWorlds(alwaysBlind: true, BlindWorldTests.selected)
    }

    /// The walk would find a column that shows the answer.
    @Test func `the walk tells worlds apart where nothing is hidden`() async throws {
        let first = try await world(alwaysBlind: false, isBlind: false) { BlindWorldTests.drawn(0, $0) }
        let second = try await world(alwaysBlind: false, isBlind: false) { _ in Hidden(p: 0.97, positive: true) }
        let different = Set(first.filter { second[$0.key] != $0.value }.keys)
        for relation in ["predictions", "worklist", "label_history", "final_labels", "disagreements", "overrules"] {
            #expect(different.contains { $0.hasPrefix("0 review.\(relation)") }, "\(relation)")
        }
        for function in ["claim", "slide", "export_geojson", "export_csv", "timeline", "upcoming"] {
            #expect(different.contains { $0.hasPrefix("0 review.\(function)(") }, "\(function)")
        }
    }

    private func expectSameWorlds(alwaysBlind: Bool, _ hidden: (_ variant: Int, _ number: Int) -> Hidden) async throws {
        let first = try await world(alwaysBlind: alwaysBlind) { hidden(0, $0) }
        for variant in 1...2 {
            let other = try await world(alwaysBlind: alwaysBlind) { hidden(variant, $0) }
            #expect(Set(first.keys) == Set(other.keys))
            for (what, seen) in first {
                #expect(seen == other[what], "\(what) tells worlds apart")
            }
        }
    }

    /// What a reader sees of a world, by what was asked, before any label of the reader's own and after some.
    private func world(alwaysBlind: Bool, isBlind: Bool = true, _ hidden: (Int) -> Hidden) async throws -> [String:
        [String]]
    {
        var seen: [String: [String]] = [:]
        try await ReviewRoom.with { room in
            try fill(room, isBlind: isBlind && !alwaysBlind, hidden)
            let reader = try room.makeReader("Dr. Blind", alwaysBlind: alwaysBlind, adjudicates: true)
            try reader.run("set timezone to 'UTC'")
            let names = try WorldNames(room)
            func look(_ moment: Int) throws {
                for (what, rows) in try BlindWalk(room: room, reader: reader, names: names).everything() {
                    seen["\(moment) \(what)"] = rows
                }
            }
            try look(0)
            // Labels of one's own, one claimed and one not, tell nothing either before the reveal.
            let claimed = try reader.column("select job_id from review.claim(3)").compactMap { $0 }
            for (index, job) in claimed.enumerated() {
                try reader.run(
                    "select review.confirm('\(job)', '\(["tumor", "normal", "unassessable"][index % 3])', reason => 'x')"
                )
            }
            try reader.run("select review.confirm('\(MadePrediction.id(12))', 'tumor', reason => 'x')")
            seen["notices"] = reader.connection.takeNotices()
            // Where the readings differ somebody decides, which the first of them may not learn either.
            let judge = try room.makeReader("Dr. Judge", adjudicates: true)
            let disputed = try judge.rows("select job_id, stage from review.claim(100)").filter {
                $0[1] == "adjudication"
            }
            for job in disputed.compactMap({ $0[0] }) {
                try judge.run("select review.confirm('\(job)', 'unassessable', reason => 'x')")
            }
            try look(1)
        }
        return seen
    }

    private func fill(_ room: ReviewRoom, isBlind: Bool, _ hidden: (Int) -> Hidden) throws {
        try room.setPolicy(BlindWorldTests.rules, lease: 60)
        try room.store(
            BlindWorldTests.patches.map { number in
                let fact = hidden(number)
                return MadePrediction(
                    number: number, p: fact.p, slide: "S-\(number % 2)", x: number, y: 100 - number, caseName: "C-1",
                    positive: fact.positive, audit: fact.audit, rule: fact.rule,
                    reads: number.isMultiple(of: 4) ? 1 : 2,
                    blind: isBlind)
            })
        try room.asOwner(
            """
            insert into sentinode.patch_images (image_sha256, png, keep_until)
            select sha256(bytes), bytes, now() + interval '1 day'
            from (select convert_to('patch ' || n, 'UTF8') as bytes from generate_series(1, 6) as n) as patches
            """)
        // Overdue by one rule and not by another.
        try room.asOwner("update review.worklist_items set due_at = due_at - interval '20 hours', added_at = now()")
        let other = try room.makeReader("Dr. Other")
        for number in BlindWorldTests.patches where number.isMultiple(of: 2) {
            try room.asOwner(
                """
                update review.worklist_items set leased_by = '\(other.login)', leased_at = now(),
                    leased_until = now() + interval '1 hour' where job_id = '\(MadePrediction.id(number))'
                """)
            try other.run(
                "select review.confirm('\(MadePrediction.id(number))', '\(hidden(number).othersLabel)', reason => 'x')")
        }
    }
}
