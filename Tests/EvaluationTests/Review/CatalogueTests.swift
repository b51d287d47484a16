import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// What must hold of every object of the product's schemas, whoever adds one.
@Suite(.needsStack) struct CatalogueTests {
    /// Runs a query over the catalogue that gives what is wrong, one name a row.
    private func expectNone(_ query: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await ReviewRoom.with { room in
            let strays = try room.operatorSession.column(query)
            #expect(strays == [], sourceLocation: sourceLocation)
        }
    }

    private static let schemas = "('sentinode', 'review', 'monitor', 'audit')"

    @Test func `a function with its owner's rights looks for names in the system's schema alone`() async throws {
        try await expectNone(
            """
            select oid::regprocedure from pg_proc
            where pronamespace::regnamespace::text in \(CatalogueTests.schemas) and prosecdef
                and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)
            """)
    }

    @Test func `nobody calls a function that was not granted to a role`() async throws {
        try await expectNone(
            """
            select oid::regprocedure from pg_proc
            where pronamespace::regnamespace::text in \(CatalogueTests.schemas)
                and exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0)
            """)
    }

    @Test func `nothing but the own types is open to every login`() async throws {
        try await expectNone(
            """
            select oid::regclass from pg_class
            where relnamespace::regnamespace::text in \(CatalogueTests.schemas)
                and exists (select from aclexplode(relacl) where grantee = 0)
            union all
            select nspname::regclass from pg_namespace
            where nspname::text in \(CatalogueTests.schemas) and exists (select from aclexplode(nspacl) where grantee = 0)
            """)
    }

    @Test func `every table, view and column says what it is`() async throws {
        try await expectNone(
            """
            select class.oid::regclass::text from pg_class as class
            where relnamespace::regnamespace::text in \(CatalogueTests.schemas) and relkind in ('r', 'p', 'v', 'm')
                and not relispartition and coalesce(obj_description(class.oid, 'pg_class'), '') = ''
            union all
            select class.oid::regclass || '.' || attname from pg_class as class
            join pg_attribute on attrelid = class.oid and attnum > 0 and not attisdropped
            where relnamespace::regnamespace::text in \(CatalogueTests.schemas) and relkind in ('r', 'p', 'v', 'm')
                and not relispartition and coalesce(col_description(class.oid, attnum), '') = ''
                and (relkind <> 'v' or exists (select from aclexplode(relacl) where grantee <> relowner))
            """)
    }

    @Test func `every function says what it does`() async throws {
        try await expectNone(
            """
            select oid::regprocedure from pg_proc
            where pronamespace::regnamespace::text in \(CatalogueTests.schemas)
                and coalesce(obj_description(oid, 'pg_proc'), '') = ''
            """)
    }

    @Test func `every table whose rows are sealed, and each of its partitions, is append-only`() async throws {
        try await expectNone(
            """
            select class.oid::regclass || ' lacks ' || wanted.trigger from pg_class as class
            cross join (values ('append_only', 27), ('never_truncated', 34)) as wanted (trigger, kind)
            where relnamespace::regnamespace::text in \(CatalogueTests.schemas) and relkind in ('r', 'p')
                and exists (select from pg_attribute where attrelid = class.oid and attname = 'leaf' and not attisdropped
                            union all select where class.oid in ('audit.events'::regclass, 'audit.seals'::regclass))
                and not exists (
                    select from pg_trigger
                    where tgrelid = class.oid and tgname = wanted.trigger and tgenabled = 'O' and tgtype = wanted.kind
                        and tgfoid = 'audit.refuse_change'::regproc)
            """)
    }

    @Test func `row-level security binds the owner wherever a row belongs to a site`() async throws {
        try await expectNone(
            """
            select class.oid::regclass from pg_class as class
            where relnamespace::regnamespace::text in \(CatalogueTests.schemas) and relkind in ('r', 'p')
                and not relispartition and class.oid <> 'review.policy_rules'::regclass
                and exists (select from pg_attribute where attrelid = class.oid and attname = 'site' and not attisdropped)
                and not (relrowsecurity and relforcerowsecurity)
            """)
    }

    @Test func `everything belongs to the owner, whom nobody logs in as`() async throws {
        try await expectNone(
            """
            select oid::regclass::text from pg_class
            where relnamespace::regnamespace::text in \(CatalogueTests.schemas) and relowner <> 'sentinode_owner'::regrole
            union all
            select oid::regprocedure::text from pg_proc
            where pronamespace::regnamespace::text in \(CatalogueTests.schemas) and proowner <> 'sentinode_owner'::regrole
            union all
            select rolname from pg_roles where rolname like 'sentinode\\_%' and (rolcanlogin or rolsuper or rolbypassrls)
            """)
    }
}
