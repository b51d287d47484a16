import Database

/// Reads what PostgreSQL's catalogue says of the product: one row an object, with its kind, its name and its definition.
///
/// Definitions are made of the catalogue's own fields. Only expressions, which the catalogue keeps in a form that no two
/// databases share, are taken as PostgreSQL prints them, and are objects of their own. The parts of a definition are
/// joined by whoever reads them: a function that joined them here could be replaced by one that fits its arguments better.
enum CatalogueQuery {
    /// Columns `kind`, `identity`, `definition` (its parts, an array), `remark`. Run with `search_path` set to `pg_catalog`, which decides how
    /// names are printed.
    static let sql: SQL =
        named + relations + columns + constraints + triggers + rules + functions + types + grants + roles + members
        + settings + listeners

    private static let named: SQL = """
        with recursive space as (
            select oid, nspname, nspowner, nspacl from pg_namespace
            where nspname in ('sentinode', 'review', 'monitor', 'audit')
        ), relation as (
            select class.*, nspname::text || '.' || relname::text as name from pg_class as class
            join space on space.oid = relnamespace
        ), product_role as (
            select * from pg_roles
            where rolname in ('sentinode_owner', 'sentinode_worker', 'sentinode_reviewer', 'sentinode_monitor',
                              'sentinode_auditor', 'sentinode_admin')
        ), routine as (
            select proc.*, nspname::text || '.' || proname::text || '(' || oidvectortypes(proargtypes) || ')' as name
            from pg_proc as proc join space on space.oid = pronamespace
        ), member (role, member) as (
            select roleid, member from pg_auth_members where roleid in (select oid from product_role)
            union
            select member.role, link.member from member join pg_auth_members as link on link.roleid = member.member
        )
        select 'schema' as kind, nspname::text as identity, array[pg_get_userbyid(nspowner)::text] as definition,
            null::text as remark
        from space
        """

    /// Of the options of a relation only those count that decide who sees what.
    private static let relations: SQL = """

        union all
        select 'relation', name,
            array[relkind::text, pg_get_userbyid(relowner)::text, relpersistence::text, relrowsecurity::text,
                relforcerowsecurity::text, relispartition::text,
                (select string_agg(option, ',' order by option) from unnest(reloptions) as option
                 where option ~ '^(security|check_option)'),
                (select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits where inhrelid = relation.oid)],
            null
        from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        union all
        select 'partition bound', name, array[pg_get_expr(relpartbound, oid)], null from relation
        where relpartbound is not null and relkind in ('r', 'p')
        """

    private static let columns: SQL = """

        union all
        select 'column', name || '.' || attname::text,
            array[format_type(atttypid, atttypmod), attnotnull::text, attgenerated::text, attidentity::text,
                (select collname::text from pg_collation where oid = attcollation)],
            null
        from relation join pg_attribute on attrelid = relation.oid
        where relkind in ('r', 'p', 'v', 'm', 'f', 'c') and attnum > 0 and not attisdropped
        union all
        select 'column default', name || '.' || attname::text, array[pg_get_expr(adbin, adrelid)], null
        from relation join pg_attrdef on adrelid = relation.oid
        join pg_attribute on attrelid = adrelid and attnum = adnum
        """

    /// From version 18 on PostgreSQL has constraints for NOT NULL, which the columns tell already.
    private static let constraints: SQL = """

        union all
        select 'constraint', coalesce(name, contypid::regtype::text) || '.' || conname::text,
            array[contype::text, condeferrable::text, condeferred::text, convalidated::text, confupdtype::text,
                confdeltype::text, nullif(confrelid, 0)::regclass::text],
            null
        from pg_constraint left join relation on relation.oid = conrelid
        where connamespace in (select oid from space) and contype <> 'n'
        union all
        select 'constraint text', coalesce(name, contypid::regtype::text) || '.' || conname::text,
            array[pg_get_constraintdef(pg_constraint.oid)], null
        from pg_constraint left join relation on relation.oid = conrelid
        where connamespace in (select oid from space) and contype <> 'n'
        union all
        select 'unique index', own.name,
            array[tabled.name, indisprimary::text, indisvalid::text, indimmediate::text], null
        from pg_index join relation as own on own.oid = indexrelid join relation as tabled on tabled.oid = indrelid
        where indisunique
        union all
        select 'index text', own.name, array[pg_get_indexdef(indexrelid)], null
        from pg_index join relation as own on own.oid = indexrelid where indisunique
        """

    private static let triggers: SQL = """

        union all
        select 'trigger',
            name || '.' || case when tgisinternal then coalesce(conname::text, 'internal') || ' ' || tgtype::text else tgname::text end,
            array[tgenabled::text, tgfoid::regprocedure::text, tgtype::text, encode(tgargs, 'hex'), tgdeferrable::text,
                tginitdeferred::text, tgoldtable::text, tgnewtable::text,
                (select string_agg(attname, ',' order by attname) from pg_attribute
                 where attrelid = tgrelid and attnum = any(tgattr))],
            case tgenabled when 'D' then 'is disabled' when 'R' then 'fires on replicas only' end
        from pg_trigger join relation on relation.oid = tgrelid
        left join pg_constraint on pg_constraint.oid = tgconstraint
        union all
        select 'trigger text', name || '.' || tgname::text, array[pg_get_triggerdef(pg_trigger.oid)], null
        from pg_trigger join relation on relation.oid = tgrelid where not tgisinternal
        """

    private static let rules: SQL = """

        union all
        select 'rule', name || '.' || rulename::text, array[ev_type::text, ev_enabled::text, is_instead::text], null
        from pg_rewrite join relation on relation.oid = ev_class
        union all
        select 'rule text', name || '.' || rulename::text, array[pg_get_ruledef(pg_rewrite.oid)], null
        from pg_rewrite join relation on relation.oid = ev_class
        union all
        select 'policy', name || '.' || polname::text,
            array[polcmd::text, polpermissive::text,
                (select string_agg(case when member = 0 then 'public' else pg_get_userbyid(member)::text end, ',' order by member = 0, pg_get_userbyid(member))
                 from unnest(polroles) as member)],
            null
        from pg_policy join relation on relation.oid = polrelid
        union all
        select 'policy text', name || '.' || polname::text,
            array[pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)], null
        from pg_policy join relation on relation.oid = polrelid
        """

    private static let functions: SQL = """

        union all
        select 'function', name,
            array[prokind::text, pg_get_userbyid(proowner)::text,
                (select lanname::text from pg_language where oid = prolang),
                prosecdef::text, proleakproof::text, proisstrict::text, proretset::text, provolatile::text,
                proparallel::text, format_type(prorettype, null), array_to_string(proconfig, ','),
                array_to_string(proargnames, ',', '-'), array_to_string(proargmodes, ','), probin, prosrc],
            null
        from routine
        union all
        select 'function text', name, array[pg_get_function_arguments(oid), pg_get_function_sqlbody(oid)], null
        from routine where prokind <> 'a'
        """

    private static let types: SQL = """

        union all
        select 'type', nspname::text || '.' || typname::text,
            array[typtype::text, pg_get_userbyid(typowner)::text, typnotnull::text, nullif(typbasetype, 0)::regtype::text,
                (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum where enumtypid = pg_type.oid)],
            null
        from pg_type join space on space.oid = typnamespace
        where typtype in ('d', 'e', 'r') or typtype = 'c' and typrelid in (select oid from relation where relkind = 'c')
        """

    /// What the owner itself may do is left out: it can do everything, and versions differ in the list.
    private static let grants: SQL = """

        union all
        select 'grant', object || ' to ' || case when grantee = 0 then 'public' else pg_get_userbyid(grantee)::text end,
            array[string_agg(privilege_type || case when is_grantable then '*' else '' end, ',' order by privilege_type)],
            null
        from (
            select 'schema ' || nspname::text as object, nspowner as owner, coalesce(nspacl, acldefault('n', nspowner)) as list
            from space
            union all
            select name, relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
            from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
            union all
            select name || '.' || attname::text, relowner, attacl
            from relation join pg_attribute on attrelid = relation.oid
            where attacl is not null and not attisdropped
            union all
            select name, proowner, coalesce(proacl, acldefault('f', proowner)) from routine
            union all
            select 'default of ' || pg_get_userbyid(defaclrole)::text || coalesce(' in ' || nspname::text, '') || ' for ' || defaclobjtype::text,
                0::oid, defaclacl
            from pg_default_acl left join space on space.oid = defaclnamespace
            where defaclrole in (select oid from product_role) or space.oid is not null
        ) as listed cross join lateral aclexplode(list) as granted
        where grantee <> owner or owner = 0
        group by object, grantee
        """

    private static let roles: SQL = """

        union all
        select 'role', rolname::text,
            array[rolsuper::text, rolinherit::text, rolcreaterole::text, rolcreatedb::text, rolcanlogin::text,
                rolreplication::text, rolbypassrls::text],
            concat_ws(' and ', case when rolsuper then 'is superuser' end, case when rolcanlogin then 'can log in' end,
                case when rolbypassrls then 'bypasses row security' end)
        from product_role
        union all
        select 'membership', pg_get_userbyid(member)::text || ' in ' || pg_get_userbyid(roleid)::text, array[''], null
        from pg_auth_members where member in (select oid from product_role)
        group by member, roleid
        """

    /// Who was made a member of a product role is no part of it, but who may act as the owner is, and members whom the
    /// server lets do everything.
    private static let members: SQL = """

        union all
        select 'member of sentinode_owner', pg_get_userbyid(member)::text, array[''], null
        from member join product_role on product_role.oid = member.role where rolname = 'sentinode_owner'
        union all
        select 'unrestricted member', rolname::text, array[rolsuper::text, rolbypassrls::text],
            concat_ws(' and ', case when rolsuper then 'is superuser' end,
                case when rolbypassrls then 'bypasses row security' end)
        from pg_roles where oid in (select member from member) and (rolsuper or rolbypassrls)
        """

    /// A person may set what concerns only that person, such as a `search_path`.
    private static let settings: SQL = """

        union all
        select 'setting',
            case when setrole = 0 then 'everybody' else pg_get_userbyid(setrole)::text end || ' ' || split_part(setting, '=', 1),
            array[setting], null
        from pg_db_role_setting cross join lateral unnest(setconfig) as setting
        where setdatabase in (0, (select oid from pg_database where datname = current_database()))
            and (setrole in (select oid from product_role)
                or setting ~ '^(session_replication_role|row_security|sentinode[.].*)='
                or setting ~ '^role=' and (setrole = 0 or setrole in (select member from member))
                or setting ~ '^search_path=' and (setrole = 0 or setrole in (
                    select member from member join product_role on product_role.oid = member.role
                    where rolname = 'sentinode_owner')))
        """

    /// What is told of changes, or runs when the schema changes.
    private static let listeners: SQL = """

        union all
        select 'event trigger', evtname::text,
            array[evtevent::text, evtenabled::text, pg_get_userbyid(evtowner)::text, array_to_string(evttags, ','),
                evtfoid::regprocedure::text, (select prosrc from pg_proc where oid = evtfoid)],
            null
        from pg_event_trigger
        union all
        select 'publication', pubname::text,
            array[pg_get_userbyid(pubowner)::text, puballtables::text,
                (select string_agg(name, ',' order by name) from relation join pg_publication_rel on prrelid = relation.oid
                 where prpubid = pg_publication.oid),
                (select string_agg(nspname, ',' order by nspname) from space
                 join pg_publication_namespace on pnnspid = space.oid where pnpubid = pg_publication.oid)],
            null
        from pg_publication
        where puballtables
            or exists (select from pg_publication_rel join relation on relation.oid = prrelid where prpubid = pg_publication.oid)
            or exists (select from pg_publication_namespace where pnpubid = pg_publication.oid and pnnspid in (select oid from space))
        """
}
