-- Who logged in and what that login sees is asked by every statement. A function in SQL is planned anew each time it is
-- called, which takes longer than its answer: in PL/pgSQL a session plans it once.

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
