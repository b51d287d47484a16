-- What a blind reading must not know stays hidden also until a reveal is committed, where the same picture stands under
-- another job, and where a policy would tell somebody who is always blind what a patch was selected for.

set local role sentinode_owner;

alter table review.worklist_items add column image_sha256 bytea check (octet_length(image_sha256) = 32);
comment on column review.worklist_items.image_sha256 is 'SHA-256 of its PNG: while a blind reading waits, the answers on other jobs of the same picture are hidden too';
update review.worklist_items as item set image_sha256 = prediction.image_sha256
from sentinode.predictions as prediction where prediction.job_id = item.job_id;
create index worklist_items_blind_pictures on review.worklist_items (image_sha256) where blind;

create or replace function review.put_on_worklist() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into review.worklist_items
        (job_id, stream, priority, reading_order, site, slide_id, reads_wanted, blind, due_at, image_sha256)
    select inserted.job_id, case when inserted.audit_selected then 'audit' else 'clinical' end, coalesce(rule.priority, 10),
           sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(inserted.job_id)),
           inserted.site, inserted.slide_id, coalesce(inserted.reads_wanted, 1), coalesce(inserted.blind, false),
           now() + make_interval(hours => coalesce(rule.due_hours, 72)), inserted.image_sha256
    from new_predictions as inserted
    left join review.policy_rules as rule on rule.generation = inserted.review_policy and rule.rule = inserted.review_rule
    where inserted.review_reason is not null;
    return null;
end $$;

create or replace function review.queue_review(job uuid, next_stage text) returns void
    language sql set search_path = pg_catalog, pg_temp as $$
    insert into review.worklist_items
        (job_id, stage, stream, priority, reading_order, site, slide_id, reads_wanted, blind, due_at, image_sha256)
    select prediction.job_id, next_stage, case when prediction.audit_selected then 'audit' else 'clinical' end,
           coalesce(rule.priority, 10),
           sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(prediction.job_id)),
           prediction.site, prediction.slide_id, coalesce(prediction.reads_wanted, 1), coalesce(prediction.blind, false),
           now() + make_interval(hours => coalesce(rule.due_hours, 72)), prediction.image_sha256
    from sentinode.predictions as prediction
    left join review.policy_rules as rule on rule.generation = prediction.review_policy and rule.rule = prediction.review_rule
    where prediction.job_id = job
    on conflict (job_id) do update
        set stage = excluded.stage, due_at = excluded.due_at, leased_by = null, leased_at = null, leased_until = null
$$;

-- The condition stands in each view, and here for the functions: a function in its place would be called for every row.
-- A reveal counts from the transaction after its own on (its time is at or after its transaction's start): rolled back, it
-- has shown nothing.
create or replace function review.hides(job uuid, blind boolean) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select review.is_reader()
        and (coalesce(blind, false) or review.is_always_blind() or exists (
            select from sentinode.predictions as prediction
            join review.worklist_items as twin
                on twin.image_sha256 = prediction.image_sha256 and twin.blind and twin.job_id <> prediction.job_id
            where prediction.job_id = job
                and not exists (
                    select from review.reveals
                    where reveals.job_id = twin.job_id and reveals.reader = session_user and reveals.revealed_at < now())))
        and not exists (
            select from review.reveals
            where reveals.job_id = job and reveals.reader = session_user and reveals.revealed_at < now())
$$;

create function review.adjudicates() returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce((select reader.adjudicates from review.readers as reader where login = session_user order by version desc limit 1), false)
$$;
comment on function review.adjudicates() is 'Whether the login may decide where two readers disagree';
grant execute on function review.adjudicates() to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;

create or replace view review.masked_predictions as
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
    select (select review.is_reader())
        and (coalesce(prediction.blind, false) or (select review.is_always_blind()) or exists (
            select from review.worklist_items as twin
            where twin.image_sha256 = prediction.image_sha256 and twin.blind and twin.job_id <> prediction.job_id
                and not exists (
                    select from review.reveals
                    where reveals.job_id = twin.job_id and reveals.reader = session_user
                        and reveals.revealed_at < least(now(), (select review.as_of())))))
        and not exists (
            select from review.reveals
            where reveals.job_id = prediction.job_id and reveals.reader = session_user
                and reveals.revealed_at < least(now(), (select review.as_of())))
        as is_hidden
) as seen
where coalesce(prediction.stored_at, prediction.predicted_at) < (select review.as_of());

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
where not exists (
    select from review.labels as mine
    where mine.job_id = item.job_id and mine.reader = session_user and mine.supersedes is null
        and (seen.is_hidden or mine.labelled_at >= now()))
    -- That others disagree says something too; who adjudicates is told.
    and not (seen.is_hidden and item.stage = 'adjudication' and not (select review.adjudicates()));

create or replace view review.masked_labels as
select said.label_id, said.job_id, said.act, said.label, said.confidence, said.comment, said.reason, said.meaning, said.reader,
       said.printed_name, said.qualification, said.reading, said.blind, said.after_reveal, said.source, said.supersedes,
       said.labelled_at, said.recorded_by, said.site, said.slide_id, said.reads_wanted, seen.is_hidden,
       exists (select from review.labels as later
               where later.supersedes = said.label_id and later.labelled_at < (select review.as_of())) as is_superseded
from review.labels as said
cross join lateral (
    select (said.is_blind_job or (select review.is_always_blind()) or (said.reader = session_user and coalesce(said.blind, false)))
        and (select review.is_reader())
        and not exists (
            select from review.reveals
            where reveals.job_id = said.job_id and reveals.reader = session_user
                and reveals.revealed_at < least(now(), (select review.as_of()))) as is_hidden
) as seen
where said.labelled_at < (select review.as_of())
    and (said.reader = session_user
        or not (select review.is_reader())
        or (not seen.is_hidden and not exists (
            select from review.worklist_items as item
            where item.job_id = said.job_id and item.reads_wanted = 2 and item.stage in ('first read', 'second read')
                and not exists (
                    select from review.labels as mine
                    where mine.job_id = said.job_id and mine.reader = session_user and mine.supersedes is null))
            and not exists (
                select from review.labels as mine
                where mine.job_id = said.job_id and mine.reader = session_user and mine.labelled_at >= now())));

create or replace function review.reading_of(item review.worklist_items, reader review.readers) returns text
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if item.job_id is null then
        return 'voluntary';
    elsif item.leased_by <> session_user and item.leased_until > clock_timestamp() then
        perform review.refuse('SN006', format('job %s is claimed by another reader until %s', item.job_id, item.leased_until),
            'Claim what is free: SELECT * FROM review.claim(10).');
    elsif item.leased_by = session_user and item.leased_until <= clock_timestamp() then
        perform review.refuse('SN006', format('your lease on job %s expired at %s', item.job_id, item.leased_until),
            'Nothing was stored. Claim again: SELECT * FROM review.claim(10).');
    elsif item.stage = 'adjudication' then
        if item.leased_by is null or item.leased_by <> session_user then
            -- Who reads blind and does not adjudicate is told no difference to a patch that is settled.
            if (item.blind or reader.always_blind) and not reader.adjudicates then return 'voluntary'; end if;
            perform review.refuse('SN009', format('job %s waits for an adjudicator', item.job_id),
                'A reader who adjudicates claims it: SELECT * FROM review.claim(1).');
        end if;
    elsif (item.stream = 'audit' or reader.always_blind) and (item.leased_by is null or item.leased_by <> session_user) then
        -- Picked by hand, it would not be the random sample any more. Who is always blind is told no difference.
        return 'voluntary';
    end if;
    return item.stage;
end $$;

create or replace function review.read_patch(
    act audit.act, leaf integer, reader review.readers, job uuid, label text, confidence integer, comment text, reason text,
    meaning text
) returns uuid
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    prediction record;
    item review.worklist_items;
    reading text;
    hidden boolean;
    why text := coalesce(nullif(trim(reason), ''), nullif(trim(comment), ''));
    mine uuid;
    id uuid := gen_random_uuid();
begin
    select site, slide_id, decision, coalesce(blind, false) as blind, coalesce(reads_wanted, 1) as reads_wanted
    into prediction from sentinode.predictions where job_id = job;
    if not found then perform review.refuse_unseen(job); end if;
    select * into item from review.worklist_items where job_id = job for update;
    select label_id into mine from review.labels where labels.job_id = job and labels.reader = session_user and supersedes is null;
    if found then
        perform review.refuse('SN005', format('you have labelled job %s already', job),
            'Change your label with review.amend(label_id, label, reason); SELECT * FROM review.my_labels shows its label_id.');
    end if;
    reading := review.reading_of(item, reader);
    hidden := review.hides(job, prediction.blind);
    if reading = 'voluntary' and item.job_id is not null and item.stage <> 'adjudication' then
        raise notice 'you have not claimed job %: your label counts as voluntary', job
            using hint = 'The random sample, and what is read blind, counts where review.claim serves it.';
    end if;
    if why is null and (reading = 'adjudication'
        or (not hidden and review.contradicts(job, label, prediction.decision, reading in ('first read', 'second read'))))
    then
        perform review.refuse('SN007', format('a label of job %s that contradicts the model or an earlier label needs a reason', job),
            'Say why: review.confirm(job_id, label, reason => ''...'').');
    end if;
    insert into review.labels
        (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, confidence, comment, reason, meaning, reader,
         printed_name, qualification, reading, blind, source, claimed_at, labelled_at, recorded_by, writer, seal, leaf, salt)
    values (id, job, prediction.site, prediction.slide_id, prediction.blind, prediction.reads_wanted, case reading when 'adjudication' then 'adjudication' else 'read' end,
            read_patch.label, read_patch.confidence, nullif(trim(read_patch.comment), ''), why, read_patch.meaning,
            session_user, reader.full_name, reader.qualification, reading, hidden, 'person',
            case when item.leased_by = session_user then item.leased_at end, review.time_of_act(), session_user,
            act.writer, act.seal, read_patch.leaf, uuid_send(gen_random_uuid()));
    if reading <> 'voluntary' then perform review.settle(job); end if;
    return id;
exception when unique_violation then
    -- Two sessions of one reader at the same moment.
    perform review.refuse('SN005', format('you have labelled job %s already', job), 'SELECT * FROM review.my_labels shows it.');
end $$;

create or replace function review.reveal(job_id uuid) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    prediction record;
    said record;
    act audit.act;
begin
    select site, blind into prediction from sentinode.predictions where predictions.job_id = reveal.job_id;
    if not found then perform review.refuse_unseen(job_id); end if;
    if not review.hides(job_id, prediction.blind)
        or exists (select from review.reveals where reveals.job_id = reveal.job_id and reveals.reader = session_user)
    then
        return;
    end if;
    select labels.label_id, labels.label into said from review.labels
    where labels.job_id = reveal.job_id and labels.reader = session_user
        and not exists (select from review.labels as later where later.supersedes = labels.label_id);
    if not found or said.label is null then
        perform review.refuse('SN011', format('job %s is read blind: the model''s answer is shown after your own label', job_id),
            'Label it first: SELECT review.confirm(job_id, label).');
    end if;
    act := audit.begin_act();
    insert into review.reveals (job_id, reader, site, label_id, revealed_at, writer, seal, leaf, salt)
    values (reveal.job_id, session_user, prediction.site, said.label_id, review.time_of_act(), act.writer, act.seal, 1,
            uuid_send(gen_random_uuid()));
    perform audit.seal_act(act, 'review.revealed', job_id::text, null, null, 'review.reveals');
end $$;
comment on function review.reveal(uuid) is 'Shows the model''s answer after a blind reading, from the commit on; what is changed afterwards is recorded as changed after it';

-- Who is always blind is not told what a patch was selected for; how often it is read and how long it is kept would.
create function review.refuse_telling_reasons(number bigint) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    stray text;
begin
    select coalesce(place.site, 'any') into stray
    from (select site from review.policy_rules where generation = number union select null) as place
    cross join lateral (
        select second_read_rate, keep_image_days from review.policy_rules as known
        where known.generation = number and (known.site is null or known.site = place.site)
        union
        -- An uncertain patch that no rule covers is read once, and not kept.
        select 0, 0 where not exists (
            select from review.policy_rules as known
            where known.generation = number and known.reason = 'uncertain' and (known.site is null or known.site = place.site)
                and known.score_low = 0 and known.score_high > 1)
    ) as treatment
    group by place.site having count(*) > 1
    order by 1 limit 1;
    if found then
        perform review.refuse('SN012',
            format('at site %s, how a patch is read and kept would tell readers who are always blind what it was selected for', stray),
            'Give all rules that apply there, one for every uncertain patch among them, the same second_read_rate and '
            'keep_image_days; or let nobody be always blind: review.add_reader, review.end_reader.');
    end if;
end $$;
comment on function review.refuse_telling_reasons(bigint) is 'Refuses a policy under which the treatment of a patch depends on what it was selected for';

create or replace function review.refuse_telling_blindness(number bigint) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    stray text;
begin
    select coalesce(place.site, 'any') into stray
    from (
        select site from review.policy_rules where generation = number and reason = 'audit' union select null
    ) as place
    cross join lateral (
        select known.*, coalesce(bool_or(known.score_low = 0 and known.score_high > 1) over before, false) as is_covered
        from review.policy_rules as known
        where known.generation = number and known.reason = 'audit' and (known.site is null or known.site = place.site)
        window before as (order by known.rule rows between unbounded preceding and 1 preceding)
    ) as reached
    where not reached.is_covered
    group by place.site
    having bool_or(reached.blind) and (
        not bool_and(reached.blind)
        or not bool_or(reached.score_low = 0 and reached.score_high > 1)
        or (min(reached.rate) = 0 and max(reached.rate) > 0)
        or count(distinct (reached.due_hours, reached.second_read_rate, reached.keep_image_days)) > 1)
    order by 1 limit 1;
    if found then
        perform review.refuse('SN012', format('at site %s, that a reading is blind would tell something of the score', stray),
            'Give all audit rules that apply there the same blind, due_hours, second_read_rate and keep_image_days and a rate '
            'above 0, and let the last of them have no band.');
    end if;
    if exists (
        select from (select distinct on (login) * from review.readers order by login, version desc) as reader
        where reader.always_blind and (reader.active_to is null or reader.active_to > now()))
    then
        perform review.refuse_telling_reasons(number);
    end if;
end $$;

-- A grant that the product makes is told in the event.
drop function review.record_reader(review.readers, text);
create function review.record_reader(reader review.readers, action text, detail jsonb default null) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act := audit.begin_act();
begin
    insert into review.readers
        (login, version, full_name, qualification, sites_source, always_blind, adjudicates, active_from, active_to, reason,
         recorded_at, recorded_by, writer, seal, leaf, salt)
    values (reader.login,
            1 + coalesce((select max(version) from review.readers as before where before.login = reader.login), 0),
            reader.full_name, reader.qualification, reader.sites_source, reader.always_blind, reader.adjudicates,
            reader.active_from, reader.active_to, reader.reason,
            now(), session_user, act.writer, act.seal, 1, uuid_send(gen_random_uuid()));
    perform audit.seal_act(act, action, reader.login, reader.reason, detail, 'review.readers');
end $$;
comment on function review.record_reader(review.readers, text, jsonb) is 'Stores a new version of a reader, as an event';

create or replace function review.add_reader(
    login text, full_name text, qualification text, sites text[],
    always_blind boolean default false, adjudicates boolean default false,
    active_from timestamptz default null, active_to timestamptz default null, reason text default null
) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers;
    revealing text;
    granted boolean := false;
    policy bigint;
begin
    if not exists (select from pg_roles where rolname = add_reader.login and rolcanlogin) then
        perform review.refuse('SN001', format('there is no database login %s', login),
            'Make it first: CREATE ROLE name LOGIN PASSWORD ''...''.');
    end if;
    select trusted into revealing
    from unnest(array['sentinode_worker', 'sentinode_monitor', 'sentinode_auditor', 'sentinode_admin', 'sentinode_owner']) as trusted
    where pg_has_role(add_reader.login, trusted, 'member') limit 1;
    if found then
        perform review.refuse('SN016',
            format('the login %s is a member of %s, which sees every score: its readings could never be blind', login, revealing),
            'Give the person a login of their own for reviewing.');
    end if;
    sites := array(select trim(site) from unnest(sites) as site);
    if cardinality(sites) = 0 or array_position(sites, null) is not null or '' = any (sites) then
        perform review.refuse('SN010', 'a reader needs at least one site', 'Name the sites, or ARRAY[''*''] for every one.');
    end if;
    if coalesce(trim(full_name), '') = '' or coalesce(trim(qualification), '') = '' then
        perform review.refuse('SN010', 'a reader needs a full name and a qualification', 'Both are printed on every label.');
    end if;
    if always_blind then
        -- The policy in force, and those whose time comes.
        for policy in
            select generation from review.policies
            where generation >= coalesce((select max(generation) from review.policies as known where known.valid_from <= now()), 0)
        loop
            perform review.refuse_telling_reasons(policy);
        end loop;
    end if;
    reader.login := login;
    reader.full_name := trim(full_name);
    reader.qualification := trim(qualification);
    reader.sites_source := to_json(sites)::text;
    reader.always_blind := always_blind;
    reader.adjudicates := adjudicates;
    -- Who is active stays so without a gap: acts that are under way began before this one.
    reader.active_from := coalesce(active_from, (
        select case when known.active_from <= now() and (known.active_to is null or known.active_to > now()) then known.active_from end
        from review.readers as known where known.login = reader.login order by version desc limit 1), now());
    reader.active_to := active_to;
    reader.reason := nullif(trim(reason), '');
    if not pg_has_role(login, 'sentinode_reviewer', 'member') then
        begin
            execute format('grant sentinode_reviewer to %I', login);
            granted := true;
        exception when insufficient_privilege then
            perform review.refuse('SN017', format('%s is not yet a member of sentinode_reviewer, and this database may not grant it', login),
                format('Have an administrator run GRANT sentinode_reviewer TO %I, then add the reader again.', login));
        end;
    end if;
    perform review.record_reader(
        reader, case when exists (select from review.readers as known where known.login = reader.login) then 'reader.changed' else 'reader.added' end,
        case when granted then jsonb_build_object('granted', array['sentinode_reviewer']) end);
end $$;

-- The worklist may say what it will: what is shown is the patch that was classified.
create or replace function review.image(job_id uuid) returns bytea
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
    if sha256(png) <> hash then
        perform review.refuse('SN003', format('what is kept of job %s is not the patch that the model saw', job_id),
            'Label nothing by it, and tell whoever answers for the database: somebody has changed it.');
    end if;
    return png;
end $$;
