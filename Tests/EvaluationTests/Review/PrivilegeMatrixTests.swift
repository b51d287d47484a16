import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Every role against every object of the catalogue, by what the catalogue says and by trying.
@Suite(.needsStack) struct PrivilegeMatrixTests {
    private static let roles = ["worker", "reviewer", "monitor", "auditor", "admin"]

    /// A login for each role, a registered reader, and a login with no role at all, by name.
    private func makeLogins(_ room: ReviewRoom) throws -> [(name: String, session: Session)] {
        var logins = try PrivilegeMatrixTests.roles.map { ($0, try room.makeLogin(["sentinode_\($0)"])) }
        logins.append(("reader", try room.makeReader()))
        logins.append(("nobody", try room.makeLogin()))
        return logins
    }

    /// Lines of `name | role=letters ...`, by name; a registered reader may do what the role may.
    private func expected(_ table: String) -> [String: [String: String]] {
        var expected: [String: [String: String]] = [:]
        for line in table.split(separator: "\n") {
            let parts = line.components(separatedBy: " | ")
            let name = parts[0].trimmingCharacters(in: CharacterSet(charactersIn: " |"))
            var privileges: [String: String] = [:]
            for entry in (parts.count > 1 ? parts[1] : "").split(separator: " ") {
                let halves = entry.split(separator: "=")
                privileges[String(halves[0])] = halves.count > 1 ? String(halves[1]) : "X"
            }
            privileges["reader"] = privileges["reviewer"]
            expected[name] = privileges
        }
        return expected
    }

    @Test func `each role has the privileges on tables and views that are written down, and no others`() async throws {
        try await ReviewRoom.with { room in
            let expected = expected(privilegesOnRelations)
            for (name, session) in try makeLogins(room) {
                let rows = try room.operatorSession.rows(PrivilegeMatrixTests.relationsQuery(session.login))
                #expect(Set(rows.compactMap { $0[0] }) == Set(expected.keys), "decide who may use what is new")
                for row in rows {
                    let relation = try #require(row[0])
                    #expect(row[1] == expected[relation]?[name], "\(name) on \(relation)")
                }
            }
        }
    }

    @Test func `each role may call the functions that are written down, and no others`() async throws {
        try await ReviewRoom.with { room in
            let expected = expected(privilegesOnFunctions)
            for (name, session) in try makeLogins(room) {
                let rows = try room.operatorSession.rows(PrivilegeMatrixTests.functionsQuery(session.login))
                #expect(Set(rows.compactMap { $0[0] }) == Set(expected.keys), "decide who may call what is new")
                for row in rows {
                    let function = try #require(row[0])
                    let isAllowed = expected[function]?[name] != nil
                    #expect((row[1] == "t") == isAllowed, "\(name) on \(function)")
                    guard !isAllowed, let call = row[2] else { continue }
                    #expect(session.sqlstate(of: call) == "42501", "\(name): \(call)")
                }
            }
        }
    }

    @Test func `what a role may not do with a table is refused when it tries`() async throws {
        try await ReviewRoom.with { room in
            let expected = expected(privilegesOnRelations)
            let attempts = try room.operatorSession.rows(PrivilegeMatrixTests.attemptsQuery)
            try #require(attempts.count > 150)
            for (name, session) in try makeLogins(room) {
                for attempt in attempts {
                    let (relation, letter) = (try #require(attempt[0]), try #require(attempt[1]))
                    let statement = try #require(attempt[2])
                    let allowed = expected[relation]?[name]?.contains(letter) == true
                    // Rolled back either way; a script without BEGIN would stand.
                    let state = session.sqlstate(of: "begin; \(statement); rollback")
                    if state != nil { try session.run("rollback") }
                    if allowed { continue }
                    #expect(state == "42501", "\(name): \(statement)")
                }
            }
        }
    }

    @Test func `partitions and what workers stored cannot be reached around their table`() async throws {
        try await ReviewRoom.with { room in
            for (name, session) in try makeLogins(room) {
                for statement in [
                    "select from sentinode.predictions_0", "delete from sentinode.predictions_3",
                    "truncate sentinode.predictions_7", "insert into sentinode.predictions_1 default values",
                    "create table review.own ()", "create table sentinode.own ()",
                    "create function review.own() returns int language sql return 1",
                    "alter table sentinode.predictions disable row level security",
                    "alter table review.labels disable trigger append_only", "drop view review.worklist",
                    "set role sentinode_owner", "set session_replication_role = replica",
                    "create policy own on sentinode.predictions using (true)",
                ] {
                    #expect(session.sqlstate(of: statement) == "42501", "\(name): \(statement)")
                }
            }
        }
    }

    private static let schemas = "('sentinode', 'review', 'monitor', 'audit')"

    private static func relationsQuery(_ login: String) -> String {
        """
        with kinds (privilege, letter) as (
            values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'), ('TRUNCATE', 'D'),
                   ('REFERENCES', 'x'), ('TRIGGER', 't')
        )
        select class.oid::regclass::text, (
            select string_agg(
                case when class.relkind = 'S' or has_table_privilege('\(login)', class.oid, privilege) then letter
                     else letter || '(' || (
                         select string_agg(attname, ',' order by attname) from pg_attribute
                         where attrelid = class.oid and attnum > 0 and not attisdropped
                             and has_column_privilege('\(login)', class.oid, attnum, privilege)) || ')' end,
                '' order by letter)
            from kinds
            where case when class.relkind = 'S' then
                           privilege in ('SELECT', 'UPDATE')
                               and has_sequence_privilege('\(login)', class.oid, privilege)
                       else has_table_privilege('\(login)', class.oid, privilege)
                           or (privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                               and has_any_column_privilege('\(login)', class.oid, privilege)) end)
        from pg_class as class
        where relnamespace::regnamespace::text in \(schemas) and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
            and not relispartition
        """
    }

    /// With a call whose arguments are NULLs of the declared types; a trigger's function cannot be called by anybody.
    private static func functionsQuery(_ login: String) -> String {
        """
        select function.oid::regprocedure::text, has_function_privilege('\(login)', function.oid, 'EXECUTE'),
               case when prorettype <> 'trigger'::regtype then
                   format('%s %s.%I(%s)', case prokind when 'p' then 'call' else 'select' end,
                          pronamespace::regnamespace, proname, (
                       select string_agg(case when position = provariadic_position then 'variadic ' else '' end
                                         || format(case prokind when 'p' then 'null::%s' else '(select null::%s)' end,
                                          format_type(type, null)), ', ' order by position)
                       from unnest(proargtypes::oid[]) with ordinality as argument (type, position)))
               end
        from pg_proc as function
        cross join lateral (select case when provariadic = 0 then 0 else pronargs end as provariadic_position) as last
        where pronamespace::regnamespace::text in \(schemas)
        """
    }

    private static let attemptsQuery = """
        select class.oid::regclass::text, letter,
               format(statement, class.oid::regclass, (
                   select quote_ident(attname) from pg_attribute
                   where attrelid = class.oid and attnum > 0 and not attisdropped and attgenerated = ''
                       and attidentity = ''
                   order by attnum desc limit 1))
        from pg_class as class
        cross join (values
            ('r', 'select * from %s limit 0'), ('a', 'insert into %s default values'),
            ('w', 'update %s set %s = null'), ('d', 'delete from %s'), ('D', 'truncate %s cascade'),
            ('r', 'lock table %s in access share mode')
        ) as attempts (letter, statement)
        where relnamespace::regnamespace::text in \(schemas) and relkind in ('r', 'p', 'v') and not relispartition
            and (relkind <> 'v' or letter = 'r')
        """
}
