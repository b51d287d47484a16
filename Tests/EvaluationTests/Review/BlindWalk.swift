import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Random ids and login names of a world, to be read as the same in each.
struct WorldNames {
    let logins: [String]

    init(_ room: ReviewRoom) throws {
        logins = try room.operatorSession.column(
            "select login from review.readers order by recorded_at, login"
        ).compactMap { $0 }
    }

    /// The text without what differs by chance between two worlds. Jobs are named alike in all of them; other ids are
    /// random. Times and ages are told in whole hours from now, for what is due by another rule is due at another hour;
    /// times years away were asked for, and are the same in all worlds as they are.
    func neutral(_ text: String) throws -> String {
        var text = text
        for (number, login) in logins.enumerated() { text = text.replacing(login, with: "login \(number)") }
        text = try text.replacing(
            #/(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(\.\d+)?(\+00(:?00)?|Z)?/#
        ) { found in
            let time = try Date("\(found.1)T\(found.2)Z", strategy: .iso8601)
            let hours = time.timeIntervalSinceNow / 3600
            return abs(hours) > 2 * 365 * 24 ? String(found.0) : "(in \(Int(hours.rounded())) h)"
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
struct BlindWalk {
    let room: ReviewRoom
    let reader: Session
    let names: WorldNames

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
        #expect(Set(functions) == Set(BlindWalk.calls.keys), "say how a blind reader might call what is new")
        return try functions.flatMap { function in
            try (BlindWalk.calls[function] ?? []).map { call in
                (call, try read("select * from \(call)"))
            }
        }
    }

    private static let jobs = [1, 2, 3, 12].map { "'\(MadePrediction.id($0))'" }

    /// Calls of each function with arguments that a curious reader would try.
    private static let calls: [String: [String]] = [
        "review.adjudicates()": ["review.adjudicates()"],
        "review.agreement_since(timestamp with time zone)": [
            "review.agreement_since('-infinity')", "review.agreement_since(now() - interval '1 hour')",
        ],
        "review.amend(uuid,text,text,integer,text,text)": ["review.amend(gen_random_uuid(), 'tumor', 'x')"],
        "review.as_of()": ["review.as_of()"],
        "review.claim(integer,text,text,text,text)": [
            "review.claim(100)", "review.claim(5, 'clinical')", "review.claim(5, 'audit')",
            "review.claim(9, slide_id => 'S-1')", "review.claim(9, stage => 'adjudication')",
            "review.claim(9, stage => 'second read')",
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
        "review.upcoming(integer,text,text,text,text)": [
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
