import Database

/// Reads what PostgreSQL's catalogue says of the product: one row an object, with its kind, its name and its definition.
///
/// Definitions are made of the catalogue's own fields. Only expressions, which the catalogue keeps in a form that no two
/// databases share, are taken as PostgreSQL prints them, and are objects of their own.
enum CatalogueQuery {
    /// Columns `kind`, `identity`, `definition`, `remark`. Run with `search_path` set to `pg_catalog`, which decides how
    /// names are printed.
    static let sql: SQL =
        named + relations + columns + constraints + triggers + rules + functions + types + grants + roles + settings
        + systemObjects

    private static let named: SQL = """
        with space as (
            select oid, nspname, nspowner, nspacl from pg_namespace
            where nspname in ('sentinode', 'review', 'monitor', 'audit')
        ), relation as (
            select class.*, nspname || '.' || relname as name from pg_class as class
            join space on space.oid = relnamespace
        ), product_role as (
            select * from pg_roles
            where rolname in ('sentinode_owner', 'sentinode_worker', 'sentinode_reviewer', 'sentinode_monitor',
                              'sentinode_auditor', 'sentinode_admin')
        ), routine as (
            select proc.*, nspname || '.' || proname || '(' || oidvectortypes(proargtypes) || ')' as name
            from pg_proc as proc join space on space.oid = pronamespace
        )
        select 'schema' as kind, nspname::text as identity, concat_ws('|', pg_get_userbyid(nspowner)) as definition,
            null::text as remark
        from space
        """

    /// Of the options of a relation only those count that decide who sees what.
    private static let relations: SQL = """

        union all
        select 'relation', name,
            concat_ws('|', relkind, pg_get_userbyid(relowner), relpersistence, relrowsecurity, relforcerowsecurity,
                relispartition,
                (select string_agg(option, ',' order by option) from unnest(reloptions) as option
                 where option ~ '^(security|check_option)'),
                (select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits where inhrelid = relation.oid)),
            null
        from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        union all
        select 'partition bound', name, pg_get_expr(relpartbound, oid), null from relation
        where relpartbound is not null and relkind in ('r', 'p')
        """

    private static let columns: SQL = """

        union all
        select 'column', name || '.' || attname,
            concat_ws('|', format_type(atttypid, atttypmod), attnotnull, attgenerated::text, attidentity::text,
                (select collname from pg_collation where oid = attcollation)),
            null
        from relation join pg_attribute on attrelid = relation.oid
        where relkind in ('r', 'p', 'v', 'm', 'f', 'c') and attnum > 0 and not attisdropped
        union all
        select 'column default', name || '.' || attname, pg_get_expr(adbin, adrelid), null
        from relation join pg_attrdef on adrelid = relation.oid
        join pg_attribute on attrelid = adrelid and attnum = adnum
        """

    /// From version 18 on PostgreSQL has constraints for NOT NULL, which the columns tell already.
    private static let constraints: SQL = """

        union all
        select 'constraint', coalesce(name, contypid::regtype::text) || '.' || conname,
            concat_ws('|', contype, condeferrable, condeferred, convalidated, confupdtype::text, confdeltype::text,
                nullif(confrelid, 0)::regclass),
            null
        from pg_constraint left join relation on relation.oid = conrelid
        where connamespace in (select oid from space) and contype <> 'n'
        union all
        select 'constraint text', coalesce(name, contypid::regtype::text) || '.' || conname, pg_get_constraintdef(pg_constraint.oid), null
        from pg_constraint left join relation on relation.oid = conrelid
        where connamespace in (select oid from space) and contype <> 'n'
        union all
        select 'unique index', own.name, concat_ws('|', tabled.name, indisprimary, indisvalid, indimmediate), null
        from pg_index join relation as own on own.oid = indexrelid join relation as tabled on tabled.oid = indrelid
        where indisunique
        union all
        select 'index text', own.name, pg_get_indexdef(indexrelid), null
        from pg_index join relation as own on own.oid = indexrelid where indisunique
        """

    private static let triggers: SQL = """

        union all
        select 'trigger',
            name || '.' || case when tgisinternal then coalesce(conname, 'internal') || ' ' || tgtype else tgname::text end,
            concat_ws('|', tgenabled, tgfoid::regprocedure, tgtype, encode(tgargs, 'hex'), tgdeferrable, tginitdeferred,
                tgoldtable, tgnewtable,
                (select string_agg(attname, ',' order by attname) from pg_attribute
                 where attrelid = tgrelid and attnum = any(tgattr))),
            case tgenabled when 'D' then 'is disabled' when 'R' then 'fires on replicas only' end
        from pg_trigger join relation on relation.oid = tgrelid
        left join pg_constraint on pg_constraint.oid = tgconstraint
        union all
        select 'trigger text', name || '.' || tgname, pg_get_triggerdef(pg_trigger.oid), null
        from pg_trigger join relation on relation.oid = tgrelid where not tgisinternal
        """

    private static let rules: SQL = """

        union all
        select 'rule', name || '.' || rulename, concat_ws('|', ev_type, ev_enabled, is_instead), null
        from pg_rewrite join relation on relation.oid = ev_class
        union all
        select 'rule text', name || '.' || rulename, pg_get_ruledef(pg_rewrite.oid), null
        from pg_rewrite join relation on relation.oid = ev_class
        union all
        select 'policy', name || '.' || polname,
            concat_ws('|', polcmd, polpermissive,
                (select string_agg(case when member = 0 then 'public' else pg_get_userbyid(member)::text end, ',' order by member = 0, pg_get_userbyid(member))
                 from unnest(polroles) as member)),
            null
        from pg_policy join relation on relation.oid = polrelid
        union all
        select 'policy text', name || '.' || polname,
            concat_ws('|', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), null
        from pg_policy join relation on relation.oid = polrelid
        """

    private static let functions: SQL = """

        union all
        select 'function', name,
            concat_ws('|', prokind, pg_get_userbyid(proowner), (select lanname from pg_language where oid = prolang),
                prosecdef, proleakproof, proisstrict, proretset, provolatile, proparallel,
                format_type(prorettype, null), array_to_string(proconfig, ','), array_to_string(proargnames, ',', '-'),
                array_to_string(proargmodes, ','), probin, prosrc),
            null
        from routine
        union all
        select 'function text', name, concat_ws('|', pg_get_function_arguments(oid), pg_get_function_sqlbody(oid)), null
        from routine where prokind <> 'a'
        """

    private static let types: SQL = """

        union all
        select 'type', nspname || '.' || typname,
            concat_ws('|', typtype, pg_get_userbyid(typowner), typnotnull, nullif(typbasetype, 0)::regtype,
                (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum where enumtypid = pg_type.oid)),
            null
        from pg_type join space on space.oid = typnamespace
        where typtype in ('d', 'e', 'r') or typtype = 'c' and typrelid in (select oid from relation where relkind = 'c')
        """

    /// What the owner itself may do is left out: it can do everything, and versions differ in the list.
    private static let grants: SQL = """

        union all
        select 'grant', object || ' to ' || case when grantee = 0 then 'public' else pg_get_userbyid(grantee)::text end,
            string_agg(privilege_type || case when is_grantable then '*' else '' end, ',' order by privilege_type),
            null
        from (
            select 'schema ' || nspname as object, nspowner as owner, coalesce(nspacl, acldefault('n', nspowner)) as list
            from space
            union all
            select name, relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
            from relation where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
            union all
            select name || '.' || attname, relowner, attacl
            from relation join pg_attribute on attrelid = relation.oid
            where attacl is not null and not attisdropped
            union all
            select name, proowner, coalesce(proacl, acldefault('f', proowner)) from routine
            union all
            select 'default of ' || pg_get_userbyid(defaclrole) || coalesce(' in ' || nspname, '') || ' for ' || defaclobjtype::text,
                0::oid, defaclacl
            from pg_default_acl left join space on space.oid = defaclnamespace
            where defaclrole in (select oid from product_role) or space.oid is not null
        ) as listed cross join lateral aclexplode(list) as granted
        where grantee <> owner or owner = 0
        group by object, grantee
        """

    /// Who was made a member of a product role is no part of it; what product roles are members of is.
    private static let roles: SQL = """

        union all
        select 'role', rolname::text,
            concat_ws('|', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls),
            concat_ws(' and ', case when rolsuper then 'is superuser' end, case when rolcanlogin then 'can log in' end,
                case when rolbypassrls then 'bypasses row security' end)
        from product_role
        union all
        select 'membership', pg_get_userbyid(member) || ' in ' || pg_get_userbyid(roleid), '', null
        from pg_auth_members where member in (select oid from product_role)
        group by member, roleid
        """

    private static let settings: SQL = """

        union all
        select 'setting', coalesce(rolname, 'everybody') || ' ' || split_part(setting, '=', 1), setting, null
        from pg_db_role_setting left join product_role on product_role.oid = setrole
        cross join lateral unnest(setconfig) as setting
        where setdatabase in (0, (select oid from pg_database where datname = current_database()))
            and (product_role.oid is not null or setting ~ '^(session_replication_role|row_security|search_path|role|sentinode[.].*)=')
        union all
        select 'event trigger', evtname::text, evtevent::text || '|' || evtenabled::text || '|' || evtfoid::regproc::text, null
        from pg_event_trigger
        """

    /// What somebody put into the system's own schema, where names are looked up first, is found by whatever asks: so
    /// nothing here relies on a function or operator that such an object could take the place of.
    private static let systemObjects: SQL = """

        union all
        select kind, identity, null, null
        from (
            select 'system function' as kind, proname::text as identity, 'pg_proc'::regclass as class, oid
            from pg_proc where pronamespace = 11::oid
            union all select 'system operator', oprname::text, 'pg_operator'::regclass, oid
            from pg_operator where oprnamespace = 11::oid
            union all select 'system relation', relname::text, 'pg_class'::regclass, oid
            from pg_class where relnamespace = 11::oid
            union all select 'system type', typname::text, 'pg_type'::regclass, oid from pg_type where typnamespace = 11::oid
            union all select 'cast', castsource::regtype::text, 'pg_cast'::regclass, oid from pg_cast
        ) as made
        where oid >= 16384::oid and not exists (
            select from pg_depend where classid = made.class and objid = made.oid and deptype = 'e'::"char")
        """
}
