import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What is served to whom in which order, and who keeps it how long.
@Suite(.needsStack) struct WorklistTests {
    private static let rules = """
        [{"reason": "uncertain", "priority": 5, "due_hours": 1}, {"reason": "positive", "rate": 0.5, "priority": 2},
         {"reason": "audit", "rate": 0.25, "priority": 1}]
        """

    /// Uncertain 1-3 (priority 5), positive 11-13 (priority 2), drawn 21-23, and 31, which nobody selected.
    private func fill(_ room: ReviewRoom) throws {
        try room.setPolicy(WorklistTests.rules, lease: 1)
        try room.store(
            (1...3).map { MadePrediction(number: $0, p: 0.5, rule: 1) }
                + (11...13).map { MadePrediction(number: $0, p: 0.9, positive: true, rule: 2) }
                + (21...23).map { MadePrediction(number: $0, p: 0.1, audit: true, rule: 3) }
                + [MadePrediction(number: 31, p: 0.1)])
    }

    /// The jobs in the order of their hashes, as the contract defines it.
    private func hashed(_ numbers: ClosedRange<Int>, _ room: ReviewRoom) throws -> [String?] {
        let list = numbers.map { "('\(MadePrediction.id($0))'::uuid)" }.joined(separator: ",")
        return try room.operatorSession.column(
            """
            select job from (values \(list)) as jobs (job)
            order by sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(job))
            """)
    }

    @Test func `clinical patches come by priority, the sample behind them in an order that knows no score`()
        async throws
    {
        try await ReviewRoom.with { room in
            try fill(room)
            let reader = try room.makeReader()
            let expected = try hashed(11...13, room) + hashed(1...3, room) + hashed(21...23, room)
            #expect(try reader.column("select job_id from review.upcoming(100)") == expected)
            let sample = try hashed(21...23, room)
            #expect(try reader.column("select job_id from review.upcoming(100, 'audit')") == sample)
            #expect(try reader.column("select job_id from review.claim(4)") == Array(expected.prefix(4)))
            #expect(try reader.column("select job_id from review.claim(100)") == Array(expected.dropFirst(4)))
            #expect(try reader.column("select job_id from review.claim(1)") == [])
            #expect(try reader.value("select count(*) from review.worklist where is_mine and is_claimed") == "9")
            let events = try room.operatorSession.column(
                "select detail ->> 'jobs' from audit.events where action = 'review.claimed' order by seal")
            #expect(events == ["4", "5"])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a reader who is always blind gets everything in one order that knows no reason`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let reader = try room.makeReader(alwaysBlind: true)
            let all = try room.operatorSession.column(
                "select job_id from review.worklist_items order by reading_order")
            for stream in ["null", "'clinical'", "'audit'"] {
                #expect(try reader.column("select job_id from review.upcoming(100, \(stream))") == all)
            }
            #expect(try reader.column("select job_id from review.claim(2, 'audit')") == Array(all.prefix(2)))
            let masked = try reader.rows(
                "select distinct reason, p_tumor, decision, priority, due_at from review.worklist")
            #expect(masked == [[nil, nil, nil, nil, nil]])
        }
    }

    @Test func `what one reader has claimed nobody else gets, until it is released or its lease has expired`()
        async throws
    {
        try await ReviewRoom.with { room in
            try fill(room)
            let (one, other) = (try room.makeReader("Dr. One"), try room.makeReader("Dr. Other"))
            let mine = try one.column("select job_id from review.claim(6)").compactMap { $0 }
            #expect(try other.column("select job_id from review.claim(100)").count == 3)
            let job = try #require(mine.first)
            try expectRefusal(
                "SN006", "claimed by another reader", other, "select review.confirm('\(job)', 'tumor', reason => 'x')")
            #expect(try other.value("select review.release(array['\(job)']::uuid[])") == "0")
            #expect(try one.value("select review.release(array['\(job)']::uuid[])") == "1")
            #expect(try other.column("select job_id from review.claim(100)") == [job])
            try room.expireLeases()
            try expectRefusal(
                "SN006", "your lease on job \(job) expired", other,
                "select review.confirm('\(job)', 'tumor', reason => 'x')")
            #expect(Set(try one.column("select job_id from review.claim(100)")).count == 9)
            #expect(try one.value("select review.release()") == "9")
            #expect(try one.value("select review.release()") == "0")
            let claims = try room.operatorSession.value("select count(*) from review.claims")
            #expect(claims == "\(6 + 3 + 1 + 9)")
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `claims are narrowed by site and slide, and an impossible claim is refused`() async throws {
        try await ReviewRoom.with { room in
            try room.store([
                MadePrediction(number: 1, p: 0.5, site: "north", slide: "A"),
                MadePrediction(number: 2, p: 0.5, site: "south", slide: "A"),
                MadePrediction(number: 3, p: 0.5, site: "south", slide: "B"),
            ])
            let reader = try room.makeReader()
            #expect(
                try reader.column("select job_id from review.upcoming(9, site => 'north')") == [MadePrediction.id(1)])
            let narrow = "select job_id from review.claim(9, site => 'south', slide_id => 'B')"
            #expect(try reader.column(narrow) == [MadePrediction.id(3)])
            for call in ["claim", "upcoming"] {
                for count in ["0", "1001", "-1", "null"] {
                    try expectRefusal("SN010", "from 1 to 1,000", reader, "select review.\(call)(\(count))")
                }
                try expectRefusal("SN010", "no such stream", reader, "select review.\(call)(1, 'urgent')")
            }
        }
    }

    @Test func `what should have been read by now is overdue`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let reader = try room.makeReader()
            #expect(try reader.column("select job_id from review.overdue") == [])
            let hours = try reader.column(
                "select distinct extract(epoch from due_at - now() + age)::int / 3600 from review.worklist order by 1")
            #expect(hours == ["1", "72"])
            try room.asOwner("update review.worklist_items set due_at = due_at - interval '90 minutes'")
            let overdue = try reader.column("select job_id from review.overdue order by 1")
            #expect(overdue == [1, 2, 3].map(MadePrediction.id))
            #expect(
                try reader.value(
                    "select bool_and(overdue_by >= '29 minutes') from review.overdue") == "t")
        }
    }
}
