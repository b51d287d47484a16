-- Roles, schemas, and who may enter which. Roles belong to the whole cluster, so another database may have made them.
-- Nobody logs in as one of these: grant them to real logins.

do $$
declare
    role_name text;
    purpose text;
begin
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception 'the database is encoded in %, and UTF8 is expected', current_setting('server_encoding')
            using hint = 'Create it anew with ENCODING ''UTF8'' TEMPLATE template0.';
    end if;
    for role_name, purpose in values
        ('sentinode_owner', 'owns every object; nobody logs in as it'),
        ('sentinode_worker', 'stores predictions, quarantined messages and their audit trail'),
        ('sentinode_reviewer', 'reads predictions to review them'),
        ('sentinode_monitor', 'reads what monitoring computes from'),
        ('sentinode_auditor', 'reads everything, changes nothing'),
        ('sentinode_admin', 'imports and activates models, decides on quarantined messages')
    loop
        begin
            if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
                execute format('create role %I nologin', role_name);
                execute format('comment on role %I is %L', role_name, 'Sentinode: ' || purpose);
            end if;
        exception when duplicate_object or unique_violation then
            null;  -- a migration of another database in this cluster made it a moment ago
        end;
    end loop;
    begin
        -- From PostgreSQL 16 on, whoever made a role may administer it, but act as it only after granting it to itself.
        set local role sentinode_owner;
        reset role;
    exception when insufficient_privilege then
        execute format('grant sentinode_owner to %I', current_user);
    end;
end $$;

alter schema sentinode owner to sentinode_owner;
alter table sentinode.schema_migrations owner to sentinode_owner;
create schema review authorization sentinode_owner;
create schema monitor authorization sentinode_owner;
create schema audit authorization sentinode_owner;

comment on schema sentinode is 'What workers decide with and what they decided: models, predictions, quarantined messages';
comment on schema review is 'What pathologists read and call';
comment on schema monitor is 'Reference profiles, measurements and alerts';
comment on schema audit is 'Who did what, when and why, sealed: append-only';

set local role sentinode_owner;

-- For every function to come: only those it is granted to may call it.
alter default privileges revoke execute on functions from public;

grant usage on schema sentinode to sentinode_worker, sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
grant usage on schema review to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
grant usage on schema monitor to sentinode_monitor, sentinode_reviewer, sentinode_auditor, sentinode_admin;
grant usage on schema audit to sentinode_worker, sentinode_auditor, sentinode_admin;
grant select on sentinode.schema_migrations
    to sentinode_worker, sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;

create function audit.refuse_change() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception '%.% is append-only: rows are never changed or removed', tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege',
              hint = 'What was recorded stays; a later row can say that it no longer holds.';
end $$;
comment on function audit.refuse_change() is 'Trigger of every append-only table: no UPDATE, DELETE or TRUNCATE, whoever asks';
