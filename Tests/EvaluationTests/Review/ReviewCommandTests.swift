import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct ReviewCommandTests {
    @Test func `an administrator adds, lists and ends a reader`() async throws {
        try await Laboratory.with { laboratory in
            let (administrator, reader) = (
                try laboratory.makeLogin("in role sentinode_admin"), try laboratory.makeLogin()
            )
            defer { for login in [administrator, reader] { laboratory.drop(login) } }
            let environment = ["SENTINODE_DATABASE_URL": administrator.url]
            let added = try laboratory.runToEnd(
                "reader", "add", reader.login, "--name", "Dr. Ben Okoro", "--qualification", "resident", "--site",
                "north",
                "--site", "south", "--blind", environment: environment)
            #expect(added.end == .exit(0), "\(added.log)")
            let connection = try reader.connect()
            defer { connection.close() }
            #expect(try connection.query("select review.is_always_blind() as blind").onlyRow().bool("blind"))
            let list = try laboratory.runToEnd("reader", "list", environment: environment).output
            #expect(list.contains("Dr. Ben Okoro") && list.contains("north south") && list.contains("active since"))
            let ended = try laboratory.runToEnd(
                "reader", "end", reader.login, "--reason", "left", environment: environment)
            #expect(ended.end == .exit(0))
            #expect(try !connection.query("select review.is_reader() as active").onlyRow().bool("active"))
            #expect(try laboratory.runToEnd("reader", "list", environment: environment).output.contains("ended 2"))
        }
    }

    @Test func `a reader's sites are trimmed and never empty, and the list shows how the person reads`()
        async throws
    {
        try await Laboratory.with { laboratory in
            let reader = try laboratory.makeLogin()
            defer { laboratory.drop(reader) }
            let adding = ["reader", "add", reader.login, "--name", "Dr. Ben Okoro", "--qualification", "resident"]
            for site in ["", "  "] {
                let refused = try laboratory.start(adding + ["--site", "north", "--site", site])
                #expect(try refused.waitForEnd() == .exit(64))
                #expect(try refused.log().contains("--site is empty"))
            }
            let added = try laboratory.start(
                adding + ["--site", " north ", "--blind", "--adjudicates", "--reason", "study of May"])
            #expect(try added.waitForEnd() == .exit(0))
            let kept = try laboratory.count(
                """
                select count(*) from review.readers join audit.events using (writer, seal)
                where sites = '["north"]' and readers.reason = 'study of May' and events.reason = 'study of May'
                """)
            #expect(kept == 1)
            #expect(try added.log().contains("no prediction is stored of site north yet"))
            #expect(try laboratory.runToEnd("reader", "list").output.contains("always blind, adjudicates"))
            let changed = try laboratory.start(adding + ["--site", "south", "--adjudicates"])
            #expect(try changed.waitForEnd() == .exit(0))
            let lines = try changed.output().split(separator: "\n").filter { $0.hasPrefix("changed: ") }
            #expect(lines == ["changed: sites, was north, is south", "changed: always blind, was yes, is no"])
        }
    }

    @Test func `a refusal of the database is one sentence, and ends with 1`() async throws {
        try await Laboratory.with { laboratory in
            let refused = try laboratory.runToEnd(
                "reader", "add", "nobody_at_all", "--name", "N", "--qualification", "q", "--site", "s")
            #expect(refused.end == .exit(1))
            #expect(refused.log.hasPrefix("sentinode: there is no database login nobody_at_all"))
            #expect(!refused.log.contains("SQLSTATE") && !refused.log.contains("select"))
        }
    }

    @Test func `an erasure is shown and asked for before it is done, and never names what it erases`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("secret-slide", patches: 3)
            try laboratory.evaluateSlide("other", patches: 1)
            let arguments = ["erase", "--case", "case-of-secret-slide", "--reason", "request 17"]
            let runs = try [arguments + ["--dry-run"], arguments, arguments + ["--yes"], arguments + ["--yes"]].map {
                let program = try laboratory.start($0)
                return (end: try program.waitForEnd(), output: try program.output(), log: try program.log())
            }
            #expect(runs.map(\.end) == [.exit(0), .exit(64), .exit(0), .exit(1)])
            #expect(runs[0].output.contains("predictions                  3"), "\(runs[0].output)")
            #expect(runs.allSatisfy { !($0.output + $0.log).contains("secret") })
            #expect(try laboratory.count("select count(*) from sentinode.predictions where salt is null") == 3)
            #expect(try laboratory.count("select count(*) from sentinode.predictions where slide_id is not null") == 1)
        }
    }

    @Test func `what the database says of an erasure stands below the numbers, once`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.evaluateSlide("S", patches: 1)
            try laboratory.database.run(
                script: """
                    alter function review.erase_case(text, text, boolean) rename to erase_case_in_silence;
                    create function review.erase_case(case_pseudonym text, reason text, dry_run boolean)
                        returns table (predictions bigint, quarantined bigint, labels bigint, images bigint)
                        language plpgsql as $$
                    begin
                        raise notice 'the name also stands in 3 reasons of acts, which stay';
                        return query select * from review.erase_case_in_silence(case_pseudonym, reason, dry_run);
                    end $$
                    """)
            let arguments = ["erase", "--case", "case-of-S", "--reason", "request 17"]
            for more in ["--dry-run", "--yes"] {
                let program = try laboratory.start(arguments + [more])
                #expect(try program.waitForEnd() == .exit(0))
                let lines = try program.output().split(separator: "\n")
                let notices = lines.indices.filter { lines[$0].contains("the name also stands in 3 reasons of acts") }
                #expect(notices.count == 1 && notices[0] > (lines.firstIndex { $0.hasPrefix("patches kept") } ?? .max))
            }
        }
    }

    @Test func `a pause by a reader's login stops the workers as one by an administrator does`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.withReader { reader in
                let environment = ["SENTINODE_DATABASE_URL": reader.url]
                let paused = try laboratory.runToEnd("pause", "--reason", "a test", environment: environment)
                #expect(paused.end == .exit(0) && paused.output == "work is paused\n")
                #expect(try laboratory.count("select count(*) from sentinode.control where paused") == 1)
                #expect(
                    try laboratory.count(
                        "select count(*) from audit.events where action = 'work.paused' and actor = $1 and person = $2",
                        [.text(reader.login), .text("Dr. Anna Weber")]) == 1)
                #expect(
                    try laboratory.runToEnd("resume", "--reason", "a test", environment: environment).end == .exit(0))
                try laboratory.publish(try TestPatches.jobs(3))
                try laboratory.drain()
                #expect(try laboratory.predictions() == 3)
            }
        }
    }
}
