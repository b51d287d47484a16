import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Policies say what is selected; a bad one is refused, a thin one warned of.
@Suite(.needsStack) struct PolicyTests {
    private static func setting(_ rules: String, more: String = "") -> String {
        "select review.set_policy('\(rules)', 'a test', repeat('0f', 32)\(more))"
    }

    private static let impossible = [
        (#"{"reason": "audit"}"#, "a JSON array"), (#""audit""#, "a JSON array"), ("null", "a JSON array"),
        (#"["audit"]"#, "unknown field"), (#"[[]]"#, "unknown field"), (#"[{"reason": "audit", "speed": 3}]"#, "speed"),
        (#"[{"rate": 0.5}]"#, "none at all"), (#"[{"reason": "because"}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 1.5}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": -0.1}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": "NaN"}]"#, "out of range: rate"),
        (#"[{"reason": "audit", "rate": "much"}]"#, "no number"),
        (#"[{"reason": "audit", "rate": 1e999}]"#, "no number"),
        (#"[{"reason": "uncertain", "rate": 0.5}]"#, "every uncertain patch is looked at"),
        (#"[{"reason": "audit", "rate": 0.1, "top_per_slide": 5}]"#, "only positives are capped by slide"),
        (#"[{"reason": "positive", "rate": 0.1, "blind": true}]"#, "only the audit sample is blind"),
        (#"[{"reason": "positive", "top_per_slide": 1001}]"#, "out of range"),
        (#"[{"reason": "positive", "top_per_slide": 2.5}]"#, "no number"),
        (#"[{"reason": "audit", "rate": 0.1, "second_read_rate": 2}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 0.1, "score_low": 0.6, "score_high": 0.6}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 0.1, "score_low": -1}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 0.1, "priority": 0}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 0.1, "priority": 99999}]"#, "no number"),
        (#"[{"reason": "audit", "rate": 0.1, "due_hours": 0}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 0.1, "keep_image_days": -1}]"#, "out of range"),
        (#"[{"reason": "audit", "rate": 0.1, "blind": true, "keep_image_days": 0}]"#, "can be looked at"),
        (#"[{"reason": "audit", "rate": 0.1, "blind": "perhaps"}]"#, "no number"),
        (#"[{"reason": "audit", "rate": 0.1, "site": ""}]"#, "out of range"),
    ]

    @Test func `a policy that cannot hold is refused whole`() async throws {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            for (rules, words) in PolicyTests.impossible {
                try expectRefusal("SN012", words, administrator, PolicyTests.setting(rules))
            }
            #expect(try room.operatorSession.value("select count(*) from review.policies") == "0")
            #expect(
                try room.operatorSession.value("select count(*) from audit.events where action = 'policy.set'") == "0")
        }
    }

    private static let telling = [
        // What is read blind would lie below, above, or inside of a band, or be dealt with as scores there are.
        #"[{"reason": "audit", "rate": 0.1, "score_high": 0.5, "blind": true}, {"reason": "audit", "rate": 0.1}]"#,
        #"[{"reason": "audit", "rate": 0.1, "score_low": 0.5}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.1, "score_low": 0.5, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.1, "score_low": 0.5, "blind": true, "due_hours": 1}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.1, "score_low": 0.5, "blind": true, "second_read_rate": 1}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.1, "score_low": 0.5, "blind": true, "keep_image_days": 1}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0, "score_low": 0.5, "blind": true}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.1, "site": "north", "score_low": 0.5}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
    ]
    private static let silent = [
        #"[{"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.2, "score_low": 0.5, "blind": true}, {"reason": "audit", "rate": 0.1, "blind": true}]"#,
        #"[{"reason": "audit", "rate": 0.1, "site": "north", "blind": true}, {"reason": "audit", "rate": 0.1}]"#,
        #"[{"reason": "audit", "rate": 0.1, "site": "north"}, {"reason": "audit", "rate": 0.1, "blind": true, "due_hours": 3}]"#,
        #"[{"reason": "uncertain"}, {"reason": "positive", "top_per_slide": 20, "rate": 0.05}, {"reason": "audit", "rate": 0.02, "blind": true}]"#,
        "[]",
    ]

    @Test func `a policy under which a blind reading would tell the score is refused, another is taken`() async throws {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            for rules in PolicyTests.telling {
                try expectRefusal("SN012", "blind", administrator, PolicyTests.setting(rules))
            }
            for rules in PolicyTests.silent {
                #expect(try administrator.refusal(PolicyTests.setting(rules)) == nil, "\(rules)")
            }
        }
    }

    /// Under these, how a patch is read or kept would tell what it was selected for.
    private static let tellingReasons = [
        #"[{"reason": "uncertain"}, {"reason": "audit", "rate": 0.1, "second_read_rate": 0.5}]"#,
        #"[{"reason": "uncertain", "keep_image_days": 7}, {"reason": "audit", "rate": 0.1}]"#,
        #"[{"reason": "audit", "rate": 0.1}]"#,
        #"[{"reason": "uncertain"}, {"reason": "audit", "rate": 0.1, "site": "north", "keep_image_days": 9}]"#,
    ]

    @Test func `a policy that would tell a reader who is always blind the reason is refused, and so is such a reader`()
        async throws
    {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            let reader = try room.makeLogin()
            let adding = "select review.add_reader('\(reader.login)', 'Dr. Blind', 'pathologist', array['*'], true)"
            for rules in PolicyTests.tellingReasons {
                try administrator.run(PolicyTests.setting(rules))
                try expectRefusal("SN012", "always blind", administrator, adding)
            }
            let same = #"[{"reason": "uncertain"}, {"reason": "audit", "rate": 0.1}]"#
            try administrator.run(PolicyTests.setting(same))
            try administrator.run(adding)
            for rules in PolicyTests.tellingReasons {
                try expectRefusal("SN012", "always blind", administrator, PolicyTests.setting(rules))
            }
            try administrator.run(PolicyTests.setting(same))
            try administrator.run("select review.end_reader('\(reader.login)', 'a test')")
            try administrator.run(PolicyTests.setting(PolicyTests.tellingReasons[0]))
        }
    }

    @Test func `what a policy needs besides its rules is asked for`() async throws {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            let rules = #"[{"reason": "audit", "rate": 0.5}]"#
            try expectRefusal(
                "SN012", "names no key", administrator, "select review.set_policy('\(rules)', 'a test')")
            try expectRefusal(
                "SN012", "64 hexadecimal digits", administrator, "select review.set_policy('\(rules)', 'a test', 'key')"
            )
            try expectRefusal("SN007", "needs a reason", administrator, "select review.set_policy('\(rules)', '')")
            try expectRefusal("SN007", "needs a reason", administrator, "select review.set_policy('\(rules)', null)")
            let long = String(repeating: "x", count: 4001)
            try expectRefusal("SN010", "4,000 bytes", administrator, "select review.set_policy('\(rules)', '\(long)')")
            for more in [", lease_minutes => 0", ", lease_minutes => 10081", ", lease_minutes => null"] {
                try expectRefusal("SN012", "10,080 minutes", administrator, PolicyTests.setting(rules, more: more))
            }
            try expectRefusal(
                "SN012", "before it is set", administrator,
                PolicyTests.setting(rules, more: ", valid_from => now() - interval '1 second'"))
            #expect(try room.operatorSession.value("select count(*) from review.policies") == "0")
        }
    }

    @Test func `a policy that never draws where figures are needed is warned of`() async throws {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            func notices(_ rules: String) throws -> [String] {
                _ = administrator.connection.takeNotices()
                try administrator.run(PolicyTests.setting(rules))
                return administrator.connection.takeNotices()
            }
            let thin = try notices(
                #"[{"reason": "audit", "rate": 0, "site": "north", "score_low": 0.5}, {"reason": "audit", "rate": 0.1}]"#
            )
            #expect(thin.count == 1)
            #expect(thin.first?.contains("rule 1 (site north, p_tumor from 0.5 to 2)") == true)
            let partial = try notices(#"[{"reason": "audit", "rate": 0.1, "score_low": 0.5}]"#)
            #expect(partial.count == 1)
            #expect(partial.first?.contains("no audit rule draws from everything") == true)
            #expect(try notices(#"[{"reason": "audit", "rate": 0.01}]"#) == [])
        }
    }

    @Test func `policies count their generations, are announced, and take force at their time`() async throws {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            let rules = #"[{"reason": "audit", "rate": 0.5, "second_read_rate": 0.1, "site": "north"}]"#
            #expect(try administrator.value(PolicyTests.setting(rules, more: ", lease_minutes => 1")) == "1")
            let future = PolicyTests.setting(
                "[]", more: ", valid_from => now() + interval '1 day', lease_minutes => 600")
            #expect(try administrator.value(future) == "2")
            let stored = try room.operatorSession.rows(
                """
                select reason, site, rate, second_read_rate, score_low, score_high, priority, due_hours, keep_image_days,
                    blind from review.policy_rules
                """)
            #expect(stored == [["audit", "north", "0.5", "0.1", "0", "2", "50", "72", "365", "f"]])
            let announced = try room.operatorSession.column(
                "select body::jsonb ->> 'generation' from sentinode.outbox where routing_key = 'policy.set' order by 1")
            #expect(announced == ["1", "2"])
            // The second, by which a lease takes ten hours, is not in force.
            try room.store([MadePrediction(number: 1, p: 0.5)])
            let lease = try room.makeReader().value(
                "select leased_until - now() < interval '9 hours' from review.claim(1)")
            #expect(lease == "t")
            #expect(try room.auditProblems() == [])
        }
    }
}
