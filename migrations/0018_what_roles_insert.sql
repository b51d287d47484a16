-- What is stored is refused at the commit unless an event of the same transaction seals it, so that no role can store
-- anything silently, and no function either. Workers and administrators insert rows themselves: what their events say is
-- held to what such a role can have done.

set local role sentinode_owner;

alter table sentinode.predictions add column stored_at timestamptz;
comment on column sentinode.predictions.stored_at is 'When it was stored, by the server''s clock, at or after a second that review.settled_at waits for; NULL where an earlier program stored it';

create function audit.check_sealed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    digest bytea;
begin
    execute format('select sha256(%s) from (select ($1).*) as stored', audit.row_encoding(tg_relid)) into digest using new;
    if not exists (
        select from audit.events as event
        where event.writer = new.writer and event.seal = new.seal
            and substring(event.leaves from 32 * (new.leaf - 1) + 1 for 32) = digest)
    then
        raise exception '%.% has a row that no event of its transaction seals', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege',
                  hint = 'Nothing was stored. A reader whose sites were changed at this very moment does it again; '
                         'else rows of this table are stored by the product alone, with the event that says who and why.';
    end if;
    return null;
end $$;
comment on function audit.check_sealed() is 'Trigger, at the commit: the row''s digest is the leaf that the row names, of an event';

create function audit.check_event_is_sealed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (
        select from audit.seals as seals
        where seals.writer = new.writer and seals.number = new.seal
            and seals.leaf_count = 1 + octet_length(new.leaves) / 32)
    then
        raise exception 'an audit event is stored together with the seal over it and its leaves'
            using errcode = 'insufficient_privilege';
    end if;
    return null;
end $$;
comment on function audit.check_event_is_sealed() is 'Trigger, at the commit: a seal over as many leaves as the event names';

-- Predictions come by the thousand a second, so they are looked at a batch at a time: their leaves are the first of an
-- event, without a gap, and at the commit the event has as many. Whether each digest is right, `audit verify` says.
create function sentinode.check_prediction_leaves() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if exists (
        select from new_predictions group by writer, seal
        having min(leaf) <> 1 or max(leaf) <> count(*) or count(distinct leaf) <> count(*))
    then
        raise exception 'predictions that are stored together have the leaves 1, 2, ... of one event'
            using errcode = 'insufficient_privilege';
    end if;
    if exists (select from new_predictions where stored_at not between now() and clock_timestamp()) then
        raise exception 'predictions carry the server''s time of their own transaction' using errcode = 'raise_exception';
    end if;
    return null;
end $$;
comment on function sentinode.check_prediction_leaves() is 'Trigger: a statement''s predictions are the first leaves of an event, without a gap';

-- Runs as whoever inserted, who can read what it asks: with its owner's rights it would be asked for every site first.
create function sentinode.check_predictions_are_sealed() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (
        select from audit.events as event
        where event.writer = new.writer and event.seal = new.seal
            and octet_length(event.leaves) / 32 >= (
                select count(*) from sentinode.predictions as stored
                where stored.writer = new.writer and stored.seal = new.seal))
    then
        raise exception 'sentinode.predictions has rows that no event of their transaction seals'
            using errcode = 'insufficient_privilege',
                  hint = 'Predictions are stored by `sentinode work`, together with the event that seals them.';
    end if;
    return null;
end $$;
comment on function sentinode.check_predictions_are_sealed() is 'Trigger, at the commit, of a statement''s first prediction: an event has a leaf for each';

create trigger check_prediction_leaves after insert on sentinode.predictions
    referencing new table as new_predictions for each statement execute function sentinode.check_prediction_leaves();
create constraint trigger sealed after insert on sentinode.predictions deferrable initially deferred
    for each row when (new.leaf = 1) execute function sentinode.check_predictions_are_sealed();
create constraint trigger sealed after insert on audit.events deferrable initially deferred
    for each row execute function audit.check_event_is_sealed();

do $$
declare
    relation regclass;
begin
    foreach relation in array array[
        'sentinode.models', 'sentinode.model_versions', 'sentinode.control', 'sentinode.quarantined_messages',
        'sentinode.quarantine_repeats', 'sentinode.quarantine_decisions', 'sentinode.shadow_predictions',
        'review.readers', 'review.policies', 'review.policy_rules', 'review.claims', 'review.labels', 'review.reveals',
        'audit.erased_rows', 'audit.checkpoints', 'audit.catalogues']::regclass[]
    loop
        execute format('create constraint trigger sealed after insert on %s deferrable initially deferred
                        for each row execute function audit.check_sealed()', relation);
    end loop;
end $$;

-- A seal that stopped waiting without being signed would be in no checkpoint, and could be removed with its chain unnoticed.
create function audit.check_signed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from audit.checkpoints where created_at = now()) then
        raise exception 'seals wait until a checkpoint is stored in the same transaction'
            using errcode = 'insufficient_privilege', hint = '`sentinode audit checkpoint` signs them.';
    end if;
    return null;
end $$;
comment on function audit.check_signed() is 'Trigger, at the commit: seals stop waiting together with a new checkpoint alone';
create constraint trigger signed after delete on audit.unsigned_seals deferrable initially deferred
    for each row execute function audit.check_signed();

create or replace function audit.check_event() returns trigger
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
    if current_user <> 'sentinode_owner' and not pg_has_role(session_user, 'sentinode_owner', 'member') then
        if new.person is not null and new.person is distinct from review.person_of(session_user) then
            raise exception 'an audit event names the person to whom its login belongs' using errcode = 'insufficient_privilege';
        end if;
        if exists (select from audit.chains as chain where chain.writer = new.writer and chain.login <> session_user) then
            raise exception 'a chain of seals belongs to the login that began it' using errcode = 'insufficient_privilege';
        end if;
        if new.action not in ('batch.recorded', 'model.imported', 'model.activated', 'quarantine.replayed', 'quarantine.discarded',
                              'audit.checkpointed')
        then
            raise exception 'no login records % itself', new.action
                using errcode = 'insufficient_privilege', hint = 'The function that does it records it.';
        end if;
    end if;
    return new;
end $$;
comment on function audit.check_event() is 'Trigger: an event is written by who it names, at the time it names, and says what that login can have done itself';

grant select (writer, login) on audit.chains to sentinode_worker;

-- What was predicted only workers announce.
create function sentinode.check_announcement() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if current_user <> 'sentinode_owner' and not pg_has_role(session_user, 'sentinode_owner', 'member')
        and not pg_has_role(session_user, 'sentinode_worker', 'member')
        and (new.exchange <> 'sentinode.events' or new.routing_key ~ '^(prediction|message)\.')
    then
        raise exception 'only a worker announces %', new.routing_key using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
comment on function sentinode.check_announcement() is 'Trigger: who is no worker announces acts, not results';
create trigger check_announcement before insert on sentinode.outbox
    for each row execute function sentinode.check_announcement();

alter table audit.checkpoints add constraint numbers_are_counted check (number < 1000000000000);

-- Workers may say that a patch is needed for longer, and nothing else of it.
create function sentinode.check_retention() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.keep_until < old.keep_until then
        raise exception 'the time for which a patch is kept is never shortened' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
comment on function sentinode.check_retention() is 'Trigger: the retention of a kept patch only grows';
create trigger check_retention before update on sentinode.patch_images
    for each row execute function sentinode.check_retention();

-- What workers store is settled by the same rule as what people do.
grant execute on function review.time_of_act() to sentinode_worker, sentinode_monitor, sentinode_auditor, sentinode_admin;

-- A login without any of the roles has nothing to do here; connected, it could hold locks that everybody waits for.
reset role;
do $$
begin
    if not exists (select from pg_database where datname = current_database() and pg_has_role(current_user, datdba, 'member')) then
        raise notice 'every login of this server can connect to this database; its owner can run REVOKE CONNECT ON DATABASE % FROM PUBLIC',
            current_database();
        return;
    end if;
    execute format('revoke connect on database %I from public', current_database());
    execute format('grant connect on database %I to sentinode_worker, sentinode_reviewer, sentinode_monitor, sentinode_auditor, '
                   'sentinode_admin, sentinode_owner', current_database());
end $$;
