import Foundation
import MessageBroker
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ReviewPolicyTests {
    @Test func `without a policy only what is uncertain is selected, and no draw is stored`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.activateVersionThatIsNeverCertain()
            try laboratory.publish(try TestPatches.jobs(10))
            try laboratory.drain()
            let stored = try laboratory.count(
                """
                select count(*) from sentinode.predictions where review_reason = 'uncertain' and selection_probability = 1
                    and num_nulls(review_policy, review_rule, positive_probability, positive_selected, audit_probability,
                        audit_selected, second_read_probability, reads_wanted, blind) = 9
                """)
            #expect(stored == 10)
            #expect(try laboratory.count("select count(*) from review.worklist_items") == 10)
            #expect(try laboratory.count("select count(*) from sentinode.patch_images") == 0)
        }
    }

    @Test func `what is stored of a selection is what the policy's rules and the key give`() async throws {
        try await Laboratory.with { laboratory in
            let key = try ReviewKey.random()
            try laboratory.activateVersionThatSeesTumorEverywhere()
            let policy = try laboratory.setPolicy(
                """
                [{"reason": "positive", "rate": 0.25}, {"reason": "audit", "site": "A", "rate": 0},
                 {"reason": "audit", "rate": 0.5, "blind": true, "second_read_rate": 0.5}]
                """, key: key)
            let sites = try (0..<300).map { number in
                TestPatches.message(
                    try TestPatches.png(number % 4), id: "job-\(number)",
                    headers: number < 100 ? [Field("site", .text("A"))] : [])
            }
            try laboratory.publish(sites)
            try laboratory.drain(environment: ["SENTINODE_REVIEW_KEY": key.secretText])
            let selector = try PolicyShelf(key: key).selector(
                Control(generation: 1, activeVersion: nil, isPaused: false, reviewPolicy: policy), laboratory.database)
            let rows = try laboratory.database.query("select * from sentinode.predictions")
            #expect(rows.count == 300)
            var reasons: Set<String?> = []
            for row in rows {
                let candidate = Candidate(
                    job: try row.uuid("job_id"), decision: .tumor, pTumor: try row.float4("p_tumor"),
                    site: try row.optionalText("site"))
                let selection = try #require(try selector?.selection(of: candidate))
                #expect(selection.audit.probability == (candidate.site == "A" ? 0 : 0.5))
                #expect(try row.float8("positive_probability") == 0.25)
                #expect(try row.bool("positive_selected") == selection.positive.isSelected)
                #expect(try row.float8("audit_probability") == selection.audit.probability)
                #expect(try row.bool("audit_selected") == selection.audit.isSelected)
                #expect(try row.float8("selection_probability") == selection.probability)
                #expect(try row.optionalText("review_reason") == selection.reason?.rawValue)
                #expect(try row.optionalInt2("review_rule") == selection.reading?.rule)
                #expect(try row.optionalFloat8("second_read_probability") == selection.reading?.secondReadProbability)
                #expect(try row.optionalInt2("reads_wanted") == selection.reading?.readsWanted)
                #expect(try row.optionalBool("blind") == selection.reading?.isBlind)
                reasons.insert(selection.reason?.rawValue)
            }
            #expect(reasons == ["positive", "audit", nil])
            let unlisted = try laboratory.count(
                """
                select count(*) from sentinode.predictions full join review.worklist_items using (job_id)
                where (review_reason is not null) <> (stream is not null)
                """)
            #expect(unlisted == 0)
            // The laboratory is answered in full, also where a reader will be blind.
            let answers = try laboratory.takeEvents().filter(\.isPrediction)
            #expect(answers.count == 300 && answers.allSatisfy { $0.content.log_p_tumor != nil })
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `the highest scores of a slide known at the time are selected for certain`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.activateVersionThatSeesTumorEverywhere()
            try laboratory.setPolicy(#"[{"reason": "positive", "top_per_slide": 3, "rate": 0}]"#)
            let jobs = try (0..<64).map { number in
                let slide = number % 8 == 7 ? [] : [Field("slide_id", .text("S-\(number % 2)"))]
                return TestPatches.message(try TestPatches.png(number % 16), id: "job-\(number)", headers: slide)
            }
            try laboratory.publish(jobs)
            let worker = try laboratory.start("work", "--drain", "--lanes", "1", "--batch", "5")
            #expect(try worker.waitForEnd() == .exit(0))
            let rows = try laboratory.database.query(
                """
                select slide_id, p_tumor, seal, leaf, positive_probability, positive_selected
                from sentinode.predictions order by seal, leaf
                """
            ).map { row in
                (
                    slide: try row.optionalText("slide_id"), p: try row.float4("p_tumor"), seal: try row.int8("seal"),
                    leaf: try row.int4("leaf"), probability: try row.float8("positive_probability"),
                    isSelected: try row.bool("positive_selected")
                )
            }
            #expect(rows.count == 64)
            for row in rows {
                let higher = rows.count { other in
                    other.slide == row.slide
                        && (other.seal < row.seal && other.p >= row.p
                            || other.seal == row.seal && (other.p > row.p || other.p == row.p && other.leaf < row.leaf))
                }
                let isHighest = row.slide != nil && higher < 3
                #expect(row.probability == (isHighest ? 1 : 0) && row.isSelected == isHighest)
            }
            #expect(rows.count(where: \.isSelected) >= 6 && rows.count(where: \.isSelected) < 50)
        }
    }

    @Test func `a picture that waits to be read blind takes no rank under another job either`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.activateVersionThatSeesTumorEverywhere()
            try laboratory.setPolicy(
                """
                [{"reason": "positive", "top_per_slide": 1, "rate": 0},
                 {"reason": "audit", "site": "B", "rate": 1, "blind": true}, {"reason": "audit", "rate": 0}]
                """)
            func send(_ picture: Int, _ id: String, slide: String, site: String = "A") throws {
                let fields = [Field("slide_id", .text(slide)), Field("site", .text(site))]
                try laboratory.publish([TestPatches.message(try TestPatches.png(picture), id: id, headers: fields)])
            }
            try send(0, "blind", slide: "other", site: "B")
            try laboratory.drain()
            // Each slide gets the picture again, and another: stored before it, or in the same batch.
            for other in 1..<8 { try send(0, "twin-\(other)", slide: "S-\(other)") }
            try laboratory.drain()
            for other in 1..<8 { try send(other, "other-\(other)", slide: "S-\(other)") }
            for other in 1..<8 { try send(0, "late-\(other)", slide: "L-\(other)") }
            for other in 1..<8 { try send(other, "later-\(other)", slide: "L-\(other)") }
            try laboratory.drain()
            let lower = try laboratory.count(
                """
                select count(*) from sentinode.predictions
                where p_tumor < (select p_tumor from sentinode.predictions where slide_id = 'other')
                """)
            #expect(lower > 0)
            let ranked = try laboratory.database.query(
                """
                select slide_id, array_agg(positive_probability order by positive_probability) as chances
                from sentinode.predictions where slide_id <> 'other' and image_sha256 <> (
                    select image_sha256 from sentinode.predictions where slide_id = 'other')
                group by slide_id
                """
            ).map { try $0.float8Array("chances").compactMap { $0 } }
            #expect(ranked == Array(repeating: [1], count: 14))
        }
    }

    @Test func `a policy that is set while lanes work is followed from the next batch on`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 1, "keep_image_days": 0}]"#)
            try laboratory.publish(try TestPatches.jobs(2000))
            let worker = try laboratory.start("work", "--drain", "--lanes", "2")
            try wait(for: "the first predictions") { try laboratory.predictions() > 100 }
            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 0}]"#)
            let after = try laboratory.database.query("select clock_timestamp() as now").onlyRow().timestamp("now")
            #expect(try worker.waitForEnd() == .exit(0))
            let stray = try laboratory.count(
                """
                select count(*) from sentinode.predictions as prediction join audit.events using (writer, seal)
                where review_policy is distinct from 2 and occurred_at > $1
                    or audit_selected is distinct from (review_policy = 1)
                """, [.timestamp(after)])
            #expect(stray == 0)
            let byTheNew = try laboratory.count(
                "select count(*) from sentinode.predictions where review_policy = 2 and review_reason is null")
            #expect(byTheNew > 0 && byTheNew < 2000)
        }
    }

    @Test func `a policy to come is followed when its time has come and not before`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.database.query(
                "select review.set_policy('[]', 'a test', null, now() + interval '1 day')")
            try laboratory.publish(try TestPatches.jobs(5))
            try laboratory.drain()
            #expect(
                try laboratory.count("select count(*) from sentinode.predictions where review_policy is null") == 5)
        }
    }
}

@Suite(.needsStack) struct KeptImageTests {
    @Test
    func `identical patches of selected predictions are kept once, as they came, and as long as the last one asks`()
        async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 1, "keep_image_days": 30}]"#)
            let png = try TestPatches.png(100)
            let json = #"{"image_base64": "\#(Data(png).base64EncodedString())"}"#
            let jobs = try TestPatches.jobs(40)
            try laboratory.publish(
                jobs + [TestPatches.message(Array(json.utf8), id: "json", contentType: "application/json")])
            try laboratory.drain(lanes: 2)
            let images = try laboratory.database.query(
                """
                select png, keep_until between kept_at + interval '30 days' and kept_at + interval '31 days' as is_kept
                from sentinode.patch_images
                """)
            let sent = Set(jobs.map(\.body) + [png])
            #expect(try Set(images.map { try $0.bytes("png") }) == sent && images.count == sent.count)
            #expect(try images.allSatisfy { try $0.bool("is_kept") })

            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 1, "keep_image_days": 10}]"#)
            try laboratory.publish([TestPatches.message(png, id: "shorter")])
            try laboratory.drain()
            #expect(try laboratory.daysKept(png) == 30)
            try laboratory.setPolicy(#"[{"reason": "audit", "rate": 1, "keep_image_days": 90}]"#)
            try laboratory.publish([TestPatches.message(png, id: "longer")])
            try laboratory.drain()
            #expect(try laboratory.daysKept(png) == 90)
        }
    }

    @Test func `what is not selected, or by rules that keep nothing, leaves no image`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.setPolicy(#"[{"reason": "audit", "site": "A", "rate": 1, "keep_image_days": 0}]"#)
            try laboratory.publish(
                try (0..<10).map {
                    TestPatches.message(
                        try TestPatches.png($0), id: "\($0)", headers: $0 < 5 ? [Field("site", .text("A"))] : [])
                })
            try laboratory.drain()
            let selected = try laboratory.count(
                "select count(*) from sentinode.predictions where review_reason = 'audit'")
            #expect(selected == 5)
            #expect(try laboratory.count("select count(*) from sentinode.patch_images") == 0)
        }
    }
}

extension Laboratory {
    /// Whole days from now until the image may be removed.
    fileprivate func daysKept(_ png: [UInt8]) throws -> Int {
        try count(
            "select floor(extract(epoch from keep_until - now()) / 86400)::bigint as count from sentinode.patch_images where png = $1",
            [.bytes(png)])
    }
}
