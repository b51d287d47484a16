-- Workers and administrators insert rows themselves, not through functions. What they insert is refused at the commit
-- unless an event of the same transaction seals it, so that no role can store anything silently.

set local role sentinode_owner;

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
                  hint = 'Rows of this table are stored by the product, together with the event that says who and why.';
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
    return null;
end $$;
comment on function sentinode.check_prediction_leaves() is 'Trigger: a statement''s predictions are the first leaves of an event, without a gap';

create function sentinode.check_predictions_are_sealed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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
        'audit.checkpoints']::regclass[]
    loop
        execute format('create constraint trigger sealed after insert on %s deferrable initially deferred
                        for each row execute function audit.check_sealed()', relation);
    end loop;
end $$;
