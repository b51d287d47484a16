import Foundation
import Testing

@testable import Database
@testable import Evaluation

@Suite(.needsStack) struct CatalogueFingerprintTests {
    /// Something that a superuser, or the owner, can change, and how verification names it.
    struct Change: CustomTestStringConvertible {
        let script: String
        let found: [String]
        var testDescription: String { script }

        init(_ script: String, _ found: String...) { (self.script, self.found) = (script, found) }
    }

    private static let changes = [
        Change(
            "alter table audit.events disable trigger append_only",
            "object.changed: trigger audit.events.append_only has changed since the schema was recorded: it is disabled"
        ),
        Change(
            "drop trigger never_truncated on audit.seals", "object.missing: trigger audit.seals.never_truncated is gone"
        ),
        Change(
            "create or replace function audit.refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as 'begin return old; end'",
            "object.changed: function audit.refuse_change() has changed"),
        Change(
            "alter function audit.check_seal() reset search_path",
            "object.changed: function audit.check_seal() has changed"),
        Change(
            "grant delete on sentinode.predictions to sentinode_worker",
            "object.changed: grant sentinode.predictions to sentinode_worker has changed"),
        Change(
            "grant select on sentinode.predictions_3 to public",
            "object.new: grant sentinode.predictions_3 to public is new"),
        Change(
            "grant update (decision) on sentinode.predictions to sentinode_reviewer",
            "object.new: grant sentinode.predictions.decision to sentinode_reviewer is new"),
        Change(
            "grant execute on function audit.row_encoding(regclass) to public",
            "object.new: grant audit.row_encoding(regclass) to public is new"),
        Change(
            "revoke usage on schema audit from sentinode_auditor",
            "object.missing: grant schema audit to sentinode_auditor is gone"),
        Change(
            "drop policy own_site on sentinode.quarantine_repeats",
            "object.missing: policy sentinode.quarantine_repeats.own_site is gone"),
        Change(
            "alter policy own_site on sentinode.quarantine_repeats using (true)",
            "object.changed: policy text sentinode.quarantine_repeats.own_site has changed"),
        Change(
            "alter table sentinode.quarantine_repeats disable row level security",
            "object.changed: relation sentinode.quarantine_repeats has changed"),
        Change(
            "alter view review.predictions reset (security_barrier)",
            "object.changed: relation review.predictions has changed"),
        Change(
            "create or replace rule nothing as on insert to audit.events do instead nothing",
            "object.new: rule audit.events.nothing is new"),
        Change(
            "alter table sentinode.predictions drop constraint predictions_slide_id_check",
            "object.missing: constraint sentinode.predictions.predictions_slide_id_check is gone"),
        Change(
            "alter table sentinode.control drop constraint control_pkey",
            "object.missing: unique index sentinode.control_pkey is gone"),
        Change(
            "alter table sentinode.models alter column source_name drop not null",
            "object.changed: column sentinode.models.source_name has changed"),
        Change(
            "alter table sentinode.outbox alter column refusals set default 7",
            "object.changed: column default sentinode.outbox.refusals has changed"),
        Change("alter table audit.seals add column note text", "object.new: column audit.seals.note is new"),
        Change(
            "alter table sentinode.attempts owner to operator",
            "object.changed: relation sentinode.attempts has changed"),
        Change(
            "create function audit.more() returns int language sql as 'select 1'",
            "object.new: function audit.more() is new"),
        Change("create table monitor.more (id int)", "object.new: relation monitor.more is new"),
        Change("drop view review.quarantine", "object.missing: relation review.quarantine is gone"),
        Change(
            "alter role sentinode_auditor login bypassrls",
            "object.changed: role sentinode_auditor has changed since the schema was recorded: it can log in and bypasses row security"
        ),
        Change(
            "grant pg_write_server_files to sentinode_worker",
            "object.new: membership sentinode_worker in pg_write_server_files is new"),
        Change(
            "alter role sentinode_worker set search_path = public",
            "object.new: setting sentinode_worker search_path is new"),
        Change(
            """
            create function pg_catalog.concat_ws(text, "char", name) returns text language sql as 'select null';
            create operator pg_catalog.|| (leftarg = name, rightarg = text, function = pg_catalog.nameeqtext);
            create function public.shown(regclass) returns text language sql as 'select null';
            create cast (regclass as text) with function public.shown(regclass);
            create domain pg_catalog.numberless as int;
            set local allow_system_table_mods = on;
            create view pg_catalog.pg_nothing as select 1 as one
            """,
            "object.new: system function concat_ws(text, char, name) is new",
            "object.new: system operator ||(name, text) is new",
            "object.new: system cast regclass as text is new",
            "object.new: system type numberless is new",
            "object.new: system relation pg_nothing is new"),
        Change(
            """
            create function pg_catalog.hidden() returns int language sql as 'select 1';
            alter extension plpgsql add function pg_catalog.hidden()
            """,
            "object.new: extension within pg_catalog plpgsql is new"),
        Change(
            "alter function pg_catalog.lower(text) security definer",
            "object.changed: built-in functions of PostgreSQL "),
        Change(
            "update pg_proc set prosrc = 'upper' where oid = 'pg_catalog.lower(text)'::regprocedure",
            "object.changed: built-in functions of PostgreSQL "),
        Change(
            "create role people nologin; create role clara; grant people to clara; grant sentinode_owner to people",
            "object.new: member of sentinode_owner people is new",
            "object.new: member of sentinode_owner clara is new"),
        Change(
            "create role clara bypassrls in role sentinode_reviewer",
            "object.new: unrestricted member clara is new since the schema was recorded: it bypasses row security"),
        Change(
            "create role clara superuser in role sentinode_monitor",
            "object.new: unrestricted member clara is new since the schema was recorded: it is superuser"),
        Change(
            "do $$ begin execute format('alter database %I set sentinode.as_of = ''2020-01-01''', current_database()); end $$",
            "object.new: setting everybody sentinode.as_of is new"),
        Change(
            "do $$ begin execute format('alter database %I set search_path = public', current_database()); end $$",
            "object.new: setting everybody search_path is new"),
        Change(
            "create role clara in role sentinode_owner; alter role clara set search_path = public",
            "object.new: setting clara search_path is new"),
        Change(
            "create role clara in role sentinode_reviewer; alter role clara set role = sentinode_reviewer",
            "object.new: setting clara role is new"),
        Change(
            "create role clara; alter role clara set session_replication_role = replica",
            "object.new: setting clara session_replication_role is new"),
        Change(
            """
            create function public.listen() returns event_trigger language plpgsql as 'begin end';
            create event trigger listening on ddl_command_end execute function public.listen()
            """, "object.new: event trigger listening is new"),
        Change("create publication copied for all tables", "object.new: publication copied is new"),
        Change("create publication copied for table review.labels", "object.new: publication copied is new"),
        Change("create publication copied for tables in schema audit", "object.new: publication copied is new"),
    ]

    @Test func `everything that weakens the protection is found and named, and nothing else`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.tamper(
                """
                create policy own_site on sentinode.quarantine_repeats for select using (reason <> '');
                alter table sentinode.quarantine_repeats enable row level security
                """)
            _ = try CatalogueFingerprint(laboratory.database).accept(reason: "a policy of the site's own")
            let superuser = try laboratory.connectAsSuperuser()
            defer { superuser.close() }
            for change in Self.changes {
                let found = try laboratory.differences(superuser, after: change.script).map(\.description)
                for expected in change.found {
                    #expect(found.contains { $0.hasPrefix(expected) }, "\(change.script): \(found)")
                }
            }
            #expect(try laboratory.differences(superuser, after: "select").isEmpty)
            #expect(try CatalogueFingerprint(laboratory.database).verify().findings == [])
        }
    }

    @Test func `what people do every day changes nothing in the fingerprint`() async throws {
        try await Laboratory.with { laboratory in
            let login = try laboratory.makeLogin(in: "sentinode_auditor")
            let reader = try laboratory.makeLogin(in: "sentinode_reviewer")
            defer { laboratory.drop(login); laboratory.drop(reader) }
            try laboratory.work(0..<2)
            try laboratory.database.run(
                script: """
                    grant sentinode_worker, sentinode_reviewer, sentinode_monitor, sentinode_admin to \(login.name);
                    alter role \(login.name) set search_path = review;
                    select review.add_reader('\(reader.name)', 'Dr. Anna Weber', 'pathologist', array['*'], reason => 'new')
                    """)
            try laboratory.database.run(
                script:
                    "analyze; set role sentinode_owner; create index on sentinode.predictions (model_version); reset role"
            )
            let auditor = try laboratory.connect(as: login)
            defer { auditor.close() }
            #expect(try CatalogueFingerprint(auditor).verify().findings == [])
            try auditor.run(script: "set search_path = sentinode, review, audit; set quote_all_identifiers = on")
            #expect(try CatalogueFingerprint(auditor).verify().findings == [])
        }
    }

    @Test func `a restored dump has the same fingerprint`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.backUp("backup")
            try laboratory.restore("backup")
            #expect(try CatalogueFingerprint(laboratory.database).verify().findings == [])
        }
    }

    @Test func `migrating records the catalogue once, as an event, and accepts nothing by being repeated`() async throws
    {
        try await Laboratory.with { laboratory in
            try laboratory.tamper(
                """
                delete from audit.seals where writer in (select writer from audit.catalogues);
                delete from audit.events where writer in (select writer from audit.catalogues);
                delete from audit.catalogues
                """)
            #expect(try CatalogueFingerprint(laboratory.database).verify().findings.map(\.code) == [.catalogueMissing])
            let folder = Stack.packageRoot.appending(path: "migrations").path
            #expect(try laboratory.output(of: "migrate", "--migrations", folder).contains("the catalogue is recorded"))
            try laboratory.tamper("alter table audit.events disable trigger append_only")
            #expect(try !laboratory.output(of: "migrate", "--migrations", folder).contains("the catalogue is recorded"))
            #expect(try CatalogueFingerprint(laboratory.database).verify().findings.count == 1)

            let said = try laboratory.output(of: "migrate", "accept", "--reason", "a test")
            #expect(said.contains("trigger audit.events.append_only has changed"))
            #expect(try CatalogueFingerprint(laboratory.database).verify().findings == [])
            let events = try laboratory.database.query(
                """
                select action, actor = session_user as own, reason, (detail ->> 'objects')::bigint as objects,
                    detail ->> 'fingerprint' = encode(sha256(convert_to(objects, 'UTF8')), 'hex') as fits,
                    detail -> 'first' ->> 0 as first
                from audit.events join audit.catalogues using (writer, seal) order by occurred_at
                """)
            #expect(try events.map { try $0.text("action") } == ["schema.migrated", "schema.accepted"])
            #expect(try events.allSatisfy { try $0.bool("own") && $0.bool("fits") && $0.int8("objects") > 500 })
            #expect(try events[1].optionalText("reason") == "a test")
            #expect(try events[1].optionalText("first")?.contains("append_only") == true)
            #expect(try AuditVerifier(database: laboratory.database).verify().problems == [])
        }
    }

    @Test func `under another major version only what the catalogue itself says is compared`() async throws {
        try await Laboratory.with { laboratory in
            try laboratory.tamper(
                """
                update audit.catalogues set server_version = 140000,
                    objects = regexp_replace(objects, '[0-9a-f]{16}(\\tconstraint text\\t)', '0000000000000000\\1', 'g')
                """)
            let report = try CatalogueFingerprint(laboratory.database).verify()
            #expect(report.findings == [])
            #expect(report.notes.count == 2)
        }
    }
}

extension Laboratory {
    /// What differs from the record inside a transaction that makes a change, and is rolled back: roles belong to every
    /// database of the server.
    fileprivate func differences(_ superuser: DatabaseConnection, after script: String) throws -> [AnchorFinding] {
        struct RolledBack: Error { let findings: [AnchorFinding] }
        do {
            try superuser.transaction { connection in
                try connection.run(script: script)
                var report = AnchorReport()
                try CatalogueFingerprint(connection).verifyInTransaction(&report)
                throw RolledBack(findings: report.findings)
            }
        } catch let end as RolledBack {
            return end.findings
        }
        return []
    }
}
