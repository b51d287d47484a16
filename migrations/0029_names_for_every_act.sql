-- Acts of people who do not review carry their names too; a picture that waits to be read blind takes no rank under another
-- job either; and how readers agree is asked of a time, not of all that was ever said.

set local role sentinode_owner;

-- A login in a role that sees every score is no reader: its row grants no site, and its time as a reader is over at once.
create function review.name_person(login text, full_name text, qualification text, reason text default null) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    person review.readers;
    before review.readers;
begin
    if not exists (select from pg_roles where rolname = name_person.login and rolcanlogin) then
        perform review.refuse('SN001', format('there is no database login %s', login),
            'Make it first: CREATE ROLE name LOGIN PASSWORD ''...''.');
    end if;
    if coalesce(trim(full_name), '') = '' or coalesce(trim(qualification), '') = '' then
        perform review.refuse('SN010', 'a person needs a full name and a qualification', 'Both are printed on what the login does.');
    end if;
    select * into before from review.readers as known where known.login = name_person.login order by version desc limit 1;
    if found and (before.active_to is null or before.active_to > now()) then
        perform review.refuse('SN010', format('%s is a reader, and named already: %s', login, before.full_name),
            'To change the name, add the reader again; to keep the name without the reviewing, end the reader first.');
    end if;
    person.login := login;
    person.full_name := trim(full_name);
    person.qualification := trim(qualification);
    person.sites_source := '[]';
    person.always_blind := false;
    person.adjudicates := false;
    person.active_from := now();
    person.active_to := now();
    person.reason := nullif(trim(reason), '');
    perform review.record_reader(person, 'person.named');
end $$;
comment on function review.name_person(text, text, text, text) is
    'Says which person a login belongs to that does not review, as an administrator''s or an auditor''s: events of what it does carry the name';
grant execute on function review.name_person(text, text, text, text) to sentinode_admin;

comment on table review.readers is 'Which person a database login belongs to, and what that person may read: nothing where no site is named. The highest version of a login is in force. Append-only';

create function review.waits_blind(image bytea) returns boolean
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
    return exists (select from review.worklist_items as item where item.image_sha256 = image and item.blind);
end $$;
comment on function review.waits_blind(bytea) is 'Whether a picture waits to be read blind, under whichever job';
grant execute on function review.waits_blind(bytea) to sentinode_worker;

create function review.agreement_since(since timestamptz) returns table (
    between_whom text, first text, second text, n bigint, observed double precision, kappa double precision,
    kappa_low double precision, kappa_high double precision, note text
)
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with original as (
        select said.*, prediction.decision
        from review.masked_labels as said join review.masked_predictions as prediction using (job_id)
        where said.act = 'read' and said.labelled_at >= since and said.reading <> 'voluntary' and not said.is_hidden
            -- What was withdrawn was said of nothing.
            and exists (
                select from review.masked_labels as last
                where last.job_id = said.job_id and last.reader = said.reader and last.label is not null and not last.is_superseded)
    ),
    -- One row a job: how few readings there are is nothing that a planner guesses, and labels joined with labels are many.
    read_twice as (
        select array_agg(reader) filter (where reading = 'first read') as first_readers,
               array_agg(label) filter (where reading = 'first read') as first_labels,
               array_agg(reader) filter (where reading = 'second read') as second_readers,
               array_agg(label) filter (where reading = 'second read') as second_labels
        from original group by job_id having count(*) > 1
    ),
    pairs as (
        select 'readers' as between_whom, least(one.reader, other.reader) as first, greatest(one.reader, other.reader) as second,
               case when one.reader < other.reader then one.label else other.label end as a,
               case when one.reader < other.reader then other.label else one.label end as b
        from read_twice
        cross join lateral unnest(first_readers, first_labels) as one (reader, label)
        cross join lateral unnest(second_readers, second_labels) as other (reader, label)
        union all
        select 'reader and model', reader, 'model', label, decision from original
        where label in ('tumor', 'normal') and decision in ('tumor', 'normal')
    ),
    grouped as (
        select between_whom, first, second, a, b from pairs
        union all
        select between_whom, 'all', case between_whom when 'readers' then 'all' else 'model' end, a, b from pairs
    ),
    cells as (
        select between_whom, first, second, a, b, count(*)::double precision as n,
               sum(count(*)) over whole::double precision as total
        from grouped group by between_whom, first, second, a, b
        window whole as (partition by between_whom, first, second)
    ),
    shares as (
        select *, n / total as p, sum(n) over (partition by between_whom, first, second, a) / total as row_share,
               sum(n) over (partition by between_whom, first, second, b) / total as column_share
        from cells
    ),
    marginals as (
        select between_whom, first, second, category, sum(row_p) as row_p, sum(column_p) as column_p
        from (select between_whom, first, second, a as category, p as row_p, 0::double precision as column_p from shares
              union all select between_whom, first, second, b, 0, p from shares) as sides
        group by between_whom, first, second, category
    ),
    chance as (
        select between_whom, first, second, sum(row_p * column_p) as expected from marginals group by between_whom, first, second
    ),
    kappas as (
        select shares.between_whom, shares.first, shares.second, max(total) as n, max(expected) as expected,
               max(row_share) = 1 or max(column_share) = 1 as is_one_sided,
               coalesce(sum(p) filter (where a = b), 0) as observed,
               (coalesce(sum(p) filter (where a = b), 0) - max(expected)) / nullif(1 - max(expected), 0) as kappa
        from shares join chance using (between_whom, first, second)
        group by shares.between_whom, shares.first, shares.second
    ),
    variances as (
        select kappas.*,
               (coalesce(sum(shares.p * (1 - (own.row_p + own.column_p) * (1 - kappa)) ^ 2) filter (where shares.a = shares.b), 0)
                + (1 - kappa) ^ 2 * coalesce(sum(shares.p * (own.column_p + other.row_p) ^ 2) filter (where shares.a <> shares.b), 0)
                - (kappa - expected * (1 - kappa)) ^ 2) / (kappas.n * nullif((1 - expected) ^ 2, 0)) as variance
        from kappas
        join shares using (between_whom, first, second)
        join marginals as own on (own.between_whom, own.first, own.second, own.category) = (kappas.between_whom, kappas.first, kappas.second, shares.a)
        join marginals as other on (other.between_whom, other.first, other.second, other.category) = (kappas.between_whom, kappas.first, kappas.second, shares.b)
        group by kappas.between_whom, kappas.first, kappas.second, kappas.n, expected, is_one_sided, observed, kappa
    )
    select between_whom, first, second, n::bigint as n, observed,
           case when n >= 10 then kappa end as kappa,
           case when n >= 10 and kappa is not null and not is_one_sided then greatest(-1, kappa - 1.959963984540054 * sqrt(greatest(variance, 0))) end as kappa_low,
           case when n >= 10 and kappa is not null and not is_one_sided then least(1, kappa + 1.959963984540054 * sqrt(greatest(variance, 0))) end as kappa_high,
           case when n < 10 then 'not enough data' when kappa is null then 'undefined: only one label was given'
                when is_one_sided then 'no interval: one side gave only one label' end as note
    from variances
$$;
comment on function review.agreement_since(timestamptz) is 'What review.agreement shows, of labels given from then on';
grant execute on function review.agreement_since(timestamptz)
    to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;

create or replace view review.agreement with (security_barrier = true) as
select between_whom, first, second, n, observed, kappa, kappa_low, kappa_high, note from review.agreement_since('-infinity');
