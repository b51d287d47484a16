-- Every transaction that changes something is one event; the event and the rows it concerns are the leaves of a
-- Merkle tree, whose root is a seal; the seals of one writer form a hash chain.

set local role sentinode_owner;

create table audit.events (
    writer uuid not null,
    seal bigint not null check (seal >= 0),
    occurred_at timestamptz not null,
    actor text not null,
    action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
    subject text check (octet_length(subject) <= 1000),
    reason text check (octet_length(reason) <= 4000),
    detail_source text check (octet_length(detail_source) <= 65536),
    detail jsonb generated always as (detail_source::jsonb) stored,
    leaves bytea not null check (octet_length(leaves) % 32 = 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (writer, seal)
);
alter table audit.events alter column leaves set storage external;
create index events_by_time on audit.events (occurred_at);
create index events_by_subject on audit.events (subject, occurred_at) where subject is not null;

comment on table audit.events is 'One row a transaction that changed something. Append-only';
comment on column audit.events.writer is 'The database connection that wrote it: a random UUID, never used again';
comment on column audit.events.seal is 'Number of the seal over this event in the writer''s chain, from 0';
comment on column audit.events.occurred_at is 'Start of the transaction by the server''s clock';
comment on column audit.events.actor is 'Database login that did it (session_user)';
comment on column audit.events.action is 'What was done, such as batch.recorded or model.activated';
comment on column audit.events.subject is 'What it was done to: a model version''s name, a job id';
comment on column audit.events.reason is 'Why, in the words of the person who did it';
comment on column audit.events.detail_source is 'Detail as JSON, the bytes that the digest covers';
comment on column audit.events.detail is 'The same, to query';
comment on column audit.events.leaves is 'Row digests of the rows concerned, 32 bytes each, in order: leaves 1, 2, ... of the seal''s tree (leaf 0 is the digest of this row)';
comment on column audit.events.salt is 'Random bytes in the row''s digest, so that the digest alone reveals nothing';

create table audit.seals (
    writer uuid not null,
    number bigint not null check (number >= 0),
    previous bytea check (octet_length(previous) = 32),
    leaf_count integer not null check (leaf_count > 0),
    root bytea not null check (octet_length(root) = 32),
    seal bytea not null check (octet_length(seal) = 32),
    primary key (writer, number),
    foreign key (writer, number) references audit.events (writer, seal) deferrable initially deferred,
    check ((number = 0) = (previous is null))
);

comment on table audit.seals is 'One row an event: the root over its leaves, chained to the same writer''s seal before. Append-only';
comment on column audit.seals.writer is 'The database connection that wrote it';
comment on column audit.seals.number is 'Position in the writer''s chain, from 0';
comment on column audit.seals.previous is 'The seal before in this chain; NULL for the first';
comment on column audit.seals.leaf_count is 'Leaves of the tree: the event and the rows it concerns';
comment on column audit.seals.root is 'Merkle tree hash over the leaves (RFC 9162, section 2.1.1, SHA-256)';
comment on column audit.seals.seal is 'SHA-256 over "sentinode.seal.v1", writer, number (8 bytes, big-endian), previous (32 zero bytes for the first), leaf_count (8 bytes, big-endian) and root';

-- What these refuse is never a message's fault, so it has no code of the classes 22 and 23, which blame the row.
create function audit.check_event() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.actor <> session_user then
        raise exception 'an audit event names its own login: % cannot write as %', session_user, new.actor
            using errcode = 'insufficient_privilege';
    end if;
    if new.occurred_at <> now() then
        raise exception 'an audit event carries the server''s time of its own transaction (%), not %', now(), new.occurred_at
            using errcode = 'raise_exception';
    end if;
    return new;
end $$;
comment on function audit.check_event() is 'Trigger: an event is written by who it names, at the time it names';

create function audit.check_seal() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    before bytea;
begin
    if new.number > 0 then
        select seal into before from audit.seals where writer = new.writer and number = new.number - 1;
        if before is null or before <> new.previous then
            raise exception 'seal % of writer % does not continue its chain', new.number, new.writer
                using errcode = 'raise_exception';
        end if;
    end if;
    if new.seal <> sha256(
        convert_to('sentinode.seal.v1', 'UTF8') || uuid_send(new.writer) || int8send(new.number)
        || coalesce(new.previous, decode(repeat('00', 32), 'hex')) || int8send(new.leaf_count) || new.root)
    then
        raise exception 'seal % of writer % is not the hash of its own fields', new.number, new.writer
            using errcode = 'raise_exception';
    end if;
    return new;
end $$;
comment on function audit.check_seal() is 'Trigger: a seal continues its writer''s chain and is the hash of its own fields';

create function audit.check_author() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    author text;
    written_at timestamptz;
begin
    execute format('select ($1).%I, ($1).%I', tg_argv[0], tg_argv[1]) into author, written_at using new;
    if author <> session_user then
        raise exception '%.% names its own login: % cannot write as %', tg_table_schema, tg_table_name, session_user, author
            using errcode = 'insufficient_privilege';
    end if;
    if written_at <> now() then
        raise exception '%.% carries the server''s time of its own transaction (%), not %',
            tg_table_schema, tg_table_name, now(), written_at
            using errcode = 'raise_exception';
    end if;
    return new;
end $$;
comment on function audit.check_author() is 'Trigger (column of the login, column of the time): what a person does is written by who it names, at the time it names';

create trigger check_event before insert on audit.events for each row execute function audit.check_event();
create trigger check_seal before insert on audit.seals for each row execute function audit.check_seal();
create trigger append_only before update or delete on audit.events for each row execute function audit.refuse_change();
create trigger append_only before update or delete on audit.seals for each row execute function audit.refuse_change();
create trigger never_truncated before truncate on audit.events for each statement execute function audit.refuse_change();
create trigger never_truncated before truncate on audit.seals for each statement execute function audit.refuse_change();

grant select, insert on audit.events, audit.seals to sentinode_worker, sentinode_admin;
grant select on audit.events, audit.seals to sentinode_auditor;
