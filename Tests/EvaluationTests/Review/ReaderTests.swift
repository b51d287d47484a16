import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Who becomes a reader, and who does not.
@Suite(.needsStack) struct ReaderTests {
    @Test func `a login becomes a reader by one call, and may do a reader's work from then on`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5)])
            let login = try room.makeLogin()
            #expect(login.sqlstate(of: "select * from review.worklist") == "42501")
            try room.administrator().run(
                """
                select review.add_reader('\(login.login)', '  Dr. Grace Hopper ', 'consultant', array['north'],
                    reason => 'a test')
                """)
            let reader = try room.again(login)
            #expect(try reader.column("select job_id from review.claim(1)") == [MadePrediction.id(1)])
            try reader.run("select review.confirm('\(MadePrediction.id(1))', 'tumor', 4)")
            let stored = try room.operatorSession.rows(
                """
                select reader, printed_name, qualification, meaning, site, recorded_by from review.labels
                """)
            #expect(stored == [[login.login, "Dr. Grace Hopper", "consultant", "review", "north", login.login]])
            let events = try room.operatorSession.rows(
                "select action, person from audit.events where actor = '\(login.login)' order by seal")
            #expect(events.map { $0[0] } == ["review.claimed", "label.confirmed"])
            #expect(events.allSatisfy { $0[1] == "Dr. Grace Hopper" })
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `what cannot be a reader is refused with an advice`() async throws {
        try await ReviewRoom.with { room in
            let administrator = try room.administrator()
            let login = try room.makeLogin().login
            func adding(_ login: String, _ arguments: String) -> String {
                "select review.add_reader('\(login)', \(arguments))"
            }
            try expectRefusal(
                "SN001", "no database login", administrator, adding("nobody_at_all", "'A', 'B', array['*']"))
            try expectRefusal(
                "SN001", "no database login", administrator, adding("sentinode_reviewer", "'A', 'B', array['*']"))
            for role in ["worker", "monitor", "auditor", "admin"] {
                let member = try room.makeLogin(["sentinode_\(role)"]).login
                try expectRefusal(
                    "SN016", "sentinode_\(role)", administrator, adding(member, "'A', 'B', array['*']"))
            }
            for sites in ["null", "array[]::text[]", "array['north', null]"] {
                try expectRefusal("SN010", "at least one site", administrator, adding(login, "'A', 'B', \(sites)"))
            }
            for names in ["null, 'B'", "'A', null", "'  ', 'B'", "'A', ''"] {
                try expectRefusal(
                    "SN010", "a full name and a qualification", administrator, adding(login, "\(names), array['*']"))
            }
            #expect(try room.operatorSession.value("select count(*) from review.readers") == "0")
            #expect(
                try room.operatorSession.value("select pg_has_role('\(login)', 'sentinode_reviewer', 'member')") == "f")
        }
    }

    @Test func `who does not review is named too, without becoming a reader`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5)])
            let administrator = try room.administrator()
            let auditor = try room.makeLogin(["sentinode_auditor"])
            func naming(_ login: String, _ name: String = "'Olga Berg'", _ qualification: String = "'manager'")
                -> String
            {
                "select review.name_person('\(login)', \(name), \(qualification), 'a test')"
            }
            try administrator.run("select review.pause('before')")
            try administrator.run(naming(administrator.login, "' Olga Berg '"))
            try administrator.run("select review.resume('after')")
            let persons = try room.operatorSession.column(
                "select person from audit.events where actor = '\(administrator.login)' order by occurred_at")
            #expect(persons == [nil, "Olga Berg", "Olga Berg"])
            try administrator.run(naming(auditor.login, "'Clara Voss'"))
            #expect(try administrator.value("select review.person_of('\(auditor.login)')") == "Clara Voss")
            #expect(auditor.sqlstate(of: "select review.claim(1)") == "42501")
            let sees = "select review.is_reader(), pg_has_role('sentinode_reviewer', 'member')"
            #expect(try auditor.rows(sees) == [["f", "f"]])
            #expect(try auditor.value("select count(*) from review.predictions") == "1")
            try expectRefusal("SN001", "no database login", administrator, naming("nobody_at_all"))
            for (name, qualification) in [("null", "'B'"), ("'A'", "' '")] {
                try expectRefusal(
                    "SN010", "full name and a qualification", administrator, naming(auditor.login, name, qualification))
            }

            // A reader's name is changed where the reader is; one who ended may be named anew, and review again.
            let reader = try room.makeReader("Dr. Ada Lovelace")
            try expectRefusal("SN010", "named already: Dr. Ada Lovelace", administrator, naming(reader.login))
            try administrator.run("select review.end_reader('\(reader.login)', 'left the department')")
            try administrator.run(naming(reader.login, "'Ada King'"))
            #expect(try reader.value("select count(*) from review.predictions") == "0")
            try administrator.run("select review.add_reader('\(reader.login)', 'Ada King', 'consultant', array['*'])")
            #expect(try reader.value("select count(*) from review.predictions") == "1")
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a reader whose time is over, or has not begun, sees and does nothing`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5)])
            let reader = try room.makeReader()
            let administrator = try room.administrator()
            #expect(try reader.value("select count(*) from review.predictions") == "1")
            try expectRefusal(
                "SN007", "needs a reason", administrator, "select review.end_reader('\(reader.login)', ' ')")
            try expectRefusal("SN001", "no reader", administrator, "select review.end_reader('nobody_at_all', 'x')")
            try administrator.run("select review.end_reader('\(reader.login)', 'left the hospital')")
            #expect(try reader.value("select count(*) from review.predictions") == "0")
            try expectRefusal("SN001", "not active", reader, "select review.claim(1)")
            try expectRefusal("SN001", "not active", reader, "select review.pause('x')")
            try administrator.run(
                """
                select review.add_reader('\(reader.login)', 'A', 'B', array['*'], active_from => now() + interval '1 day')
                """)
            #expect(try reader.value("select count(*) from review.worklist") == "0")
            try expectRefusal(
                "SN001", "not active", reader, "select review.confirm('\(MadePrediction.id(1))', 'tumor')")
            let versions = try room.operatorSession.column("select version from review.readers order by version")
            #expect(versions == ["1", "2", "3"])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a reader who is changed in the middle of an act loses nothing of it, and nothing is left unsealed`()
        async throws
    {
        try await ReviewRoom.with { room in
            try room.store((1...3).map { MadePrediction(number: $0, p: 0.5) })
            let reader = try room.makeReader()
            let administrator = try room.administrator()
            func change(sites: String) throws {
                try administrator.run(
                    "select review.add_reader('\(reader.login)', 'Dr. Ada Byron', 'pathologist', array['\(sites)'])")
            }
            try reader.run("begin; select review.confirm('\(MadePrediction.id(1))', 'tumor')")
            try change(sites: "*")
            try reader.run("select review.confirm('\(MadePrediction.id(2))', 'tumor')")
            try change(sites: "south")
            try expectRefusal(
                "SN002", "at your sites (south)", reader, "select review.confirm('\(MadePrediction.id(3))', 'tumor')")
            try reader.run("commit")
            #expect(try room.operatorSession.value("select count(*) from review.labels") == "2")
            let actions = try room.operatorSession.column(
                "select action from audit.events where subject = '\(reader.login)' order by occurred_at")
            #expect(actions == ["reader.added", "reader.changed", "reader.changed"])
            let granted = try room.operatorSession.column(
                "select detail ->> 'granted' from audit.events where subject = '\(reader.login)' order by occurred_at")
            #expect(granted == [#"["sentinode_reviewer"]"#, nil, nil])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `a member of the role who was never added as a reader sees and does nothing`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5), MadePrediction(number: 2, site: nil)])
            let member = try room.makeLogin(["sentinode_reviewer"])
            for view in ["predictions", "worklist", "label_history", "final_labels", "overdue", "my_labels"] {
                #expect(try member.value("select count(*) from review.\(view)") == "0", "\(view)")
            }
            try expectRefusal("SN001", "belongs to no reader", member, "select review.claim(1)")
            try expectRefusal(
                "SN001", "belongs to no reader", member, "select review.confirm('\(MadePrediction.id(1))', 'tumor')")
        }
    }
}
