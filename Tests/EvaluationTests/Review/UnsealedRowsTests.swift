import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What the roles that insert rows themselves may not store.
@Suite(.needsStack) struct UnsealedRowsTests {
    /// Copies what is there to a place that no event seals.
    private static let control = """
        insert into sentinode.control (generation, active_version, paused, reason, changed_at, changed_by, writer, seal, leaf, salt)
        select generation + 1, active_version, true, 'x', now(), session_user, writer, seal, 1, salt
        from sentinode.control order by generation desc limit 1
        """
    private static let event = """
        insert into audit.events (writer, seal, occurred_at, actor, person, action, leaves, salt)
        values (gen_random_uuid(), 0, now(), session_user, $person$, '$action$', '', uuid_send(gen_random_uuid()))
        """

    private static func event(_ action: String, person: String = "null") -> String {
        event.replacing("$action$", with: action).replacing("$person$", with: person)
    }

    /// Those of a prediction that say nothing of its place in the trail.
    private static func columns(_ room: ReviewRoom) throws -> String {
        try room.operatorSession.column(
            """
            select attname from pg_attribute where attrelid = 'sentinode.predictions'::regclass and attnum > 0
                and attgenerated = '' and attname not in ('job_id', 'writer', 'seal', 'leaf', 'stored_at')
            """
        ).compactMap { $0 }.joined(separator: ",")
    }

    /// An event whose leaves are zeros, and its seal.
    private static func sealedEvent(writer: String, leaves: Int) -> String {
        """
        insert into audit.events (writer, seal, occurred_at, actor, action, leaves, salt)
        values (\(writer), 0, now(), session_user, 'batch.recorded', decode(repeat('00', 32 * \(leaves)), 'hex'),
                decode(repeat('00', 16), 'hex'));
        insert into audit.seals (writer, number, leaf_count, root, seal)
        select \(writer), 0, \(leaves) + 1, root, sha256(
            convert_to('sentinode.seal.v1', 'UTF8') || uuid_send(\(writer)) || int8send(0)
            || decode(repeat('00', 32), 'hex') || int8send(\(leaves) + 1) || root)
        from (values (decode(repeat('00', 32), 'hex'))) as one (root)
        """
    }

    @Test func `a row that no event of its transaction seals is refused at the commit, whoever stores it`() async throws
    {
        try await ReviewRoom.with { room in
            try room.setPolicy("[]")
            let administrator = try room.administrator()
            #expect(administrator.sqlstate(of: UnsealedRowsTests.control) == "42501")
            #expect(administrator.sqlstate(of: UnsealedRowsTests.event("model.imported")) == "42501")
            // Seals that stopped waiting would be in no checkpoint.
            #expect(administrator.sqlstate(of: "delete from audit.unsigned_seals") == "42501")
            let owner = room.operatorSession
            for (table, key) in [("review.readers", "version"), ("review.policies", "generation")] {
                let columns = try owner.column(
                    """
                    select attname from pg_attribute
                    where attrelid = '\(table)'::regclass and attnum > 0 and attgenerated = ''
                    """
                ).compactMap { $0 }
                let copied = columns.map { name in
                    switch name {
                    case key: "\(name) + 1"
                    case "recorded_by": "session_user"
                    case "recorded_at", "valid_from": "now()"
                    default: name
                    }
                }
                _ = try room.makeReader()
                try owner.run("set role sentinode_owner")
                let statement =
                    "insert into \(table) (\(columns.joined(separator: ","))) select \(copied.joined(separator: ",")) "
                    + "from \(table) order by \(key) desc limit 1"
                #expect(owner.sqlstate(of: statement) == "42501", "\(table)")
                try owner.run("reset role")
            }
            #expect(try room.auditProblems() == [])
        }
    }

    @Test func `predictions without an event, with a gap in their leaves, or of another time are refused`() async throws
    {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1), MadePrediction(number: 2)])
            let worker = try room.makeLogin(["sentinode_worker"])
            let columns = try UnsealedRowsTests.columns(room)
            func copy(leaf: String, storedAt: String = "now()", seal: String = "0", writer: String) -> String {
                """
                insert into sentinode.predictions (job_id, writer, seal, leaf, stored_at, \(columns))
                select gen_random_uuid(), \(writer), \(seal), \(leaf), \(storedAt), \(columns) from sentinode.predictions
                """
            }
            let new = "'00000000-0000-4000-8000-00000000aaaa'"
            #expect(worker.sqlstate(of: copy(leaf: "leaf", writer: new)) == "42501")
            #expect(worker.sqlstate(of: copy(leaf: "leaf + 1", writer: new)) == "42501")
            #expect(worker.sqlstate(of: copy(leaf: "1", writer: new)) == "42501")
            // Under an event that has its leaves already, two more are too many.
            #expect(worker.sqlstate(of: copy(leaf: "leaf", seal: "seal", writer: "writer")) == "42501")
            #expect(
                worker.sqlstate(of: copy(leaf: "leaf", storedAt: "now() - interval '1 hour'", writer: new)) == "P0001")
            #expect(try room.operatorSession.value("select count(*) from sentinode.predictions") == "2")
        }
    }

    @Test func `a row is stored by no partition's own name, by the owner neither`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1)])
            let owner = room.operatorSession
            let columns = try UnsealedRowsTests.columns(room)
            try owner.run("set role sentinode_owner")
            for part in 0..<8 {
                let copy = """
                    insert into sentinode.predictions_\(part) (job_id, writer, seal, leaf, stored_at, \(columns))
                    select gen_random_uuid(), writer, seal, leaf + 1, now(), \(columns) from sentinode.predictions
                    """
                let refused = try owner.refusal(copy)
                #expect(refused?.message.hasPrefix("rows are stored in sentinode.predictions, not") == true, "\(part)")
            }
            try owner.run("reset role")
            #expect(try owner.value("select count(*) from sentinode.predictions") == "1")
        }
    }

    @Test func `opinions of nothing, without an event, or out of their place in one are refused`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1), MadePrediction(number: 2)])
            let worker = try room.makeLogin(["sentinode_worker"])
            let new = "'00000000-0000-4000-8000-00000000aaaa'"
            func opinions(
                job: String = "job_id", version: String = "model_version", writer: String = new, seal: String = "0",
                leaf: String = "leaf"
            ) -> String {
                """
                insert into sentinode.shadow_predictions (job_id, model_version, log_p_normal, log_p_tumor, p_tumor, decision,
                    predicted_at, engine, writer, seal, leaf, salt)
                select \(job), \(version), log_p_normal, log_p_tumor, p_tumor, decision,
                    predicted_at, engine, \(writer), \(seal), \(leaf), salt from sentinode.predictions
                """
            }
            /// The same rows in one transaction with their event.
            func sealed(_ rows: [String], leaves: Int) -> String {
                (rows + [UnsealedRowsTests.sealedEvent(writer: new, leaves: leaves)]).joined(separator: ";\n")
            }
            #expect(worker.sqlstate(of: opinions(job: "gen_random_uuid()")) == "23503")
            #expect(worker.sqlstate(of: opinions(version: "'nobody'")) == "23503")
            #expect(worker.sqlstate(of: opinions()) == "42501")
            #expect(worker.sqlstate(of: opinions(leaf: "leaf + 1")) == "42501")
            #expect(worker.sqlstate(of: opinions(leaf: "1")) == "42501")
            // Behind predictions that were sealed long ago.
            #expect(worker.sqlstate(of: opinions(writer: "writer", seal: "seal", leaf: "leaf + 2")) == "42501")
            #expect(worker.sqlstate(of: opinions(writer: "writer", seal: "seal")) == "42501")
            #expect(worker.sqlstate(of: sealed([opinions(leaf: "leaf + 1")], leaves: 3)) == "42501")
            #expect(worker.sqlstate(of: sealed([opinions()], leaves: 1)) == "42501")

            let columns = try UnsealedRowsTests.columns(room)
            let predictions = """
                insert into sentinode.predictions (job_id, writer, seal, leaf, stored_at, \(columns))
                select gen_random_uuid(), \(new), 0, leaf, now(), \(columns) from sentinode.predictions
                """
            let behind = opinions(leaf: "leaf + 2") + " where writer = \(new)"
            #expect(worker.sqlstate(of: sealed([predictions, behind], leaves: 3)) == "42501", "a leaf is missing")
            #expect(worker.sqlstate(of: sealed([predictions, behind], leaves: 4)) == nil, "each has its leaf")
            #expect(try room.operatorSession.value("select count(*) from sentinode.shadow_predictions") == "2")
            #expect(try room.operatorSession.value("select count(*) from audit.claimed_leaves") == "0")
        }
    }

    @Test func `an event of another transaction seals nothing`() async throws {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1), MadePrediction(number: 2)])
            let (one, other) = (try room.makeLogin(["sentinode_worker"]), try room.makeLogin(["sentinode_worker"]))
            let columns = try UnsealedRowsTests.columns(room)
            let new = "'00000000-0000-4000-8000-00000000bbbb'"
            try one.run("begin")
            try one.run(UnsealedRowsTests.sealedEvent(writer: new, leaves: 2))
            // Not visible yet, so it claims the same leaves; at its commit the event is there, and another's.
            try other.run(
                """
                begin; insert into sentinode.predictions (job_id, writer, seal, leaf, stored_at, \(columns))
                select gen_random_uuid(), \(new), 0, leaf, now(), \(columns) from sentinode.predictions
                """)
            try one.run("commit")
            #expect(other.sqlstate(of: "commit") == "42501")
            #expect(try room.operatorSession.value("select count(*) from sentinode.predictions") == "2")
        }
    }

    @Test func `an event written by a login itself names its own person, what it can have done, and its own chain`()
        async throws
    {
        try await ReviewRoom.with { room in
            try room.store([MadePrediction(number: 1, p: 0.5)])
            let reader = try room.makeReader("Dr. Anna Weber")
            try reader.run("select review.claim(1)")
            let (administrator, worker) = (try room.administrator(), try room.makeLogin(["sentinode_worker"]))
            for session in [administrator, worker] {
                #expect(
                    session.sqlstate(of: UnsealedRowsTests.event("batch.recorded", person: "'Dr. Anna Weber'"))
                        == "42501")
                #expect(session.sqlstate(of: UnsealedRowsTests.event("case.erased")) == "42501")
            }
            let jam = """
                insert into audit.events (writer, seal, occurred_at, actor, action, leaves, salt)
                select writer, max(seal) + 1, now(), session_user, 'batch.recorded', '', uuid_send(gen_random_uuid())
                from audit.events where actor = '\(reader.login)' group by writer
                """
            #expect(worker.sqlstate(of: jam) == "42501")
            #expect(try reader.value("select review.release()") == "1")
        }
    }

    @Test func `the time of a kept patch only grows, and results are announced by workers alone`() async throws {
        try await ReviewRoom.with { room in
            let (administrator, worker) = (try room.administrator(), try room.makeLogin(["sentinode_worker"]))
            try worker.run(
                "insert into sentinode.patch_images (image_sha256, png, keep_until) values (sha256('x'), 'x', now() + interval '1 day')"
            )
            #expect(worker.sqlstate(of: "update sentinode.patch_images set keep_until = now()") == "42501")
            try worker.run("update sentinode.patch_images set keep_until = now() + interval '2 days'")
            func announcing(_ key: String, exchange: String = "sentinode.events") -> String {
                """
                insert into sentinode.outbox (event_id, exchange, routing_key, body)
                values (gen_random_uuid(), '\(exchange)', '\(key)', '{}')
                """
            }
            #expect(administrator.sqlstate(of: announcing("prediction.normal")) == "42501")
            #expect(administrator.sqlstate(of: announcing("some.queue", exchange: "")) == "42501")
            try administrator.run(announcing("model.activated"))
            try worker.run(announcing("prediction.normal"))
        }
    }
}
