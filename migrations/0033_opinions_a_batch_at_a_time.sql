-- Opinions of versions in shadow come as often as predictions do, so they are looked at as those are: a statement at a time
-- when they are inserted, and once at the commit. Until now every row had its digest computed anew by a query that was written
-- for it, and both of its references looked up and locked, which took several times as long as asking the version.
-- Whether each digest is right, `audit verify` says.

set local role sentinode_owner;

create function sentinode.check_shadow_predictions() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    strays boolean;
    gaps boolean;
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
    -- Of an event that is not there yet, they are the first leaves, or those behind its predictions.
    select bool_or(
        event.leaves <> event.last - event.first + 1 or event.different <> event.leaves
        or exists (select from audit.events as earlier where earlier.writer = event.writer and earlier.seal = event.seal)
        or event.first <> 1 and event.first <> 1 + (
            select count(*) from sentinode.predictions as stored
            where stored.writer = event.writer and stored.seal = event.seal)) into gaps
    from (
        select writer, seal, min(leaf) as first, max(leaf) as last, count(*) as leaves, count(distinct leaf) as different
        from new_opinions group by writer, seal
    ) as event;
    if gaps then
        raise exception 'opinions that are stored together have the leaves of one event behind those of its predictions'
            using errcode = 'insufficient_privilege';
    end if;
    return null;
end $$;
comment on function sentinode.check_shadow_predictions() is 'Trigger: a statement''s opinions are of jobs and versions that exist, and leaves of an event without a gap';

create function sentinode.check_shadow_predictions_are_sealed() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (
        select from audit.events as event
        where event.writer = new.writer and event.seal = new.seal
            and octet_length(event.leaves) / 32 >= (
                select count(*) from sentinode.shadow_predictions as stored
                where stored.writer = new.writer and stored.seal = new.seal))
    then
        raise exception 'sentinode.shadow_predictions has rows that no event of their transaction seals'
            using errcode = 'insufficient_privilege',
                  hint = 'Opinions are stored by the product alone, together with the event that seals them.';
    end if;
    return null;
end $$;
comment on function sentinode.check_shadow_predictions_are_sealed() is 'Trigger, at the commit, of a statement''s first opinion where it is the first leaf: an event has a leaf for each';

-- Where opinions stand behind predictions, the first prediction speaks for both.
create or replace function sentinode.check_predictions_are_sealed() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (
        select from audit.events as event
        where event.writer = new.writer and event.seal = new.seal
            and octet_length(event.leaves) / 32 >= (
                select count(*) from sentinode.predictions as stored
                where stored.writer = new.writer and stored.seal = new.seal)
                + (
                select count(*) from sentinode.shadow_predictions as opinion
                where opinion.writer = new.writer and opinion.seal = new.seal))
    then
        raise exception 'sentinode.predictions has rows that no event of their transaction seals'
            using errcode = 'insufficient_privilege',
                  hint = 'Predictions are stored by `sentinode work`, together with the event that seals them.';
    end if;
    return null;
end $$;
comment on function sentinode.check_predictions_are_sealed() is 'Trigger, at the commit, of a statement''s first prediction: an event has a leaf for each, and for each opinion behind them';

create trigger check_shadow_predictions after insert on sentinode.shadow_predictions
    referencing new table as new_opinions for each statement execute function sentinode.check_shadow_predictions();
drop trigger sealed on sentinode.shadow_predictions;
create constraint trigger sealed after insert on sentinode.shadow_predictions deferrable initially deferred
    for each row when (new.leaf = 1) execute function sentinode.check_shadow_predictions_are_sealed();
alter table sentinode.shadow_predictions
    drop constraint shadow_predictions_job_id_fkey,
    drop constraint shadow_predictions_model_version_fkey;
