-- Patches that were given back belong to a job's history; reports count what was wanted, and answer in time.

set local role sentinode_owner;

create table review.releases (
    release_id uuid primary key,
    job_id uuid not null references sentinode.predictions,
    site text,
    reader text not null,
    released_at timestamptz not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
create index releases_by_job on review.releases (job_id, released_at);
create index releases_by_leaf on review.releases (writer, seal);

comment on table review.releases is 'Who gave what back to the worklist, when. Append-only';
comment on column review.releases.release_id is 'Random';
comment on column review.releases.job_id is 'The job';
comment on column review.releases.site is 'Its laboratory';
comment on column review.releases.reader is 'Login of the reader';
comment on column review.releases.released_at is 'When, by the server''s clock';
comment on column review.releases.writer is 'Where its audit leaf stands: the writer';
comment on column review.releases.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.releases.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.releases.salt is 'Random bytes in the row''s digest';

call audit.protect('review.releases');
create constraint trigger sealed after insert on review.releases deferrable initially deferred
    for each row execute function audit.check_sealed();
alter table review.releases enable row level security, force row level security;
create policy whole_table on review.releases to sentinode_monitor, sentinode_auditor, sentinode_admin using (true);
create policy granted_sites on review.releases to sentinode_owner
    using ((select review.sees_everything()) or site = any ((select review.my_sites())::text[]));
grant select on review.releases to sentinode_monitor, sentinode_auditor, sentinode_admin;

create or replace function review.release(job_ids uuid[] default null) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    act audit.act;
    jobs uuid[];
begin
    with free as (
        select job_id from review.worklist_items
        where leased_by = session_user and (job_ids is null or job_id = any (job_ids)) order by job_id for update
    ), given_back as (
        update review.worklist_items as item set leased_by = null, leased_at = null, leased_until = null
        from free where item.job_id = free.job_id returning item.job_id
    )
    select coalesce(array_agg(job_id order by job_id), '{}') into jobs from given_back;
    if cardinality(jobs) > 0 then
        act := audit.begin_act();
        insert into review.releases (release_id, job_id, site, reader, released_at, writer, seal, leaf, salt)
        select gen_random_uuid(), item.job_id, item.site, session_user, clock_timestamp(), act.writer, act.seal, given.place,
               uuid_send(gen_random_uuid())
        from unnest(jobs) with ordinality as given (job_id, place) join review.worklist_items as item using (job_id);
        perform audit.seal_act(act, 'review.released', null, null, jsonb_build_object('jobs', cardinality(jobs)), 'review.releases');
    end if;
    return cardinality(jobs);
end $$;

create or replace function review.timeline(of_job uuid) returns table (at timestamptz, what text, who text, detail text)
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    prediction record;
    seen boolean;
begin
    select * into prediction from review.predictions where predictions.job_id = of_job;
    seen := found;
    if not seen and (review.is_reader() or not exists (select from sentinode.quarantined_messages where job_id = of_job)) then
        perform review.refuse_unseen(of_job);
    end if;
    return query
        select entry.at, entry.what, entry.who, entry.detail from (
            select 1 as step, prediction.enqueued_at as at, 'sent' as what, prediction.sender as who, 'by the sender''s clock' as detail
            where seen and prediction.enqueued_at is not null
            union all
            select 2, stored.received_at, 'received', null, null from sentinode.predictions as stored where stored.job_id = of_job
            union all
            select 3, prediction.predicted_at, 'predicted', prediction.model_version,
                   case when prediction.is_hidden then 'hidden until your own label is stored and revealed'
                        else format('%s, p_tumor %s, threshold %s%s', prediction.decision, prediction.p_tumor, prediction.threshold,
                                    coalesce(format(', uncertain from %s to %s', prediction.uncertain_low, prediction.uncertain_high), ''))
                   end
            where seen
            union all
            select 4, event.occurred_at, 'stored', event.actor,
                   format('audit leaf %s of seal %s of writer %s', stored.leaf, stored.seal, stored.writer)
            from sentinode.predictions as stored
            join audit.events as event on event.writer = stored.writer and event.seal = stored.seal
            where stored.job_id = of_job
            union all
            select 5, prediction.predicted_at, 'selected for review', null,
                   format('%s, probability %s', prediction.review_reason, prediction.selection_probability)
            where seen and prediction.review_reason is not null
            union all
            select 6, claim.claimed_at, 'claimed', coalesce(review.person_of(claim.reader), claim.reader),
                   format('%s, until %s', claim.stage, claim.leased_until)
            from review.claims as claim
            where claim.job_id = of_job and (claim.reader = session_user or prediction.is_hidden is not true)
            union all
            select 6, given_back.released_at, 'released', coalesce(review.person_of(given_back.reader), given_back.reader), null
            from review.releases as given_back
            where given_back.job_id = of_job and (given_back.reader = session_user or prediction.is_hidden is not true)
            union all
            select 7, said.labelled_at,
                   case said.act when 'read' then 'labelled' when 'adjudication' then 'adjudicated'
                       when 'amendment' then 'amended' else 'withdrawn' end,
                   said.printed_name,
                   concat_ws(', ', said.label, said.reading, case when said.blind then 'blind' end,
                             case when said.after_reveal then 'after the reveal' end, 'confidence ' || said.confidence,
                             case when said.source = 'import' then 'imported by ' || said.recorded_by end, said.reason)
            from review.label_history as said where said.job_id = of_job
            union all
            select 8, revealed.revealed_at, 'revealed', coalesce(review.person_of(revealed.reader), revealed.reader), null
            from review.reveals as revealed where revealed.job_id = of_job and (revealed.reader = session_user or not prediction.is_hidden)
            union all
            select 2, bad.received_at, 'received', null, 'as a message that could not be decided'
            from sentinode.quarantined_messages as bad where bad.job_id = of_job
            union all
            select 9, bad.quarantined_at, 'quarantined', null, format('%s: %s', bad.reason, bad.explanation)
            from sentinode.quarantined_messages as bad where bad.job_id = of_job
            union all
            select 9, again.quarantined_at, 'quarantined again', null, again.reason
            from sentinode.quarantine_repeats as again where again.job_id = of_job
            union all
            select 10, decided.decided_at, decided.decision, coalesce(review.person_of(decided.decided_by), decided.decided_by), decided.reason
            from sentinode.quarantine_decisions as decided where decided.job_id = of_job
            union all
            select 11, erased.erased_at, 'erased', erased.erased_by, format('%s: cleared %s (%s)', erased.relation, erased.columns, event.reason)
            from (
                select job_id, writer, seal, leaf from sentinode.predictions where job_id = of_job
                union all
                select job_id, writer, seal, leaf from sentinode.quarantined_messages where job_id = of_job
            ) as stored
            join audit.erased_rows as erased
                on (erased.row_writer, erased.row_seal, erased.row_leaf) = (stored.writer, stored.seal, stored.leaf)
            join audit.events as event on (event.writer, event.seal) = (erased.writer, erased.seal)
        ) as entry
        where entry.at is null or entry.at < (select review.as_of())
        order by entry.at, entry.step;
end $$;

-- Ordered by the column itself, not by what is shown of it, so that a page reads a page of the index.
create or replace view review.overdue with (security_barrier = true) as
select listed.*, now() - listed.due_at as overdue_by
from review.worklist_items as item join review.masked_worklist as listed using (job_id)
where item.due_at < now() and listed.due_at is not null
order by item.due_at, item.job_id;
comment on view review.overdue is 'What should have been read by now, the longest overdue first';

-- What readers said although nobody asked is in no estimate.
create or replace view review.overrules with (security_barrier = true) as
select coalesce(site, '(none)') as site, month, model_version, labelled, overruled,
       overruled::double precision / nullif(labelled, 0) as share, review.wilson(overruled, labelled, -1) as share_low,
       review.wilson(overruled, labelled, 1) as share_high, false_positives, false_negatives, uncertain_resolved, unassessable, voluntary
from (
    select prediction.site, date_trunc('month', final.last_at at time zone 'UTC')::date as month, prediction.model_version,
           count(*) filter (where counts and final.label <> 'unassessable' and prediction.decision <> 'uncertain') as labelled,
           count(*) filter (where counts and final.label <> 'unassessable' and prediction.decision <> 'uncertain'
                            and final.label <> prediction.decision) as overruled,
           count(*) filter (where counts and final.label = 'normal' and prediction.decision = 'tumor') as false_positives,
           count(*) filter (where counts and final.label = 'tumor' and prediction.decision = 'normal') as false_negatives,
           count(*) filter (where counts and final.label <> 'unassessable' and prediction.decision = 'uncertain') as uncertain_resolved,
           count(*) filter (where counts and final.label = 'unassessable') as unassessable,
           count(*) filter (where not counts) as voluntary
    from review.masked_final_labels as final
    join review.masked_predictions as prediction using (job_id)
    cross join lateral (select final.how <> 'voluntary' as counts) as asked
    where final.label is not null
    group by 1, 2, 3
) as counted;
comment on column review.overrules.voluntary is 'Patches labelled although nobody asked: in none of the other figures';

create or replace view review.agreement with (security_barrier = true) as
with original as (
    select said.*, prediction.decision
    from review.masked_labels as said join review.masked_predictions as prediction using (job_id)
    where said.act = 'read' and said.reading <> 'voluntary' and not said.is_hidden
        -- What was withdrawn was said of nothing.
        and exists (
            select from review.masked_labels as last
            where last.job_id = said.job_id and last.reader = said.reader and last.label is not null and not last.is_superseded)
),
pairs as (
    select 'readers' as between_whom, least(one.reader, other.reader) as first, greatest(one.reader, other.reader) as second,
           case when one.reader < other.reader then one.label else other.label end as a,
           case when one.reader < other.reader then other.label else one.label end as b
    from original as one join original as other on other.job_id = one.job_id and other.reading = 'second read'
    where one.reading = 'first read'
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
from variances;
comment on view review.agreement is 'Cohen''s kappa between first and second readers, and between readers and the model (uncertain and unassessable left out), on labels as first given, voluntary and withdrawn ones left out, with 95 % intervals; below 10 patches: not enough data';

-- The first call is the label as it stood when the model's answer was shown: what was changed before is no bias.
create or replace view review.automation_bias with (security_barrier = true) as
with reading as (
    select first.job_id, first.reader, first.label as first_label, last.label as last_label, answer.decision, truth.label as truth
    from review.masked_labels as first
    join review.reveals as revealed on revealed.label_id = first.label_id
    join review.masked_labels as last on last.job_id = first.job_id and last.reader = first.reader
        and last.label is not null and not last.is_superseded
    join review.masked_predictions as answer on answer.job_id = first.job_id
    -- What others found: the adjudicator, else the other readers where they agree.
    left join lateral (
        select coalesce(min(other.label) filter (where other.reading = 'adjudication'),
                        case when count(distinct other.label) = 1 then min(other.label) end) as label
        from review.masked_labels as other
        where other.label is not null and not other.is_superseded and other.job_id = first.job_id and other.reader <> first.reader
    ) as truth on true
    where first.blind and not first.is_hidden
        and revealed.revealed_at < (select review.as_of())
),
counted as (
    select case when grouping(reader) = 1 then 'all' else reader end as reader,
           count(*) as revealed,
           count(*) filter (where first_label <> last_label) as changed,
           count(*) filter (where truth in ('tumor', 'normal') and decision in ('tumor', 'normal')) as judged,
           count(*) filter (where first_label = truth and decision <> truth and decision in ('tumor', 'normal')) as right_against_wrong_model,
           count(*) filter (where first_label = truth and decision <> truth and last_label = decision) as overturned_to_wrong_model,
           count(*) filter (where first_label <> truth and decision = truth) as wrong_against_right_model,
           count(*) filter (where first_label <> truth and decision = truth and last_label = truth) as corrected_by_model
    from reading group by grouping sets ((reader), ())
)
select reader, revealed, changed, judged, right_against_wrong_model, overturned_to_wrong_model,
       overturned_to_wrong_model::double precision / nullif(right_against_wrong_model, 0) as overturned_share,
       review.wilson(overturned_to_wrong_model, right_against_wrong_model, -1) as overturned_low,
       review.wilson(overturned_to_wrong_model, right_against_wrong_model, 1) as overturned_high,
       wrong_against_right_model, corrected_by_model,
       corrected_by_model::double precision / nullif(wrong_against_right_model, 0) as corrected_share,
       review.wilson(corrected_by_model, wrong_against_right_model, -1) as corrected_low,
       review.wilson(corrected_by_model, wrong_against_right_model, 1) as corrected_high,
       case when judged = 0 then 'not enough data: no other reader''s label tells who was right' end as note
from counted where revealed > 0;

-- Compiling a question of many small parts takes seconds here, and answering it a fraction of one.
reset role;
do $$
begin
    execute format('alter database %I set jit = off', current_database());
exception when insufficient_privilege then
    raise notice 'reports answer faster without just-in-time compilation: the owner of this database can run ALTER DATABASE % SET jit = off', current_database();
end $$;
