-- What readers read and call. The views run with the owner's rights, because nobody may read the tables past the mask: they
-- show the rows of the sites granted to the login, and of those nothing that a blind reading must not know.

set local role sentinode_owner;

create function review.set_as_of(at timestamptz) returns timestamptz
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    settled timestamptz := review.settled_at();
begin
    if at is null then
        perform set_config('sentinode.as_of', '', false);
        return null;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        perform review.refuse('SN015', 'a time is settled before the transaction whose figures it is for',
            'Call review.set_as_of before BEGIN.');
    end if;
    if at > settled then
        perform review.refuse('SN015', format('labels from before %s may still appear', at),
            format('Choose a time up to %s: SELECT review.set_as_of(review.settled_at()).', settled));
    end if;
    perform set_config('sentinode.as_of', to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00', false);
    return at;
end $$;
comment on function review.set_as_of(timestamptz) is 'From now on every view of this session shows labels as they were known then; NULL: as they are now';

create function review.as_of() returns timestamptz
    language sql stable as $$
    select coalesce(nullif(pg_catalog.current_setting('sentinode.as_of', true), '')::timestamptz, 'infinity')
$$;
comment on function review.as_of() is 'The time as of which this session sees labels';

-- The masked views join one another without a barrier between them, so that a question about one job, slide or page
-- reads only that. Nobody is granted them; what people are granted are the views with a barrier, made from them.
drop view review.predictions;
create view review.masked_predictions as
select prediction.job_id, slide_id, x, y, site, scanner, stain, case_pseudonym,
       case when not seen.is_hidden then decision end as decision,
       case when not seen.is_hidden then p_tumor end as p_tumor,
       threshold, uncertain_low, uncertain_high,
       case when not seen.is_hidden then review_reason end as review_reason,
       model_version, engine, enqueued_at, predicted_at, message_id, sender, attributes,
       encode(image_sha256, 'hex') as image_sha256,
       'pre-screening by research software, not a diagnosis' as notice,
       seen.is_hidden,
       case when not seen.is_hidden then selection_probability end as selection_probability,
       case when not seen.is_hidden then positive_selected end as positive_selected,
       case when not seen.is_hidden then audit_selected end as audit_selected,
       review_policy, level, mpp
from sentinode.predictions as prediction
cross join lateral (
    select (coalesce(prediction.blind, false) or (select review.is_always_blind())) and (select review.is_reader())
        and not exists (select from review.reveals where reveals.job_id = prediction.job_id and reveals.reader = session_user)
        as is_hidden
) as seen;
comment on view review.masked_predictions is 'What review.predictions shows, for the product''s own views';

create view review.predictions with (security_barrier = true) as select * from review.masked_predictions;

comment on view review.predictions is 'Every prediction at the sites granted to the login, readable without joining. A score to pre-screen with, never a diagnosis';
comment on column review.predictions.job_id is 'The job';
comment on column review.predictions.slide_id is 'Slide the patch was cut from';
comment on column review.predictions.x is 'Left edge on the slide, full-resolution pixels';
comment on column review.predictions.y is 'Top edge on the slide, full-resolution pixels';
comment on column review.predictions.site is 'Laboratory';
comment on column review.predictions.scanner is 'Slide scanner';
comment on column review.predictions.stain is 'Stain';
comment on column review.predictions.case_pseudonym is 'The case, by pseudonym';
comment on column review.predictions.decision is 'tumor, normal, or uncertain: then a person must look. NULL while hidden';
comment on column review.predictions.p_tumor is 'Probability of tumour in the central 32x32 pixels. NULL while hidden';
comment on column review.predictions.threshold is 'tumor from here on';
comment on column review.predictions.uncertain_low is 'uncertain from here on ...';
comment on column review.predictions.uncertain_high is '... and below this';
comment on column review.predictions.review_reason is 'Why a person should look; NULL when not selected, or while hidden';
comment on column review.predictions.model_version is 'The version that decided';
comment on column review.predictions.engine is 'Arithmetic and kernel';
comment on column review.predictions.enqueued_at is 'When it was sent, by the sender''s clock';
comment on column review.predictions.predicted_at is 'When the network answered';
comment on column review.predictions.message_id is 'The sender''s own name for the job';
comment on column review.predictions.sender is 'Who sent it';
comment on column review.predictions.attributes is 'Other headers of the message';
comment on column review.predictions.image_sha256 is 'SHA-256 of the PNG, hexadecimal';
comment on column review.predictions.notice is 'What this is not';
comment on column review.predictions.is_hidden is 'Whether the model''s answer is hidden from the login until it has labelled the patch and called review.reveal';
comment on column review.predictions.selection_probability is 'Probability that it was selected for review. NULL while hidden';
comment on column review.predictions.positive_selected is 'Whether it was selected as a positive. NULL while hidden';
comment on column review.predictions.audit_selected is 'Whether it was drawn for the audit sample. NULL while hidden';
comment on column review.predictions.review_policy is 'Review policy in force when it was decided';
comment on column review.predictions.level is 'Pyramid level the patch was read from';
comment on column review.predictions.mpp is 'Micrometres a pixel';

create view review.masked_worklist as
select item.job_id, item.stage,
       case when not seen.is_hidden then prediction.review_reason end as reason,
       now() - item.added_at as age,
       prediction.slide_id, prediction.x, prediction.y, prediction.site, prediction.case_pseudonym,
       case when not seen.is_hidden then prediction.p_tumor end as p_tumor,
       case when not seen.is_hidden then prediction.decision end as decision,
       seen.is_hidden,
       case when not seen.is_hidden then item.priority end as priority,
       case when not seen.is_hidden or not (select review.is_always_blind()) then item.due_at end as due_at,
       coalesce(item.leased_by = session_user and item.leased_until > now(), false) as is_mine,
       coalesce(item.leased_until > now(), false) as is_claimed,
       case when item.leased_until > now() then item.leased_until end as leased_until,
       exists (select from sentinode.patch_images as image where image.image_sha256 = prediction.image_sha256) as has_image
from review.worklist_items as item
join sentinode.predictions as prediction using (job_id)
cross join lateral (
    select (item.blind or (select review.is_always_blind())) and (select review.is_reader())
        and not exists (select from review.reveals where reveals.job_id = item.job_id and reveals.reader = session_user) as is_hidden
) as seen
-- What becomes of a patch after one's own blind reading tells what the other reader said: wait for the reveal.
where not (seen.is_hidden and exists (
    select from review.labels as mine
    where mine.job_id = item.job_id and mine.reader = session_user and mine.supersedes is null));
comment on view review.masked_worklist is 'What review.worklist shows, for the product''s own views';

-- In an order that knows no rule: that of the rows in the table, or of an index, would tell what they were selected for.
create view review.worklist with (security_barrier = true) as select * from review.masked_worklist order by job_id;

comment on view review.worklist is 'What waits for a reader, at the sites granted to the login. Take from it with review.claim; review.upcoming shows what would be served next';
comment on column review.worklist.job_id is 'The job';
comment on column review.worklist.stage is 'What it waits for: first read, second read, adjudication';
comment on column review.worklist.reason is 'Why it was selected. NULL while hidden';
comment on column review.worklist.age is 'How long it waits';
comment on column review.worklist.slide_id is 'Slide';
comment on column review.worklist.x is 'Left edge on the slide, full-resolution pixels';
comment on column review.worklist.y is 'Top edge on the slide, full-resolution pixels';
comment on column review.worklist.site is 'Laboratory';
comment on column review.worklist.case_pseudonym is 'The case, by pseudonym';
comment on column review.worklist.p_tumor is 'Score. NULL while hidden';
comment on column review.worklist.decision is 'The model''s decision. NULL while hidden';
comment on column review.worklist.is_hidden is 'Whether it is read blind';
comment on column review.worklist.priority is 'Clinical priority, 1 first. NULL while hidden';
comment on column review.worklist.due_at is 'Overdue from then on';
comment on column review.worklist.is_mine is 'Whether the login has claimed it';
comment on column review.worklist.is_claimed is 'Whether anybody has';
comment on column review.worklist.leased_until is 'Until when it is claimed';
comment on column review.worklist.has_image is 'Whether review.image(job_id) can show it';

-- Clinical reasons by priority, the audit sample in hash order behind them; who is always blind gets one hash order of all,
-- because the rank would tell the reason.
create function review.next_items(reader review.readers, how_many integer, in_stream text, at_site text, on_slide text, lease interval)
    returns setof uuid
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    wanted integer := how_many;
    chosen uuid[];
    serving text;
begin
    foreach serving in array case when reader.always_blind then array['any'] else array['clinical', 'audit'] end loop
        continue when in_stream is not null and serving <> 'any' and serving <> in_stream;
        exit when wanted <= 0;
        -- A condition written into the text, not a parameter, so that the planner may walk the index in order.
        execute format($query$
            select coalesce(array_agg(job_id), '{}') from (
                select item.job_id
                from review.worklist_items as item
                where (item.leased_until is null or item.leased_until <= now() or (%L and item.leased_by = session_user))
                    and (%s)
                    and ($2 is null or item.site = $2) and ($3 is null or item.slide_id = $3)
                    and (item.stage <> 'adjudication' or $4)
                    and not exists (select from review.labels as mine where mine.job_id = item.job_id and mine.reader = session_user)
                order by %s limit $1 %s
            ) as next
            $query$,
            lease is null,
            case serving when 'any' then 'true' else format('item.stream = %L', serving) end,
            case serving when 'clinical' then 'item.priority, item.reading_order' else 'item.reading_order' end,
            case when lease is null then '' else 'for update of item skip locked' end)
        into chosen using wanted, at_site, on_slide, reader.adjudicates;
        if lease is not null then
            update review.worklist_items
            set leased_by = session_user, leased_at = now(), leased_until = clock_timestamp() + lease
            where job_id = any (chosen);
        end if;
        wanted := wanted - cardinality(chosen);
        return query select * from unnest(chosen);
    end loop;
end $$;
comment on function review.next_items(review.readers, integer, text, text, text, interval) is 'What a reader would be served next; with a lease it is taken';
create index worklist_items_audit_order on review.worklist_items (reading_order) where stream = 'audit';
create index worklist_items_clinical_order on review.worklist_items (priority, reading_order) where stream = 'clinical';
drop index review.worklist_items_in_order;

create function review.check_claim(how_many integer, stream text) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if how_many is null or how_many not between 1 and 1000 then
        perform review.refuse('SN010', format('from 1 to 1,000 patches can be claimed at once, not %s', coalesce(how_many::text, 'NULL')),
            'Such as SELECT * FROM review.claim(10).');
    elsif stream is not null and stream not in ('clinical', 'audit') then
        perform review.refuse('SN010', 'there is no such stream', 'It is clinical or audit; without one both are served.');
    end if;
end $$;
comment on function review.check_claim(integer, text) is 'Refuses what nobody can claim';

create function review.upcoming(how_many integer default 20, stream text default null, site text default null, slide_id text default null)
    returns setof review.worklist
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    jobs uuid[];
begin
    perform review.check_claim(how_many, stream);
    select array_agg(job) into jobs
    from review.next_items(review.me(), how_many, stream, upcoming.site, upcoming.slide_id, null) as job;
    return query
        select listed.* from review.masked_worklist as listed where listed.job_id = any (jobs)
        order by array_position(jobs, listed.job_id);
end $$;
comment on function review.upcoming(integer, text, text, text) is 'What review.claim would serve the login next, in that order; nothing is taken';

create function review.claim(how_many integer default 10, stream text default null, site text default null, slide_id text default null)
    returns setof review.worklist
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    act audit.act;
    lease interval;
    jobs uuid[];
begin
    perform review.check_claim(how_many, stream);
    select make_interval(mins => lease_minutes) into lease
    from review.policies where valid_from <= now() order by generation desc limit 1;
    select coalesce(array_agg(job), '{}') into jobs
    from review.next_items(reader, how_many, stream, claim.site, claim.slide_id, coalesce(lease, interval '30 minutes')) as job;
    if cardinality(jobs) = 0 then return; end if;
    act := audit.begin_act();
    insert into review.claims (claim_id, job_id, site, reader, stage, claimed_at, leased_until, writer, seal, leaf, salt)
    select gen_random_uuid(), item.job_id, item.site, session_user, item.stage, item.leased_at, item.leased_until,
           act.writer, act.seal, taken.place, uuid_send(gen_random_uuid())
    from unnest(jobs) with ordinality as taken (job_id, place) join review.worklist_items as item using (job_id);
    perform audit.seal_act(act, 'review.claimed', null, null, jsonb_build_object('jobs', cardinality(jobs)), 'review.claims');
    return query
        select listed.* from review.masked_worklist as listed where listed.job_id = any (jobs)
        order by array_position(jobs, listed.job_id);
end $$;
comment on function review.claim(integer, text, text, text) is
    'Takes the next patches from the worklist, for as long as the policy says, so that no two readers get the same one. stream: clinical or audit; NULL for both';

create function review.release(job_ids uuid[] default null) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    act audit.act;
    released integer;
begin
    with free as (
        select job_id from review.worklist_items
        where leased_by = session_user and (job_ids is null or job_id = any (job_ids)) order by job_id for update
    )
    update review.worklist_items as item set leased_by = null, leased_at = null, leased_until = null
    from free where item.job_id = free.job_id;
    get diagnostics released = row_count;
    if released > 0 then
        act := audit.begin_act();
        perform audit.seal_act(act, 'review.released', null, null, jsonb_build_object('jobs', released), 'review.claims');
    end if;
    return released;
end $$;
comment on function review.release(uuid[]) is 'Gives claimed patches back to the worklist, all of the login''s own where none are named. Returns how many';

create function review.image(job_id uuid) returns bytea
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    png bytea;
    hash bytea;
begin
    select image_sha256 into hash from sentinode.predictions where predictions.job_id = image.job_id;
    if not found then perform review.refuse_unseen(job_id); end if;
    select kept.png into png from sentinode.patch_images as kept where kept.image_sha256 = hash;
    if not found then
        perform review.refuse('SN003', format('the patch of job %s is not kept', job_id),
            'Only patches selected for review are kept, as long as the policy says. Look at the slide itself.');
    end if;
    return png;
end $$;
comment on function review.image(uuid) is 'The PNG that the model saw';

grant select on review.predictions, review.worklist to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
-- A view reads tables as its owner, and calls functions as whoever asks.
grant execute on function review.is_reader(), review.is_always_blind(), review.my_sites(), review.sees_everything(),
    review.hides(uuid, boolean), review.as_of(), review.set_as_of(timestamptz), review.settled_at()
    to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
grant execute on function review.upcoming(integer, text, text, text), review.claim(integer, text, text, text), review.release(uuid[]),
    review.image(uuid), review.reveal(uuid), review.confirm(uuid, text, integer, text, text, text),
    review.confirm_many(uuid[], text, integer, text, text, text), review.amend(uuid, text, text, integer, text, text),
    review.withdraw(uuid, text) to sentinode_reviewer;
grant execute on function review.import_labels(text, uuid[], text[], text, integer) to sentinode_admin;
