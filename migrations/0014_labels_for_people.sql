-- What was said, what follows from it, and how far readers and model agree. Every view shows labels as of review.as_of().

set local role sentinode_owner;

-- A reader sees others' labels of a job once there is nothing left that they could sway: neither a blind reading of the
-- reader's own, nor a second reading that the reader might give.
create view review.masked_labels as
select said.label_id, said.job_id, said.act, said.label, said.confidence, said.comment, said.reason, said.meaning, said.reader,
       said.printed_name, said.qualification, said.reading, said.blind, said.after_reveal, said.source, said.supersedes,
       said.labelled_at, said.recorded_by, said.site, said.slide_id, said.reads_wanted, seen.is_hidden,
       exists (select from review.labels as later
               where later.supersedes = said.label_id and later.labelled_at < (select review.as_of())) as is_superseded
from review.labels as said
cross join lateral (
    select (said.is_blind_job or (select review.is_always_blind())) and (select review.is_reader())
        and not exists (select from review.reveals where reveals.job_id = said.job_id and reveals.reader = session_user) as is_hidden
) as seen
where said.labelled_at < (select review.as_of())
    and (said.reader = session_user
        or not (select review.is_reader())
        or (not seen.is_hidden and not exists (
            select from review.worklist_items as item
            where item.job_id = said.job_id and item.reads_wanted = 2 and item.stage in ('first read', 'second read')
                and not exists (
                    select from review.labels as mine
                    where mine.job_id = said.job_id and mine.reader = session_user and mine.supersedes is null))));
comment on view review.masked_labels is 'What review.label_history shows, for the product''s own views';

create view review.label_history with (security_barrier = true) as select * from review.masked_labels;

comment on view review.label_history is 'Every label, also those superseded, with who said it when and why';
comment on column review.label_history.is_hidden is 'Whether the model''s answer on the job is hidden from the login';
comment on column review.label_history.is_superseded is 'Whether another label stands in its place';

create view review.current_labels with (security_barrier = true) as
select * from review.masked_labels where label is not null and not is_superseded;

comment on view review.current_labels is 'Labels that stand: neither superseded nor withdrawn';

create view review.my_labels with (security_barrier = true) as
select label_id, job_id, slide_id, label, act, confidence, comment, reason, reading, labelled_at, is_hidden
from review.masked_labels where reader = session_user and not is_superseded;

comment on view review.my_labels is 'The login''s own labels as they stand, withdrawn ones too: what review.amend and review.withdraw take';

create view review.masked_final_labels as
select tally.job_id, tally.slide_id,
       case tally.how when 'adjudicated' then tally.adjudicated
           when 'single read' then tally.read_answer when 'agreed' then tally.read_answer
           when 'voluntary' then tally.voluntary_answer end as label,
       tally.how, tally.readings, tally.voluntary, tally.first_at, tally.last_at
from (
    select job_id, slide_id, readings, voluntary, read_answer, voluntary_answer, adjudicated, first_at, last_at,
           case when adjudicated is not null then 'adjudicated'
                when readings >= wanted and distinct_answers = 1 then case readings when 1 then 'single read' else 'agreed' end
                when readings >= wanted then 'awaiting adjudication'
                when readings > 0 then 'awaiting second read'
                when voluntary_answers = 1 then 'voluntary'
                else 'voluntary readers disagree' end as how
    from (
        select job_id, slide_id, min(reads_wanted) as wanted,
               count(*) filter (where reading in ('first read', 'second read')) as readings,
               count(*) filter (where reading = 'voluntary') as voluntary,
               count(distinct label) filter (where reading in ('first read', 'second read')) as distinct_answers,
               count(distinct label) filter (where reading = 'voluntary') as voluntary_answers,
               min(label) filter (where reading in ('first read', 'second read')) as read_answer,
               min(label) filter (where reading = 'voluntary') as voluntary_answer,
               (array_agg(label order by labelled_at desc, label) filter (where reading = 'adjudication'))[1] as adjudicated,
               min(labelled_at) as first_at, max(labelled_at) as last_at
        from review.masked_labels
        where label is not null and not is_superseded and not is_hidden
        group by job_id, slide_id
    ) as counted
) as tally;
comment on view review.masked_final_labels is 'What review.final_labels shows, for the product''s own views';

create view review.final_labels with (security_barrier = true) as select * from review.masked_final_labels;

comment on view review.final_labels is 'The one answer of people on a job, and how it was reached';
comment on column review.final_labels.job_id is 'The job';
comment on column review.final_labels.slide_id is 'Its slide';
comment on column review.final_labels.label is 'tumor, normal or unassessable; NULL while readers disagree or a reading is missing';
comment on column review.final_labels.how is 'single read, agreed, adjudicated; awaiting second read, awaiting adjudication; voluntary: given outside the draw, in no estimate; voluntary readers disagree';
comment on column review.final_labels.readings is 'Readings that the policy wanted and got';
comment on column review.final_labels.voluntary is 'Labels given outside the draw';
comment on column review.final_labels.first_at is 'When the first of the labels that count was given';
comment on column review.final_labels.last_at is 'When the last was';

-- Wilson score interval, 95 %: Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212.
create function review.wilson(successes bigint, trials bigint, side integer) returns double precision
    language sql immutable set search_path = pg_catalog, pg_temp as $$
    select case when trials > 0 then
        greatest(0, least(1,
            (successes + z * z / 2 + side * z * sqrt(successes::double precision * (trials - successes) / trials + z * z / 4))
            / (trials + z * z)))
    end
    from (select 1.959963984540054::double precision as z) as normal
$$;
comment on function review.wilson(bigint, bigint, integer) is 'Lower (side -1) or upper (side 1) end of the 95 % Wilson interval of a share';

create view review.disagreements with (security_barrier = true) as
select prediction.job_id, prediction.slide_id, prediction.x, prediction.y, prediction.site, prediction.predicted_at,
       said.kind, prediction.decision, prediction.p_tumor, prediction.model_version,
       said.labels, final.label as final_label, final.how
from (
    select label.job_id, string_agg(label.printed_name || ': ' || label.label, '; ' order by label.labelled_at) as labels,
           case when count(distinct label.label) > 1 then 'readers disagree' else 'model overruled' end as kind
    from review.masked_labels as label
    join review.masked_predictions as answer using (job_id)
    where label.label is not null and not label.is_superseded and not label.is_hidden
    group by label.job_id
    having count(distinct label.label) > 1
        or bool_or(label.label in ('tumor', 'normal') and answer.decision in ('tumor', 'normal') and label.label <> answer.decision)
) as said
join review.masked_predictions as prediction using (job_id)
left join review.masked_final_labels as final using (job_id);

comment on view review.disagreements is 'Where a reader contradicts the model, or readers one another';

create view review.overrules with (security_barrier = true) as
select coalesce(site, '(none)') as site, month, model_version, labelled, overruled,
       overruled::double precision / nullif(labelled, 0) as share, review.wilson(overruled, labelled, -1) as share_low,
       review.wilson(overruled, labelled, 1) as share_high, false_positives, false_negatives, uncertain_resolved, unassessable
from (
    select prediction.site, date_trunc('month', final.last_at at time zone 'UTC')::date as month, prediction.model_version,
           count(*) filter (where final.label <> 'unassessable' and prediction.decision <> 'uncertain') as labelled,
           count(*) filter (where final.label <> 'unassessable' and prediction.decision <> 'uncertain'
                            and final.label <> prediction.decision) as overruled,
           count(*) filter (where final.label = 'normal' and prediction.decision = 'tumor') as false_positives,
           count(*) filter (where final.label = 'tumor' and prediction.decision = 'normal') as false_negatives,
           count(*) filter (where final.label <> 'unassessable' and prediction.decision = 'uncertain') as uncertain_resolved,
           count(*) filter (where final.label = 'unassessable') as unassessable
    from review.masked_final_labels as final
    join review.masked_predictions as prediction using (job_id)
    where final.label is not null
    group by 1, 2, 3
) as counted;

comment on view review.overrules is 'How often people overruled the model, by site, month (UTC) and version, with 95 % Wilson intervals. Patches of a slide resemble each other, so the intervals are too narrow; and what was selected for review is no random sample';

create view review.overdue with (security_barrier = true) as
select *, now() - due_at as overdue_by from review.masked_worklist where due_at < now() order by due_at, job_id;
comment on view review.overdue is 'What should have been read by now';
comment on column review.overdue.overdue_by is 'How long ago';

-- Cohen, Educ. Psychol. Meas. 20 (1960) 37-46; its large-sample variance: Fleiss, Cohen & Everitt, Psychol. Bull. 72 (1969) 323-327.
create view review.agreement with (security_barrier = true) as
with original as (
    select said.*, prediction.decision
    from review.masked_labels as said join review.masked_predictions as prediction using (job_id)
    where said.act = 'read' and not said.is_hidden
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
    group by kappas.between_whom, kappas.first, kappas.second, kappas.n, expected, observed, kappa
)
select between_whom, first, second, n::bigint as n, observed,
       case when n >= 10 then kappa end as kappa,
       case when n >= 10 and kappa is not null then greatest(-1, kappa - 1.959963984540054 * sqrt(greatest(variance, 0))) end as kappa_low,
       case when n >= 10 and kappa is not null then least(1, kappa + 1.959963984540054 * sqrt(greatest(variance, 0))) end as kappa_high,
       case when n < 10 then 'not enough data' when kappa is null then 'undefined: only one label was given' end as note
from variances;

comment on view review.agreement is 'Cohen''s kappa between first and second readers, and between readers and the model (uncertain and unassessable left out), on labels as first given, with 95 % intervals; below 10 patches: not enough data';

create view review.automation_bias with (security_barrier = true) as
with reading as (
    select first.job_id, first.reader, first.label as first_label, last.label as last_label, answer.decision, truth.label as truth
    from review.masked_labels as first
    join review.reveals as revealed on revealed.job_id = first.job_id and revealed.reader = first.reader
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
    where first.act in ('read', 'adjudication') and first.blind and not first.is_hidden
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

comment on view review.automation_bias is 'Of blind readings after which the model''s answer was revealed: how often a right first call was changed to the wrong model''s, and the reverse, with 95 % Wilson intervals. Right is what the adjudicator, else the other readers found';

create function review.slide(slide text)
    returns table (job_id uuid, x bigint, y bigint, decision text, p_tumor real, review_reason text, final_label text, how text,
                   is_hidden boolean, model_version text, predicted_at timestamptz)
    language sql stable as $$
    select prediction.job_id, prediction.x, prediction.y, prediction.decision, prediction.p_tumor, prediction.review_reason,
           final.label, final.how, prediction.is_hidden, prediction.model_version, prediction.predicted_at
    from review.predictions as prediction
    left join review.final_labels as final on final.job_id = prediction.job_id and final.slide_id = slide
    where prediction.slide_id = slide
    order by prediction.y, prediction.x, prediction.predicted_at, prediction.job_id
$$;
comment on function review.slide(text) is 'The predictions of a slide in reading order: rows from top to bottom, each from left to right';

create function review.timeline(of_job uuid) returns table (at timestamptz, what text, who text, detail text)
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
            select 9, bad.quarantined_at, 'quarantined', null, format('%s: %s', bad.reason, bad.explanation)
            from sentinode.quarantined_messages as bad where bad.job_id = of_job
            union all
            select 9, again.quarantined_at, 'quarantined again', null, again.reason
            from sentinode.quarantine_repeats as again where again.job_id = of_job
            union all
            select 10, decided.decided_at, decided.decision, coalesce(review.person_of(decided.decided_by), decided.decided_by), decided.reason
            from sentinode.quarantine_decisions as decided where decided.job_id = of_job
            union all
            select 11, erased.erased_at, 'erased', erased.erased_by, 'cleared: ' || erased.columns
            from audit.erased_rows as erased
            join sentinode.predictions as stored
                on (stored.writer, stored.seal, stored.leaf) = (erased.row_writer, erased.row_seal, erased.row_leaf)
            where stored.job_id = of_job
        ) as entry
        order by entry.at, entry.step;
end $$;
comment on function review.timeline(uuid) is 'The whole history of one job in order';

-- A QuPath FeatureCollection. A patch read at a pyramid level above 0 covers more than 96 full-resolution pixels.
create function review.export_geojson(slide text, patch_side integer default null) returns text
    language sql stable as $$
    select pg_catalog.json_build_object('type', 'FeatureCollection', 'features', coalesce(pg_catalog.json_agg(feature), '[]'))::text
    from (
        select pg_catalog.json_build_object(
            'type', 'Feature', 'id', tile.job_id,
            'geometry', pg_catalog.json_build_object('type', 'Polygon', 'coordinates',
                pg_catalog.json_build_array(pg_catalog.json_build_array(
                    pg_catalog.json_build_array(x, y), pg_catalog.json_build_array(x + side, y),
                    pg_catalog.json_build_array(x + side, y + side), pg_catalog.json_build_array(x, y + side),
                    pg_catalog.json_build_array(x, y)))),
            'properties', pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
                'objectType', 'tile',
                'classification', case decision
                    when 'tumor' then '{"name": "Tumor", "color": [200, 0, 0]}'::json
                    when 'normal' then '{"name": "Normal", "color": [0, 150, 80]}'::json
                    when 'uncertain' then '{"name": "Uncertain", "color": [230, 160, 0]}'::json end,
                'measurements', case when p_tumor is null then '{}'::json else pg_catalog.json_build_object('p_tumor', p_tumor) end,
                'metadata', pg_catalog.json_build_object(
                    'model_version', model_version, 'final_label', final_label, 'how', how, 'notice', notice)))) as feature
        from (
            select prediction.*, coalesce(patch_side, 96::bigint << least(coalesce(prediction.level, 0), 32)) as side, final.label as final_label, final.how
            from review.predictions as prediction
            left join review.final_labels as final on final.job_id = prediction.job_id and final.slide_id = slide
            where prediction.slide_id = slide and prediction.x is not null and prediction.y is not null
            order by prediction.y, prediction.x, prediction.job_id
        ) as tile
    ) as features
$$;
comment on function review.export_geojson(text, integer) is
    'The patches of a slide as a GeoJSON FeatureCollection for QuPath: tiles with stable ids, class, colour, and the probability as a measurement, in full-resolution pixels. patch_side: side of a patch in full-resolution pixels; 96 times 2 to the power of its level where not given';

create function review.export_csv(slide text default null, site text default null, since timestamptz default null)
    returns table (job_id uuid, slide_id text, x bigint, y bigint, level smallint, mpp double precision, site text, scanner text, stain text,
                   case_pseudonym text, decision text, p_tumor real, threshold real, model_version text, predicted_at timestamptz,
                   review_reason text, selection_probability double precision, final_label text, how text, labelled_at timestamptz,
                   notice text)
    language sql stable as $$
    select prediction.job_id, prediction.slide_id, prediction.x, prediction.y, prediction.level, prediction.mpp, prediction.site,
           prediction.scanner, prediction.stain, prediction.case_pseudonym, prediction.decision, prediction.p_tumor,
           prediction.threshold, prediction.model_version, prediction.predicted_at, prediction.review_reason,
           prediction.selection_probability, final.label, final.how, final.last_at, prediction.notice
    from review.predictions as prediction
    left join review.final_labels as final
        on final.job_id = prediction.job_id and (export_csv.slide is null or final.slide_id = export_csv.slide)
    where (export_csv.slide is null or prediction.slide_id = export_csv.slide)
        and (export_csv.site is null or prediction.site = export_csv.site)
        and (export_csv.since is null or prediction.predicted_at >= export_csv.since)
    order by prediction.slide_id, prediction.y, prediction.x, prediction.predicted_at, prediction.job_id
$$;
comment on function review.export_csv(text, text, timestamptz) is 'Predictions with the answer of people, for psql''s \\copy or `sentinode export`; of one slide, of one site, or decided since a time';

-- What a view hands on means what it meant before.
do $$
declare
    target regclass;
    source regclass;
    handed_on name;
    meaning text;
begin
    for target, source in values
        ('review.label_history'::regclass, 'review.labels'::regclass),
        ('review.label_history', 'review.predictions'),
        ('review.current_labels', 'review.label_history'),
        ('review.my_labels', 'review.label_history'),
        ('review.disagreements', 'review.predictions'),
        ('review.overdue', 'review.worklist')
    loop
        for handed_on, meaning in
            select here.attname, col_description(source, there.attnum)
            from pg_attribute as here
            join pg_attribute as there on there.attrelid = source and there.attname = here.attname
            where here.attrelid = target and here.attnum > 0 and there.attnum > 0 and col_description(target, here.attnum) is null
        loop
            execute format('comment on column %s.%I is %L', target, handed_on, meaning);
        end loop;
    end loop;
end $$;

comment on column review.disagreements.kind is 'readers disagree, or model overruled';
comment on column review.disagreements.labels is 'Who said what, in order of time';
comment on column review.disagreements.final_label is 'The one answer of people; NULL while there is none';
comment on column review.disagreements.how is 'How it was reached, as in review.final_labels';
comment on column review.overrules.site is 'Laboratory; (none) for patches without one';
comment on column review.overrules.month is 'Month of the last label (UTC), its first day';
comment on column review.overrules.model_version is 'The version that decided';
comment on column review.overrules.labelled is 'Patches that the model called tumor or normal, and people did';
comment on column review.overrules.overruled is 'Of these, how many people called otherwise';
comment on column review.overrules.share is 'overruled / labelled';
comment on column review.overrules.share_low is 'Lower end of its 95 % Wilson interval';
comment on column review.overrules.share_high is 'Upper end';
comment on column review.overrules.false_positives is 'The model said tumor, people normal';
comment on column review.overrules.false_negatives is 'The model said normal, people tumor';
comment on column review.overrules.uncertain_resolved is 'The model was uncertain, people said tumor or normal';
comment on column review.overrules.unassessable is 'People could not say';
comment on column review.agreement.between_whom is 'readers, or reader and model';
comment on column review.agreement.first is 'Login of a reader; all for everybody together';
comment on column review.agreement.second is 'Login of the other reader, all, or model';
comment on column review.agreement.n is 'Patches that both spoke on';
comment on column review.agreement.observed is 'Share on which they said the same';
comment on column review.agreement.kappa is 'Cohen''s kappa: agreement beyond chance; NULL where the note says why';
comment on column review.agreement.kappa_low is 'Lower end of its 95 % interval';
comment on column review.agreement.kappa_high is 'Upper end';
comment on column review.agreement.note is 'Why there is no kappa';
comment on column review.automation_bias.reader is 'Login of the reader; all for everybody together';
comment on column review.automation_bias.revealed is 'Blind readings after which the reader saw the model''s answer';
comment on column review.automation_bias.changed is 'Of these, how many the reader then changed';
comment on column review.automation_bias.judged is 'Of these, on how many others'' labels tell who was right';
comment on column review.automation_bias.right_against_wrong_model is 'The reader was right at first, and the model wrong';
comment on column review.automation_bias.overturned_to_wrong_model is 'Of these, changed to the model''s answer';
comment on column review.automation_bias.overturned_share is 'overturned_to_wrong_model / right_against_wrong_model';
comment on column review.automation_bias.overturned_low is 'Lower end of its 95 % Wilson interval';
comment on column review.automation_bias.overturned_high is 'Upper end';
comment on column review.automation_bias.wrong_against_right_model is 'The reader was wrong at first, and the model right';
comment on column review.automation_bias.corrected_by_model is 'Of these, changed to the right answer';
comment on column review.automation_bias.corrected_share is 'corrected_by_model / wrong_against_right_model';
comment on column review.automation_bias.corrected_low is 'Lower end of its 95 % Wilson interval';
comment on column review.automation_bias.corrected_high is 'Upper end';
comment on column review.automation_bias.note is 'Why the shares are missing';

grant select on review.label_history, review.current_labels, review.final_labels, review.disagreements, review.overrules,
    review.overdue, review.agreement, review.automation_bias
    to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
grant select on review.my_labels to sentinode_reviewer;
grant execute on function review.wilson(bigint, bigint, integer), review.slide(text), review.timeline(uuid),
    review.export_geojson(text, integer), review.export_csv(text, text, timestamptz)
    to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
