-- Predictions, and what versions in shadow say, come by the thousand a second, so that an event seals them is asked of a
-- statement's rows together. Until now it was asked at the commit by counting what eight partitions hold of a seal, and of
-- opinions row by row, each with a digest by a query that was written for it: a tenth of the database's time, and more than
-- asking the version. Now a statement claims the leaves that its rows name, and at the commit the event must have as many.
-- Whether each digest is right, `audit verify` says.

set local role sentinode_owner;

-- Emptied by the transactions that fill it, so that nothing of it has to outlive a crash.
create unlogged table audit.claimed_leaves (
    writer uuid not null,
    seal bigint not null,
    leaves integer not null check (leaves > 0),
    primary key (writer, seal)
);
comment on table audit.claimed_leaves is 'Working memory of a transaction: how many leaves of an event that is to come its rows have claimed. Empty for everybody else';
comment on column audit.claimed_leaves.writer is 'The writer';
comment on column audit.claimed_leaves.seal is 'The seal in the writer''s chain';
comment on column audit.claimed_leaves.leaves is 'The last leaf that was claimed';

create function audit.claim_leaves(of_writer uuid, of_seal bigint, first integer, last integer, different bigint, number bigint)
    returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if different = number and last - first + 1 = number
        and not exists (select from audit.events as event where event.writer = of_writer and event.seal = of_seal)
    then
        if first = 1 then
            insert into audit.claimed_leaves (writer, seal, leaves) values (of_writer, of_seal, last) on conflict do nothing;
        else
            update audit.claimed_leaves as claim set leaves = last
            where claim.writer = of_writer and claim.seal = of_seal and claim.leaves = first - 1;
        end if;
        if found then
            return;
        end if;
    end if;
    raise exception 'rows that are stored together have leaves of one event, without a gap, which comes behind them'
        using errcode = 'insufficient_privilege';
end $$;
comment on function audit.claim_leaves(uuid, bigint, integer, integer, bigint, bigint) is 'For triggers: a statement''s rows have these leaves, the first ones of an event that is to come, or those behind what was claimed before';

create function audit.check_claimed_leaves() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed integer;
begin
    delete from audit.claimed_leaves as claim where claim.writer = new.writer and claim.seal = new.seal
    returning leaves into claimed;
    -- Of this transaction: its login and its time are what an event carries, whoever writes it.
    if not exists (
        select from audit.events as event
        where event.writer = new.writer and event.seal = new.seal and octet_length(event.leaves) / 32 >= claimed
            and event.occurred_at = now() and event.actor = session_user)
    then
        raise exception 'rows are stored that no event of their transaction seals'
            using errcode = 'insufficient_privilege',
                  hint = 'Predictions are stored by `sentinode work`, together with the event that seals them.';
    end if;
    return null;
end $$;
comment on function audit.check_claimed_leaves() is 'Trigger, at the commit: an event has the leaves that were claimed';
create constraint trigger sealed after insert on audit.claimed_leaves deferrable initially deferred
    for each row execute function audit.check_claimed_leaves();

create or replace function sentinode.check_prediction_leaves() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    -- clock_timestamp() would be asked for every row.
    latest constant timestamptz := clock_timestamp();
    misdated boolean;
begin
    -- Claiming is volatile: it is done though nothing looks at what it returns.
    select bool_or(event.misdated) into misdated
    from (
        select coalesce(min(stored_at) < now() or max(stored_at) > latest, false) as misdated,
               audit.claim_leaves(writer, seal, min(leaf), max(leaf), count(distinct leaf), count(*))
        from new_predictions group by writer, seal
    ) as event;
    if misdated then
        raise exception 'predictions carry the server''s time of their own transaction' using errcode = 'raise_exception';
    end if;
    return null;
end $$;
comment on function sentinode.check_prediction_leaves() is 'Trigger: a statement''s predictions are leaves of an event, without a gap, and carry the time of their transaction';

drop trigger sealed on sentinode.predictions;
drop function sentinode.check_predictions_are_sealed();

create function sentinode.check_opinion_leaves() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform audit.claim_leaves(writer, seal, min(leaf), max(leaf), count(distinct leaf), count(*))
    from new_opinions group by writer, seal;
    return null;
end $$;
comment on function sentinode.check_opinion_leaves() is 'Trigger: a statement''s opinions are leaves of an event, without a gap';

-- Runs as whoever inserted, who can read what it asks: with its owner's rights it would be asked for every site first.
create function sentinode.check_opinions() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    strays boolean;
begin
    -- By the key, whatever the planner believes of a table that grows.
    select bool_or((select prediction.job_id from sentinode.predictions as prediction
                    where prediction.job_id = opinion.job_id) is null) into strays
    from new_opinions as opinion;
    if strays then
        raise exception 'insert on table "shadow_predictions" names a job that no prediction is of'
            using errcode = 'foreign_key_violation', schema = 'sentinode', table = 'shadow_predictions',
                  constraint = 'shadow_predictions_job_id_fkey';
    end if;
    select bool_or((select version.name from sentinode.model_versions as version
                    where version.name = opinion.model_version) is null) into strays
    from (select distinct model_version from new_opinions) as opinion;
    if strays then
        raise exception 'insert on table "shadow_predictions" names a model version that does not exist'
            using errcode = 'foreign_key_violation', schema = 'sentinode', table = 'shadow_predictions',
                  constraint = 'shadow_predictions_model_version_fkey';
    end if;
    return null;
end $$;
comment on function sentinode.check_opinions() is 'Trigger: a statement''s opinions are of jobs and versions that exist';

create trigger check_opinions after insert on sentinode.shadow_predictions
    referencing new table as new_opinions for each statement execute function sentinode.check_opinions();
create trigger check_opinion_leaves after insert on sentinode.shadow_predictions
    referencing new table as new_opinions for each statement execute function sentinode.check_opinion_leaves();
drop trigger sealed on sentinode.shadow_predictions;
alter table sentinode.shadow_predictions
    drop constraint shadow_predictions_job_id_fkey,
    drop constraint shadow_predictions_model_version_fkey;
