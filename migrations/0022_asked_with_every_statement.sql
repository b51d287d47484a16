-- Who logged in and what that login sees is asked by every statement. A function in SQL is planned anew each time it is
-- called, which takes longer than its answer: in PL/pgSQL a session plans it once. And a page of the worklist is asked for
-- all day.

set local role sentinode_owner;

create or replace function review.person_of(of_login text) returns text
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return (select full_name from review.readers where login = of_login order by version desc limit 1);
end $$;

create or replace function review.is_reader() returns boolean
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return coalesce((
        select now() >= active_from and (active_to is null or now() < active_to)
        from review.readers where login = session_user order by version desc limit 1), false);
end $$;

create or replace function review.is_always_blind() returns boolean
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return coalesce((select always_blind from review.readers where login = session_user order by version desc limit 1), false);
end $$;

create or replace function review.my_sites() returns text[]
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not review.is_reader() then
        return '{}';
    end if;
    return coalesce((
        select array(select jsonb_array_elements_text(sites))
        from review.readers where login = session_user order by version desc limit 1), '{}');
end $$;

create or replace function review.sees_everything() returns boolean
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return pg_has_role(session_user, 'sentinode_worker', 'member')
        or pg_has_role(session_user, 'sentinode_monitor', 'member')
        or pg_has_role(session_user, 'sentinode_auditor', 'member')
        or pg_has_role(session_user, 'sentinode_admin', 'member')
        or pg_has_role(session_user, 'sentinode_owner', 'member')
        or '*' = any (review.my_sites());
end $$;

create or replace function sentinode.check_prediction_leaves() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    -- clock_timestamp() would be asked for every row.
    latest constant timestamptz := clock_timestamp();
    gaps boolean;
    misdated boolean;
begin
    select bool_or(event.gaps), bool_or(event.misdated) into gaps, misdated
    from (
        select min(leaf) <> 1 or max(leaf) <> count(*) or count(distinct leaf) <> count(*) as gaps,
               coalesce(min(stored_at) < now() or max(stored_at) > latest, false) as misdated
        from new_predictions group by writer, seal
    ) as event;
    if gaps then
        raise exception 'predictions that are stored together have the leaves 1, 2, ... of one event'
            using errcode = 'insufficient_privilege';
    end if;
    if misdated then
        raise exception 'predictions carry the server''s time of their own transaction' using errcode = 'raise_exception';
    end if;
    return null;
end $$;

-- The leaves of a full batch take 2 kB of digests, which no compression makes smaller: beside their event they are written
-- once, elsewhere they would need two pages and an index more.
alter table audit.events set (toast_tuple_target = 4096);

create or replace view review.masked_worklist as
select item.job_id, item.stage,
       case when not seen.is_hidden then prediction.review_reason end as reason,
       now() - item.added_at as age,
       prediction.slide_id, prediction.x, prediction.y, prediction.site, prediction.case_pseudonym,
       case when not seen.is_hidden then prediction.p_tumor end as p_tumor,
       case when not seen.is_hidden then prediction.decision end as decision,
       seen.is_hidden,
       case when not seen.is_hidden then item.priority end as priority,
       -- What the policy makes blind is due by one rule; when another patch is due tells its reason.
       case when not seen.is_hidden or (prediction.blind and not (select review.is_always_blind())) then item.due_at end as due_at,
       coalesce(item.leased_by = session_user and item.leased_until > now(), false) as is_mine,
       coalesce(item.leased_until > now(), false) as is_claimed,
       case when item.leased_until > now() then item.leased_until end as leased_until,
       exists (select from sentinode.patch_images as image where image.image_sha256 = prediction.image_sha256) as has_image
from review.worklist_items as item
join sentinode.predictions as prediction using (job_id)
cross join lateral (
    select (select review.is_reader())
        and (coalesce(prediction.blind, false) or (select review.is_always_blind()) or exists (
            select from review.worklist_items as twin
            where twin.image_sha256 = item.image_sha256 and twin.blind and twin.job_id <> item.job_id
                and not exists (
                    select from review.reveals
                    where reveals.job_id = twin.job_id and reveals.reader = session_user and reveals.revealed_at < now())))
        and not exists (
            select from review.reveals
            where reveals.job_id = item.job_id and reveals.reader = session_user and reveals.revealed_at < now())
        as is_hidden
) as seen
-- What becomes of a patch after one's own blind reading tells what the other reader said: wait for the reveal.
-- And what becomes of it within the transaction of one's own label would show even where that is rolled back.
-- Asked of each patch that is shown: joined, all labels there are would be read for the first page.
where not exists (
    select from review.labels as mine
    where mine.job_id = item.job_id and mine.reader = session_user and mine.supersedes is null
        and (seen.is_hidden or mine.labelled_at >= now())
    offset 0)
    -- That others disagree says something too; who adjudicates is told.
    and not (seen.is_hidden and item.stage = 'adjudication' and not (select review.adjudicates()));
