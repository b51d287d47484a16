import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What names a case goes, what was decided stays, and the trail holds.
@Suite(.needsStack) struct ErasureTests {
    private static let name = "CASE-Ä17"
    /// Not to be taken for it.
    private static let neighbour = "CASE-Ä171"
    private static let slide = "SLIDE-of-\(name)"

    /// Predictions 1, 2 and 5 of the case, 3 of its neighbour; 4 shares a kept patch with 2; refused messages of both.
    private func fill(_ room: ReviewRoom) throws {
        let named = #"{"ward": "\#(ErasureTests.name)"}"#
        try room.store([
            MadePrediction(
                number: 1, p: 0.5, slide: ErasureTests.slide, x: 5, y: 6, caseName: ErasureTests.name,
                attributes: named),
            MadePrediction(
                number: 2, p: 0.9, slide: ErasureTests.slide, x: 7, y: 8, caseName: ErasureTests.name, image: 40),
            MadePrediction(number: 3, p: 0.5, slide: "other", caseName: ErasureTests.neighbour),
            MadePrediction(number: 4, p: 0.5, slide: "other", image: 40),
            MadePrediction(number: 5, p: 0.5, slide: ErasureTests.slide, caseName: ErasureTests.name),
        ])
        try room.asOwner(ErasureTests.imagesAndMessages)
        let reader = try room.makeReader()
        try reader.run("select review.claim(1, slide_id => '\(ErasureTests.slide)')")
        try reader.run(
            """
            select review.confirm('\(MadePrediction.id(1))', 'tumor', comment => 'seen \(ErasureTests.name)');
            select review.confirm('\(MadePrediction.id(2))', 'normal', reason => 'as in \(ErasureTests.name)');
            select review.amend(label_id, 'tumor', 'not \(ErasureTests.name)') from review.my_labels where label = 'normal'
            """)
    }

    private static let imagesAndMessages = """
        insert into sentinode.patch_images (image_sha256, png, keep_until)
        select sha256(bytes), bytes, now() + interval '1 day'
        from (select convert_to('patch ' || image, 'UTF8') as bytes from (values (1), (40), (3)) as images (image)) as kept;
        insert into sentinode.outbox (event_id, exchange, routing_key, body) values
            (gen_random_uuid(), 'sentinode.events', 'prediction.uncertain',
             '{"job_id": "\(MadePrediction.id(1))", "slide_id": "\(slide)", "x": 5, "p_tumor": 0.5}');
        create function test.quarantine() returns void language plpgsql as $$
        declare act audit.act := audit.begin_act();
        begin
            insert into sentinode.quarantined_messages
                (job_id, payload_sha256, reason, explanation, payload, payload_size, properties_source, headers_source,
                 headers_amqp, exchange, routing_key, redelivered, received_at, quarantined_at, writer, seal, leaf, salt)
            select gen_random_uuid(), sha256(body), 'not_png', 'a test', body, octet_length(body), properties, headers, amqp,
                   '', '', false, now(), now(), act.writer, act.seal, place, uuid_send(gen_random_uuid())
            from (values
                (1, convert_to('{"case_pseudonym": "\(name)"}', 'UTF8'), '{}', '{}', ''::bytea),
                (2, '\\x89504e470d'::bytea, '{"message_id": "of \(name)"}', '{"case_pseudonym": "\(name)"}', ''),
                (3, '\\x89504e470e', '{}', null,
                 convert_to('case_pseudonymS', 'UTF8') || int4send(octet_length(convert_to('\(name)', 'UTF8'))) || convert_to('\(name)', 'UTF8')),
                (4, convert_to('{"case_pseudonym": "\(neighbour)"}', 'UTF8'), '{}', '{"case_pseudonym": "\(neighbour)"}', ''),
                (5, 'nothing of the kind', '{}', '{}', '')
            ) as messages (place, body, properties, headers, amqp);
            perform audit.seal_act(act, 'batch.recorded', null, null, null, 'sentinode.quarantined_messages');
        end $$;
        select test.quarantine()
        """

    /// Where in the product's tables a text stands, but for what is the neighbour's, from the catalogue: every column, its
    /// text or its bytes.
    private func places(of text: String, _ room: ReviewRoom) throws -> [String] {
        let columns = try room.operatorSession.rows(
            """
            select class.oid::regclass, quote_ident(attname), atttypid = 'bytea'::regtype from pg_class as class
            join pg_attribute on attrelid = class.oid and attnum > 0 and not attisdropped
            where relnamespace::regnamespace::text in ('sentinode', 'review', 'monitor', 'audit')
                and relkind in ('r', 'p') and not relispartition
            """)
        try #require(columns.count > 250)
        return try columns.filter { column in
            let (table, name) = (try #require(column[0]), try #require(column[1]))
            func holds(_ text: String) -> String {
                column[2] == "t"
                    ? "position(convert_to('\(text)', 'UTF8') in \(name)) > 0"
                    : "position('\(text)' in \(name)::text) > 0"
            }
            let condition = holds(text) + " and not " + holds(ErasureTests.neighbour)
            return try room.operatorSession.value("select exists (select from \(table) where \(condition))") == "t"
        }.map { "\($0[0] ?? "").\($0[1] ?? "")" }
    }

    private static let namedBefore: Set = [
        "sentinode.predictions.case_pseudonym", "sentinode.predictions.slide_id", "sentinode.predictions.attributes",
        "sentinode.predictions.attributes_source", "sentinode.predictions.message_id",
        "sentinode.quarantined_messages.payload", "sentinode.quarantined_messages.headers",
        "sentinode.quarantined_messages.headers_source", "sentinode.quarantined_messages.headers_amqp",
        "sentinode.quarantined_messages.properties", "sentinode.quarantined_messages.properties_source",
        "review.labels.comment", "review.labels.reason", "review.labels.slide_id", "review.worklist_items.slide_id",
        "sentinode.outbox.body",
    ]
    private static let erasing = "select * from review.erase_case('\(name)', 'the patient asked for it'"

    @Test func `an erased case is named nowhere any more, and another case keeps everything`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let administrator = try room.administrator()
            let before = try Set(places(of: ErasureTests.name, room))
            #expect(before == ErasureTests.namedBefore, "\(before.symmetricDifference(ErasureTests.namedBefore))")
            let dry = try administrator.rows(ErasureTests.erasing + ", dry_run => true)")
            #expect(dry == [["3", "3", "3", "1"]])
            #expect(try Set(places(of: ErasureTests.name, room)) == before)

            #expect(try administrator.rows(ErasureTests.erasing + ")") == dry)
            #expect(try places(of: ErasureTests.name, room) == [])
            let kept = try room.operatorSession.rows(
                """
                select (select count(*) from sentinode.predictions where case_pseudonym = '\(ErasureTests.neighbour)'),
                    (select count(*) from sentinode.quarantined_messages where salt is not null),
                    (select count(*) from sentinode.patch_images), (select count(*) from review.labels where label is not null),
                    (select count(*) from sentinode.predictions where p_tumor is not null),
                    (select body::jsonb ->> 'p_tumor' from sentinode.outbox where routing_key like 'prediction%')
                """)
            #expect(kept == [["1", "2", "2", "3", "5", "0.5"]])
            try expectRefusal("SN014", "nothing is stored", administrator, ErasureTests.erasing + ")")
        }
    }

    @Test func `the trail of an erased case still holds, and names what was cleared`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            #expect(try room.auditProblems() == [])
            try room.administrator().run(ErasureTests.erasing + ")")
            #expect(try room.auditProblems() == [])
            let listed = try room.operatorSession.rows(
                "select relation, count(*) from audit.erased_rows group by relation order by relation")
            #expect(
                listed == [
                    ["review.labels", "3"], ["sentinode.predictions", "3"], ["sentinode.quarantined_messages", "3"],
                ])
            let event = try room.operatorSession.rows(
                "select reason, detail ->> 'predictions' from audit.events where action = 'case.erased'")
            #expect(event == [["the patient asked for it", "3"]])
            // What was cleared cannot be filled again, nor a row cleared that is not listed.
            for statement in [
                "update sentinode.predictions set slide_id = 'x' where salt is null",
                "update sentinode.predictions set salt = null where salt is not null",
                "update review.labels set comment = 'x' where salt is null",
                "update audit.erased_rows set columns = ''", "delete from audit.erased_rows",
            ] {
                #expect(
                    room.operatorSession.sqlstate(of: "begin; set local role sentinode_owner; \(statement)") == "42501",
                    "\(statement)")
                try room.operatorSession.run("rollback")
            }
            // What stayed is held by the digest that the erasure took.
            try room.asOwner(
                """
                alter table sentinode.predictions disable trigger user;
                update sentinode.predictions set scanner = 'another' where salt is null;
                alter table sentinode.predictions enable trigger user
                """)
            #expect(try room.auditProblems() != [])
        }
    }

    @Test func `a slide is erased by its own name, and a careless erasure is refused`() async throws {
        try await ReviewRoom.with { room in
            try fill(room)
            let administrator = try room.administrator()
            for (call, code, words) in [
                ("erase_slide('', 'x')", "SN010", "needs the name of a slide"),
                ("erase_case(null, 'x')", "SN010", "needs the name of a case"),
                ("erase_case('\(ErasureTests.name)', ' ')", "SN007", "needs a reason"),
                ("erase_case('\(ErasureTests.name)', 'for \(ErasureTests.name)')", "SN010", "the reason names"),
                ("erase_case('case-ä17', 'x')", "SN014", "nothing is stored"),
            ] {
                try expectRefusal(code, words, administrator, "select review.\(call)")
            }
            #expect(
                try administrator.rows("select * from review.erase_slide('\(ErasureTests.slide)', 'x')") == [
                    ["3", "0", "3", "1"]
                ])
            #expect(try places(of: ErasureTests.slide, room) == [])
            #expect(
                try administrator.rows("select * from review.erase_slide('other', 'x', true)") == [
                    ["2", "0", "0", "2"]
                ])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `an erased case is read and exported without its names, its labels count, and no more are taken`()
        async throws
    {
        try await ReviewRoom.with { room in
            try fill(room)
            try room.store([MadePrediction(number: 9, p: 0.5, caseName: ErasureTests.name)])
            let reader = try room.makeReader("Dr. Before")
            let (job, unread) = (MadePrediction.id(9), MadePrediction.id(5))
            let label = try #require(try reader.value("select review.confirm('\(job)', 'tumor')"))
            let administrator = try room.administrator()
            try administrator.run(ErasureTests.erasing + ")")
            try expectRefusal("SN003", "is not kept", reader, "select review.image('\(job)')")
            for (session, call) in [
                (reader, "confirm('\(unread)', 'tumor', comment => 'of Mr. X')"),
                (reader, "confirm_many(array['\(MadePrediction.id(3))', '\(unread)']::uuid[], 'tumor')"),
                (reader, "amend('\(label)', 'normal', 'of Mr. X')"), (reader, "withdraw('\(label)', 'of Mr. X')"),
                (administrator, "import_labels('\(reader.login)', array['\(unread)']::uuid[], array['tumor'], 'x')"),
            ] {
                try expectRefusal("SN020", "was erased", session, "select review.\(call)")
            }
            let final = try reader.rows("select label, how from review.final_labels where job_id = '\(job)'")
            #expect(final == [["tumor", "single read"]])
            #expect(try reader.value("select count(*) from review.export_csv() where job_id = '\(job)'") == "1")
            #expect(try places(of: "Mr. X", room) == [])
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `an erased case is on nobody's worklist, whether it was claimed or not, and is not missed there`()
        async throws
    {
        try await ReviewRoom.with { room in
            try fill(room)
            try room.store([9, 10].map { MadePrediction(number: $0, p: 0.5, caseName: ErasureTests.name) })
            let reader = try room.makeReader("Dr. Before")
            #expect(try reader.column("select job_id from review.claim(1, slide_id => 'S-1')").count == 1)
            try room.administrator().run(ErasureTests.erasing + ")")
            #expect(try reader.value("select count(*) from review.worklist where is_mine") == "0")
            // Nor does it come back where the worklist is brought up to date by hand.
            try room.asOwner("select review.settle(job_id) from sentinode.predictions")
            let waiting = try room.operatorSession.column("select job_id from review.worklist_items order by job_id")
            #expect(waiting == [3, 4].map(MadePrediction.id))
            #expect(try Checkup().forgotten(room.operatorSession.connection).isEmpty)
        }
    }

    @Test func `a patch that two cases share is kept until both are erased`() async throws {
        try await ReviewRoom.with { room in
            try room.store(
                ["one", "two"].enumerated().map { number, name in
                    MadePrediction(number: number, p: 0.5, caseName: name, image: 1)
                })
            try room.asOwner(ErasureTests.imagesAndMessages)
            let administrator = try room.administrator()
            for (name, images) in [("one", "0"), ("two", "1")] {
                #expect(try administrator.value("select images from review.erase_case('\(name)', 'x')") == images)
            }
        }
    }
}
