import Foundation
import Testing

@testable import Database
@testable import Evaluation

/// Changes one thing after another as a superuser would, each undone before the next.
///
/// What there is to change comes from the catalogue, so a new column or table is drilled without being named.
struct TamperDrill {
    struct Target: Sendable {
        let table: String
        let column: String
        let type: String
        let isGenerated: Bool
        let isFilled: Bool
    }

    let laboratory: Laboratory
    let superuser: DatabaseConnection

    init(_ laboratory: Laboratory) throws {
        self.laboratory = laboratory
        superuser = try laboratory.superuser()
        try removeConstraints()
        try superuser.run(script: TamperDrill.sowSQL)
        try acceptCatalogue()
    }

    /// What the drill itself did to the schema is not what it looks for.
    func acceptCatalogue() throws { _ = try CatalogueFingerprint(superuser).accept(reason: "a drill") }

    /// One sealed row of made-up values in every audited table that has none, so that a new table is drilled as well.
    private static let sowSQL = """
        do $$ declare each record; act audit.act; is_empty boolean; begin
            for each in
                select pg_class.oid::regclass as relation, string_agg(quote_ident(attname), ', ' order by attnum) as names,
                    string_agg(case
                        when attname = 'writer' then '$1' when attname = 'seal' then '$2' when attname = 'leaf' then '1'
                        when attname like '%\\_source' then quote_literal('["x"]')
                        when atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) then '1'
                        when atttypid in ('real'::regtype, 'double precision'::regtype) then '0.5'
                        when atttypid = 'boolean'::regtype then 'true'
                        when atttypid = 'bytea'::regtype then 'sha256(uuid_send(gen_random_uuid()))'
                        when atttypid = 'uuid'::regtype then 'gen_random_uuid()'
                        when atttypid = 'timestamptz'::regtype then 'now()'
                        else quote_literal('x') end, ', ' order by attnum) as made_up
                from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
                where relkind in ('r', 'p') and not relispartition and attgenerated = ''
                    and relnamespace::regnamespace::text in ('sentinode', 'review', 'monitor', 'audit')
                group by pg_class.oid
                having count(*) filter (where attname in ('writer', 'seal', 'leaf', 'salt')) = 4
            loop
                execute format('select not exists (select from %s)', each.relation) into is_empty;
                continue when not is_empty;
                act := audit.begin_act();
                execute format('insert into %s (%s) values (%s)', each.relation, each.names, each.made_up)
                    using act.writer, act.seal;
                perform audit.seal_act(act, 'drill.sown', null, null, null, each.relation);
            end loop;
        end $$
        """

    /// Whoever may do everything may remove what stands in the way: checks, NOT NULL.
    private func removeConstraints() throws {
        try superuser.run(
            script: """
                do $$ declare each record; begin
                    for each in select conrelid::regclass as relation, conname from pg_constraint
                        join pg_class on pg_class.oid = conrelid
                        where contype = 'c' and not relispartition and coninhcount = 0
                            and relnamespace::regnamespace::text in ('sentinode', 'review', 'monitor', 'audit')
                    loop execute format('alter table %s drop constraint %I', each.relation, each.conname); end loop;
                end $$;
                create table public.kept (relation oid, place tid);
                """)
    }

    /// Every column of every table with a stamp, and of the seals.
    func targets() throws -> [Target] {
        try superuser.query(TamperDrill.targetsSQL).map { row in
            Target(
                table: try row.text("name"), column: try row.text("column_name"), type: try row.text("type_name"),
                isGenerated: try row.bool("is_generated"),
                isFilled: try superuser.query(
                    "select exists (select from " + source(try row.text("name")) + ") as some"
                )
                .onlyRow().bool("some"))
        }
    }

    private func source(_ name: String) -> SQL {
        SQL.joined(name.split(separator: ".").map { SQL.identifier(String($0)) }, separator: ".")
    }

    private static let targetsSQL: SQL = """
        select format('%s.%s', relnamespace::regnamespace, relname) as name, attname::text as column_name,
            format_type(atttypid, null) as type_name, attgenerated::text <> '' as is_generated
        from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relkind in ('r', 'p') and not relispartition
            and relnamespace::regnamespace::text in ('sentinode', 'review', 'monitor', 'audit')
            and (pg_class.oid = 'audit.seals'::regclass or exists (
                select from pg_attribute as stamp where stamp.attrelid = pg_class.oid and stamp.attname = 'salt'))
        order by 1, 2
        """

    /// Runs `body` while one row has another value in each of the columns, which are of different tables.
    func changing(_ targets: [Target], _ body: () throws -> Void) throws {
        try superuser.run(script: "truncate public.kept")
        for target in targets { try change(target, keeping: TamperDrill.old(target)) }
        try body()
        for target in targets { try changeBack(target, to: TamperDrill.old(target)) }
    }

    private func change(_ target: Target, keeping old: String) throws {
        if target.isGenerated { try setGenerated("", target) }
        try superuser.run(
            script: """
                drop table if exists \(old);
                create table \(old) as select tableoid as relation, ctid as place, \(target.column) as value
                    from \(target.table) order by \(target.column == "salt" ? "salt is null," : "") 1, 2 limit 1;
                with changed as (
                    update \(target.table) as t set \(target.column) = \(try TamperDrill.other(target)) from \(old) as old
                    where t.tableoid = old.relation and t.ctid = old.place returning t.tableoid, t.ctid)
                insert into public.kept select * from changed
                """)
        if target.isGenerated { try setGenerated("s", target) }
    }

    private func changeBack(_ target: Target, to old: String) throws {
        if target.isGenerated { try setGenerated("", target) }
        try superuser.run(
            script: """
                update \(target.table) as t set \(target.column) = old.value from \(old) as old, public.kept
                where t.tableoid = kept.relation and t.ctid = kept.place
                """)
        if target.isGenerated { try setGenerated("s", target) }
    }

    /// Table of the value that was there before.
    private static func old(_ target: Target) -> String {
        "public.old_" + target.table.replacing(".", with: "_")
    }

    /// Lets a generated column be written, or makes it look generated again.
    private func setGenerated(_ mark: String, _ target: Target) throws {
        try superuser.run(
            script: """
                set allow_system_table_mods = on;
                update pg_attribute set attgenerated = '\(mark)' where attname = '\(target.column)' and attrelid in (
                    select '\(target.table)'::regclass
                    union all select inhrelid from pg_inherits where inhparent = '\(target.table)'::regclass)
                """)
    }

    /// Another value than the column has.
    private static func other(_ target: Target) throws -> String {
        let column = "t." + target.column
        switch target.type {
        case "boolean": return "not coalesce(\(column), false)"
        // Further than any chain of a drill is long: the place of another event would be refused.
        case "smallint", "integer", "bigint": return "coalesce(\(column), 0) + 10000"
        case "real", "double precision": return "coalesce(\(column), 0) + 0.25"
        case "text" where target.column.hasSuffix("_source"): return "coalesce(\(column), '{}') || ' '"
        case "text": return "coalesce(\(column), '') || 'x'"
        case "bytea":
            return "case when octet_length(\(column)) > 0 then set_byte(\(column), 0, get_byte(\(column), 0) # 1)"
                + " else decode(repeat('01', 32), 'hex') end"
        case "uuid":
            return "(translate(left(\(column)::text, 1), '0123456789abcdef', '123456789abcdef0')"
                + " || substr(\(column)::text, 2))::uuid"
        case "timestamp with time zone": return "coalesce(\(column), now()) + interval '1 microsecond'"
        case "jsonb": return "coalesce(\(column), '{}') || '{\"forged\": true}'"
        default: throw UnknownType(name: target.type)
        }
    }

    /// The drill must learn how to change it.
    struct UnknownType: Error { let name: String }

    /// Runs `body` while one row is gone: the first of those that the condition names.
    func removing(from table: String, where condition: String = "true", _ body: () throws -> Void) throws {
        try superuser.run(
            script: """
                drop table if exists public.old;
                create table public.old as select * from \(table) where ctid is not null and (\(condition)) limit 1;
                with doomed as (select t.tableoid as relation, t.ctid as place from \(table) as t
                    where to_jsonb(t) = (select to_jsonb(old) from public.old))
                delete from \(table) as t using doomed where t.tableoid = doomed.relation and t.ctid = doomed.place
                """)
        try body()
        let columns = try superuser.query(
            """
            select string_agg(quote_ident(attname), ', ' order by attnum) as names from pg_attribute
            where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''
            """, [.text(table)]
        ).onlyRow().text("names")
        try superuser.run(script: "insert into \(table) (\(columns)) select \(columns) from public.old")
    }

    /// Runs `body` between two scripts, of which the second undoes the first.
    func between(_ change: String, _ undo: String, _ body: () throws -> Void) throws {
        try superuser.run(script: change)
        try body()
        try superuser.run(script: undo)
    }
}
