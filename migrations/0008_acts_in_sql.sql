-- Acts made inside the database: a function that changes something stamps its rows, digests them as they stand in the
-- table, and seals them, as workers do. Row digests and seals: contracts/row-digest.md.

set local role sentinode_owner;

alter table audit.events add column person text check (octet_length(person) <= 255);
comment on column audit.events.person is 'Printed name of whoever the login belonged to then; NULL where it belongs to no person';

create table audit.chains (
    writer uuid primary key,
    login text not null,
    begun_at timestamptz not null default now()
);
create index chains_by_login on audit.chains (login, writer);

comment on table audit.chains is 'Working memory: which chains of seals a login may continue from SQL. Whoever acts takes one that no open transaction holds, or begins another, so that nobody waits';
comment on column audit.chains.writer is 'The writer that the chain''s seals name';
comment on column audit.chains.login is 'Database login that began it; nobody else continues it';
comment on column audit.chains.begun_at is 'Start of the transaction that began it';

create table audit.erased_rows (
    relation text not null,
    row_writer uuid not null,
    row_seal bigint not null,
    row_leaf integer not null,
    columns text not null,
    remainder bytea not null check (octet_length(remainder) = 32),
    erased_at timestamptz not null,
    erased_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (row_writer, row_seal, row_leaf)
);
create index erased_rows_by_leaf on audit.erased_rows (writer, seal);

comment on table audit.erased_rows is 'Rows whose named columns and salt were cleared by an erasure: their leaf stays as a commitment that reveals nothing. Append-only';
comment on column audit.erased_rows.relation is 'Table of the row, with its schema';
comment on column audit.erased_rows.row_writer is 'Where the row''s leaf stands: the writer';
comment on column audit.erased_rows.row_seal is 'Where the row''s leaf stands: the seal';
comment on column audit.erased_rows.row_leaf is 'Where the row''s leaf stands: the leaf';
comment on column audit.erased_rows.columns is 'Columns that were cleared, separated by spaces';
comment on column audit.erased_rows.remainder is 'Digest of the row as the erasure left it: without its salt its leaf cannot be computed again, and the columns that stayed must not change';
comment on column audit.erased_rows.erased_at is 'When, by the server''s clock';
comment on column audit.erased_rows.erased_by is 'Database login that erased it';
comment on column audit.erased_rows.writer is 'Where its own audit leaf stands: the writer';
comment on column audit.erased_rows.seal is 'Where its own audit leaf stands: the seal in the writer''s chain';
comment on column audit.erased_rows.leaf is 'Where its own audit leaf stands: the leaf under that seal';
comment on column audit.erased_rows.salt is 'Random bytes in the row''s digest';

create procedure audit.protect(relation regclass)
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute format('create trigger append_only before update or delete on %s
                    for each row execute function audit.refuse_change()', relation);
    execute format('create trigger never_truncated before truncate on %s
                    for each statement execute function audit.refuse_change()', relation);
end $$;
comment on procedure audit.protect(regclass) is 'For migrations: makes a table append-only';
revoke execute on procedure audit.protect(regclass) from public;

call audit.protect('audit.erased_rows');
create trigger check_author before insert on audit.erased_rows
    for each row execute function audit.check_author('erased_by', 'erased_at');

-- An expression over a row of the table: the bytes whose SHA-256 is the row's digest.
create function audit.row_encoding(relation regclass) returns text
    language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    qualified text;
    encoding text;
    stray text;
begin
    select space.nspname || '.' || class.relname into strict qualified
    from pg_class as class join pg_namespace as space on space.oid = class.relnamespace where class.oid = relation;

    select string_agg(
               format('coalesce(int4send(%s) || convert_to(%L, ''UTF8'') || int4send(octet_length(%4$s)) || %4$s, '''')',
                      octet_length(known.column_name), known.column_name || known.tag, null, known.value),
               ' || ' order by known.column_name collate "C"),
           min(known.column_name) filter (where known.tag is null)
    into encoding, stray
    from (
        select attname::text as column_name,
               case atttypid
                   when 'boolean'::regtype then 'b'
                   when 'smallint'::regtype then 'i' when 'integer'::regtype then 'i' when 'bigint'::regtype then 'i'
                   when 'real'::regtype then 'f' when 'double precision'::regtype then 'd'
                   when 'text'::regtype then 't' when 'bytea'::regtype then 'y' when 'uuid'::regtype then 'u'
                   when 'timestamptz'::regtype then 'z'
               end as tag,
               format(case atttypid
                   when 'boolean'::regtype then 'boolsend(%I)'
                   when 'smallint'::regtype then 'int8send(%I)' when 'integer'::regtype then 'int8send(%I)'
                   when 'bigint'::regtype then 'int8send(%I)'
                   when 'real'::regtype then 'float4send(%I)' when 'double precision'::regtype then 'float8send(%I)'
                   when 'text'::regtype then 'convert_to(%I, ''UTF8'')' when 'bytea'::regtype then '%I'
                   when 'uuid'::regtype then 'uuid_send(%I)'
                   -- timestamptz_send counts from 2000, the digest from 1970
                   when 'timestamptz'::regtype
                       then 'int8send((extract(epoch from %I) * 1000000)::bigint)'
               end, attname) as value
        from pg_attribute
        where attrelid = relation and attnum > 0 and not attisdropped and attgenerated = ''
    ) as known;

    if stray is not null then
        raise exception 'column % of % has a type that row digests do not know', stray, qualified;
    end if;
    return format('convert_to(''sentinode.row.v1'', ''UTF8'') || int4send(%s) || convert_to(%L, ''UTF8'') || %s',
                  octet_length(qualified), qualified, encoding);
end $$;
comment on function audit.row_encoding(regclass) is 'Expression over a row of the table that gives the bytes its digest covers';

-- RFC 9162, section 2.1.1: pairing neighbours level by level, an odd last node rising as it is.
create function audit.merkle_root(digests bytea[]) returns bytea
    language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
declare
    level bytea[];
    above bytea[];
begin
    select array_agg(sha256('\x00'::bytea || digest) order by position) into level
    from unnest(digests) with ordinality as leaf (digest, position);
    while cardinality(level) > 1 loop
        select array_agg(case when level[2 * pair] is null then level[2 * pair - 1]
                              else sha256('\x01'::bytea || level[2 * pair - 1] || level[2 * pair]) end order by pair)
        into above
        from generate_series(1, (cardinality(level) + 1) / 2) as pair;
        level := above;
    end loop;
    return level[1];
end $$;
comment on function audit.merkle_root(bytea[]) is 'Merkle tree hash over at least one row digest';

create type audit.act as (writer uuid, seal bigint);
comment on type audit.act is 'Where the leaves of what a function is doing will stand';

-- First step of every function that changes something: its rows carry what this returns.
create function audit.begin_act() returns audit.act
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
begin
    -- An older snapshot would not show how far a chain has come.
    if current_setting('transaction_isolation') = 'read committed' then
        select chain.writer into act.writer from audit.chains as chain
        where chain.login = session_user order by chain.writer limit 1 for update skip locked;
    end if;
    if act.writer is null then
        insert into audit.chains (writer, login) values (gen_random_uuid(), session_user) returning writer into act.writer;
    end if;
    select coalesce(max(number), -1) + 1 into act.seal from audit.seals where writer = act.writer;
    return act;
end $$;
comment on function audit.begin_act() is 'Takes a chain of the login''s own that no open transaction holds, and the next number in it';

-- Last step: digests the rows that carry the act, in the order of their leaves, and seals them with the event.
create function audit.seal_act(
    act audit.act, action text, subject text, reason text, detail jsonb, variadic relations regclass[]
) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    digests bytea[];
    positions integer[];
    event bytea;
    root bytea;
    before bytea;
begin
    execute 'select coalesce(array_agg(digest order by leaf), ''{}''), coalesce(array_agg(leaf order by leaf), ''{}'') from ('
        || (select string_agg(format('select leaf, sha256(%s) as digest from %s where writer = $1 and seal = $2',
                                     audit.row_encoding(relation), relation), ' union all ')
            from unnest(relations) as relation)
        || ') as stamped'
    into digests, positions using act.writer, act.seal;
    if positions is distinct from (select coalesce(array_agg(number), '{}') from generate_series(1, cardinality(digests)) as number) then
        raise exception 'the leaves of % are not numbered 1, 2, ... without a gap: %', action, positions;
    end if;

    insert into audit.events (writer, seal, occurred_at, actor, person, action, subject, reason, detail_source, leaves, salt)
    values (act.writer, act.seal, now(), session_user, review.person_of(session_user), seal_act.action, seal_act.subject,
            seal_act.reason, seal_act.detail::text,
            coalesce((select string_agg(digest, ''::bytea order by position)
                      from unnest(digests) with ordinality as leaf (digest, position)), ''::bytea),
            uuid_send(gen_random_uuid()));
    execute format('select sha256(%s) from audit.events where writer = $1 and seal = $2', audit.row_encoding('audit.events'))
    into event using act.writer, act.seal;

    select seals.seal into before from audit.seals as seals
    where seals.writer = act.writer and seals.number = act.seal - 1;
    root := audit.merkle_root(event || digests);
    insert into audit.seals (writer, number, previous, leaf_count, root, seal)
    values (act.writer, act.seal, before, 1 + cardinality(digests), root,
            sha256(convert_to('sentinode.seal.v1', 'UTF8') || uuid_send(act.writer) || int8send(act.seal)
                   || coalesce(before, decode(repeat('00', 32), 'hex')) || int8send(1 + cardinality(digests)) || root));
end $$;
comment on function audit.seal_act(audit.act, text, text, text, jsonb, regclass[]) is 'Stores the event and the seal over all rows of these tables that carry the act';

-- Every refusal that a person meets has a SQLSTATE of its own, and says what to do.
create function review.refuse(code text, message text, hint text) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using errcode = code, message = message, hint = hint;
end $$;
comment on function review.refuse(text, text, text) is 'Raises an error that a person meets: a SQLSTATE of class SN, a sentence, and what to do';

create function review.require_reason(reason text, what text) returns text
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if coalesce(trim(reason), '') = '' then
        perform review.refuse('SN007', format('%s needs a reason', what), 'Say why, in your own words: it is kept with the act.');
    end if;
    if octet_length(reason) > 4000 then
        perform review.refuse('SN010', format('a reason has at most 4,000 bytes, not %s', octet_length(reason)),
                              'Shorten it, or name where the whole of it stands.');
    end if;
    return trim(reason);
end $$;
comment on function review.require_reason(text, text) is 'The reason, trimmed; refuses none, or one that is too long';

create function review.announce(event text, fields jsonb) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    id uuid := gen_random_uuid();
begin
    insert into sentinode.outbox (event_id, exchange, routing_key, body)
    values (id, 'sentinode.events', event, (jsonb_build_object('event', event, 'event_id', id) || fields)::text);
end $$;
comment on function review.announce(text, jsonb) is 'Leaves an event for the exchange sentinode.events in the outbox; a worker publishes it after the commit';

grant select on audit.erased_rows, audit.chains to sentinode_auditor, sentinode_admin;
