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
            let names = try Names(room)
            func look(_ moment: Int) throws {
                for (what, rows) in try Walk(room: room, reader: reader, names: names).everything() {
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

/// Random ids and login names of a world, to be read as the same in each.
private struct Names {
    let logins: [String]

    init(_ room: ReviewRoom) throws {
        logins = try room.operatorSession.column(
            "select login from review.readers order by recorded_at, login"
        ).compactMap { $0 }
    }

    /// The text without what differs by chance between two worlds. Jobs are named alike in all of them; other ids are
    /// random. Times and ages are told in whole hours from now, for what is due by another rule is due at another hour.
    func neutral(_ text: String) throws -> String {
        var text = text
        for (number, login) in logins.enumerated() { text = text.replacing(login, with: "login \(number)") }
        text = try text.replacing(
            #/(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(\.\d+)?(\+00(:?00)?|Z)?/#
        ) { found in
            let time = try Date("\(found.1)T\(found.2)Z", strategy: .iso8601)
            return "(in \(Int((time.timeIntervalSinceNow / 3600).rounded())) h)"
        }
        text = text.replacing(#/(-?)(\d{2}):(\d{2}):\d{2}(\.\d+)?/#) { found in
            let hours = (Double(found.2) ?? 0) + (Double(found.3) ?? 0) / 60
            return "(\(found.1)\(Int(hours.rounded())) h)"
        }
        return text.replacing(
            #/(?!00000000)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/#, with: "(id)")
    }
}

/// Reads every relation and calls every function that the catalogue lets the reader.
private struct Walk {
    let room: ReviewRoom
    let reader: Session
    let names: Names

    func everything() throws -> [(String, [String])] {
        try relations() + functions()
    }

    private func relations() throws -> [(String, [String])] {
        let relations = try room.operatorSession.column(
            """
            select oid::regclass from pg_class
            where relnamespace::regnamespace::text in ('sentinode', 'review', 'monitor', 'audit')
                and relkind in ('r', 'p', 'v', 'm') and has_any_column_privilege('\(reader.login)', oid, 'select')
                and oid not in ('sentinode.schema_migrations'::regclass, 'sentinode.model_versions'::regclass)
            """
        ).compactMap { $0 }
        try #require(relations.count >= 11)
        return try relations.map { relation in
            (relation, try read("select * from \(relation)"))
        }
    }

    private func functions() throws -> [(String, [String])] {
        let functions = try room.operatorSession.column(
            """
            select oid::regprocedure from pg_proc
            where pronamespace::regnamespace::text in ('sentinode', 'review', 'monitor', 'audit')
                and has_function_privilege('\(reader.login)', oid, 'execute')
            """
        ).compactMap { $0 }
        #expect(Set(functions) == Set(Walk.calls.keys), "say how a blind reader might call what is new")
        return try functions.flatMap { function in
            try (Walk.calls[function] ?? []).map { call in
                (call, try read("select * from \(call)"))
            }
        }
    }

    private static let jobs = [1, 2, 3, 12].map { "'\(MadePrediction.id($0))'" }

    /// Calls of each function with arguments that a curious reader would try.
    private static let calls: [String: [String]] = [
        "review.amend(uuid,text,text,integer,text,text)": ["review.amend(gen_random_uuid(), 'tumor', 'x')"],
        "review.as_of()": ["review.as_of()"],
        "review.claim(integer,text,text,text)": [
            "review.claim(100)", "review.claim(5, 'clinical')", "review.claim(5, 'audit')",
            "review.claim(9, slide_id => 'S-1')",
        ],
        "review.confirm(uuid,text,integer,text,text,text)": jobs.flatMap { job in
            ["tumor", "normal", "unassessable"].map { "review.confirm(\(job), '\($0)')" }
        },
        "review.confirm_many(uuid[],text,integer,text,text,text)": [
            "review.confirm_many(array[\(jobs.joined(separator: ","))]::uuid[], 'tumor')"
        ],
        "review.export_csv(text,text,timestamp with time zone)": [
            "review.export_csv()", "review.export_csv('S-1')", "review.export_csv(since => '2020-01-01')",
        ],
        "review.export_geojson(text,integer)": ["review.export_geojson('S-0')", "review.export_geojson('S-1', 10)"],
        "review.hides(uuid,boolean)": jobs.flatMap { ["review.hides(\($0), true)", "review.hides(\($0), false)"] },
        "review.image(uuid)": jobs.map { "review.image(\($0))" },
        "review.is_always_blind()": ["review.is_always_blind()"],
        "review.is_reader()": ["review.is_reader()"],
        "review.my_sites()": ["review.my_sites()"],
        "review.pause(text)": ["review.pause('x')"],
        "review.release(uuid[])": [
            "review.release()", "review.release(array[\(jobs.joined(separator: ","))]::uuid[])",
        ],
        "review.resume(text)": ["review.resume('x')"],
        "review.reveal(uuid)": [1, 3].map { "review.reveal('\(MadePrediction.id($0))')" },
        "review.sees_everything()": ["review.sees_everything()"],
        "review.set_as_of(timestamp with time zone)": ["review.set_as_of('2020-01-01')", "review.set_as_of(null)"],
        "review.settled_at()": ["review.settled_at()"],
        "review.slide(text)": ["review.slide('S-0')", "review.slide('S-1')"],
        "review.timeline(uuid)": jobs.map { "review.timeline(\($0))" },
        "review.upcoming(integer,text,text,text)": [
            "review.upcoming(100)", "review.upcoming(5, 'clinical')", "review.upcoming(5, 'audit')",
            "review.upcoming(9, slide_id => 'S-0')",
        ],
        "review.wilson(bigint,bigint,integer)": ["review.wilson(1, 2, 1)"],
        "review.withdraw(uuid,text)": ["review.withdraw(gen_random_uuid(), 'x')"],
    ]

    /// The rows in the order in which they come, or the refusal with its words, and the notices; undone afterwards.
    private func read(_ query: String) throws -> [String] {
        _ = reader.connection.takeNotices()
        do {
            try reader.run("begin")
            let rows = try reader.rows(query).map { row in
                try names.neutral(row.map { $0 ?? "NULL" }.joined(separator: " | "))
            }
            let notices = reader.connection.takeNotices()
            try reader.run("rollback")
            return try rows + notices.map { try "notice: " + names.neutral($0) }
        } catch let error as DatabaseError {
            try reader.run("rollback")
            #expect(error.sqlstate.hasPrefix("SN"), "\(query) was not even tried: \(error)")
            return ["refused: \(error.sqlstate) " + (try names.neutral(error.message))]
        }
    }
}
