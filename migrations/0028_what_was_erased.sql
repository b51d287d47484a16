-- What was erased is read by nobody and labelled no more. Readers go by their own sites, whatever else their login may see.

set local role sentinode_owner;

-- Nobody can look at it any more.
delete from review.worklist_items where job_id in (
    select prediction.job_id from audit.erased_rows as erased
    join sentinode.predictions as prediction
        on (prediction.writer, prediction.seal, prediction.leaf) = (erased.row_writer, erased.row_seal, erased.row_leaf)
    where erased.relation = 'sentinode.predictions');

create or replace function review.settle(job uuid) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    selected boolean;
    wanted integer;
    readings integer;
    answers integer;
    adjudicated boolean;
begin
    select review_reason is not null and salt is not null, coalesce(reads_wanted, 1) into selected, wanted
    from sentinode.predictions where job_id = job;
    if not selected then return; end if;
    select count(*) filter (where reading in ('first read', 'second read')),
           count(distinct label) filter (where reading in ('first read', 'second read')),
           count(*) filter (where reading = 'adjudication') > 0
    into readings, answers, adjudicated
    from review.labels as said
    where said.job_id = job and said.label is not null
        and not exists (select from review.labels as later where later.supersedes = said.label_id);
    if readings < wanted then
        perform review.queue_review(job, case readings when 0 then 'first read' else 'second read' end);
    elsif answers > 1 and not adjudicated then
        perform review.queue_review(job, 'adjudication');
    else
        delete from review.worklist_items where job_id = job;
    end if;
end $$;

-- Called before a label is stored. An erasure that is under way is waited for, and one that comes later waits for the label
-- and clears it.
create function review.prediction_to_label(job uuid, sites jsonb) returns sentinode.predictions
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    prediction sentinode.predictions;
begin
    select * into prediction from sentinode.predictions where job_id = job and (sites ? '*' or sites ? site) for share;
    if found and prediction.salt is null then
        perform review.refuse('SN020', format('job %s was erased: no label of it is taken any more', job),
            'Nothing was stored. Labels that were given before the erasure stay, without their words.');
    end if;
    return prediction;
end $$;
comment on function review.prediction_to_label(uuid, jsonb) is 'The job''s prediction at these sites, kept from erasures until the transaction ends; NULL for none; refuses one that was erased';

create or replace function review.read_patch(
    act audit.act, leaf integer, reader review.readers, job uuid, label text, confidence integer, comment text, reason text,
    meaning text
) returns uuid
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    prediction sentinode.predictions := review.prediction_to_label(job, reader.sites);
    item review.worklist_items;
    reading text;
    hidden boolean;
    why text := coalesce(nullif(trim(reason), ''), nullif(trim(comment), ''));
    mine uuid;
    id uuid := gen_random_uuid();
begin
    if prediction.job_id is null then perform review.refuse_unseen(job); end if;
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
    values (id, job, prediction.site, prediction.slide_id, coalesce(prediction.blind, false), coalesce(prediction.reads_wanted, 1),
            case reading when 'adjudication' then 'adjudication' else 'read' end,
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

create or replace function review.supersede(
    label_id uuid, new_label text, reason text, confidence integer, comment text, meaning text
) returns uuid
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    prediction sentinode.predictions;
    before review.labels;
    revealed boolean;
    act audit.act;
    kind text := case when new_label is null then 'withdrawal' else 'amendment' end;
    why text := review.require_reason(reason, case kind when 'withdrawal' then 'a withdrawal' else 'an amendment' end);
    id uuid := gen_random_uuid();
begin
    -- The prediction first, as whoever erases does.
    select job_id into before.job_id from review.labels where labels.label_id = supersede.label_id;
    prediction := review.prediction_to_label(before.job_id, reader.sites);
    select * into before from review.labels where labels.label_id = supersede.label_id for update;
    if prediction.job_id is null or (before.reader <> session_user
        and not exists (select from review.label_history as shown where shown.label_id = supersede.label_id))
    then
        perform review.refuse('SN008', format('there is no label %s that you may change', coalesce(label_id::text, 'NULL')),
            'SELECT * FROM review.my_labels shows yours.');
    elsif before.reader <> session_user then
        perform review.refuse('SN009', format('label %s is another reader''s', label_id),
            'Give a label of your own with review.confirm; labels are never overwritten.');
    elsif exists (select from review.labels where supersedes = supersede.label_id) then
        perform review.refuse('SN008', format('label %s was superseded already', label_id),
            'Change the latest one: SELECT * FROM review.my_labels shows its label_id.');
    elsif before.label is not distinct from new_label and (confidence is null or confidence = before.confidence) then
        perform review.refuse('SN010', format('label %s says %s already', label_id, coalesce(new_label, 'nothing')), 'Nothing was stored.');
    end if;
    perform from review.worklist_items where job_id = before.job_id for update;
    revealed := exists (select from review.reveals where job_id = before.job_id and reveals.reader = session_user);
    act := audit.begin_act();
    insert into review.labels
        (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, confidence, comment, reason, meaning, reader,
         printed_name, qualification, reading, blind, after_reveal, source, supersedes, claimed_at, labelled_at, recorded_by, writer, seal, leaf, salt)
    values (id, before.job_id, before.site, before.slide_id, before.is_blind_job, before.reads_wanted, kind, new_label, supersede.confidence, nullif(trim(supersede.comment), ''), why,
            supersede.meaning, session_user, reader.full_name, reader.qualification, before.reading, before.blind,
            case when before.blind then revealed end, 'person', before.label_id, before.claimed_at,
            review.time_of_act(), session_user, act.writer, act.seal, 1, uuid_send(gen_random_uuid()));
    if before.reading <> 'voluntary' then perform review.settle(before.job_id); end if;
    perform audit.seal_act(act, case kind when 'withdrawal' then 'label.withdrawn' else 'label.amended' end,
        before.job_id::text, null, null, 'review.labels');
    return id;
exception when unique_violation then
    perform review.refuse('SN008', format('label %s was superseded a moment ago', label_id), 'SELECT * FROM review.my_labels shows the latest.');
end $$;

create or replace function review.import_labels(
    reader text, job_ids uuid[], labels text[], reason text, confidence integer default null
) returns uuid[]
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    who review.readers;
    act audit.act;
    why text := review.require_reason(reason, 'an import of labels');
    prediction sentinode.predictions;
    item review.worklist_items;
    place integer := 0;
    id uuid;
    ids uuid[] := '{}';
    pair record;
begin
    select * into who from review.readers where login = import_labels.reader order by version desc limit 1;
    if not found then
        perform review.refuse('SN001', format('there is no reader %s', reader), 'Add the reader first: review.add_reader(...).');
    end if;
    if cardinality(job_ids) is distinct from cardinality(labels) or coalesce(cardinality(job_ids), 0) not between 1 and 10000 then
        perform review.refuse('SN010', 'an import takes as many labels as jobs, from 1 to 10,000 at once', 'Import in several calls.');
    end if;
    act := audit.begin_act();
    for pair in select job, said from unnest(job_ids, labels) as given (job, said) order by job loop
        place := place + 1;
        perform review.check_words(pair.said, confidence, null, 'review');
        prediction := review.prediction_to_label(pair.job, who.sites);
        if prediction.job_id is null then
            perform review.refuse('SN002', format('there is no job %s at the sites of the reader %s', pair.job, reader),
                'Nothing was imported. Leave it out, or grant the site with review.add_reader.');
        end if;
        select * into item from review.worklist_items where job_id = pair.job for update;
        id := gen_random_uuid();
        insert into review.labels
            (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, confidence, reason, meaning, reader,
             printed_name, qualification, reading, source, labelled_at, recorded_by, writer, seal, leaf, salt)
        values (id, pair.job, prediction.site, prediction.slide_id, coalesce(prediction.blind, false), coalesce(prediction.reads_wanted, 1),
                'read', pair.said, import_labels.confidence, why, 'review', who.login,
                who.full_name, who.qualification,
                case when item.job_id is null or item.stage = 'adjudication' or item.stream = 'audit'
                          or item.leased_until > clock_timestamp()
                     then 'voluntary' else item.stage end,
                'import', review.time_of_act(), session_user, act.writer, act.seal, place, uuid_send(gen_random_uuid()));
        perform review.settle(pair.job);
        ids := ids || id;
    end loop;
    perform audit.seal_act(act, 'labels.imported', reader, why, jsonb_build_object('labels', place), 'review.labels');
    return ids;
exception when unique_violation then
    perform review.refuse('SN005', format('the reader %s has labelled job %s already, or the file names it twice', reader, pair.job),
        'Nothing was imported. Leave the job out; a reader amends labels with review.amend.');
end $$;

create or replace function review.erase(what text, name text, reason text, dry_run boolean)
    returns table (predictions bigint, quarantined bigint, labels bigint, images bigint)
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    why text := review.require_reason(reason, 'an erasure');
    jobs uuid[];
    bad uuid[];
    hashes bytea[];
    next_leaf integer := 1;
    relation text;
    cleared text;
    listed bigint;
begin
    if coalesce(name, '') = '' then
        perform review.refuse('SN010', format('an erasure needs the name of a %s', what), 'Name it exactly as it was sent.');
    elsif position(name in why) > 0 then
        perform review.refuse('SN010', format('the reason names the %s that is to be erased', what),
            'The reason is kept for ever: write it without the name.');
    end if;
    select coalesce(array_agg(job_id), '{}'), coalesce(array_agg(distinct image_sha256), '{}') into jobs, hashes
    from sentinode.predictions where case what when 'case' then case_pseudonym = name else slide_id = name end;
    if not dry_run then
        -- In one order, as whoever labels takes them: labels that are being given are waited for, and cleared too.
        perform from sentinode.predictions where job_id = any (jobs) order by job_id for no key update;
    end if;
    -- A body that is no PNG may name it in its text, and headers that are no JSON as a long string of AMQP.
    select coalesce(array_agg(distinct job_id), '{}') into bad from sentinode.quarantined_messages
    where salt is not null and (
        job_id = any (jobs) or headers ->> case what when 'case' then 'case_pseudonym' else 'slide_id' end = name
        or (headers is null and position(
            '\x53'::bytea || int4send(octet_length(convert_to(name, 'UTF8'))) || convert_to(name, 'UTF8') in headers_amqp) > 0)
        or (substring(payload from 1 for 4) is distinct from '\x89504e47' and review.mentions(payload, name)));
    select coalesce(array_agg(hash), '{}') into hashes from unnest(hashes) as hash
    where not exists (
        select from sentinode.predictions as other
        where other.image_sha256 = hash and other.review_reason is not null and other.salt is not null and other.job_id <> all (jobs));

    select cardinality(jobs) into predictions;
    select count(*) into quarantined from sentinode.quarantined_messages where job_id = any (bad) and salt is not null;
    select count(*) into labels from review.labels as said where said.job_id = any (jobs) and said.salt is not null;
    select count(*) into images from sentinode.patch_images where image_sha256 = any (hashes);
    if predictions + quarantined = 0 then
        perform review.refuse('SN014', format('nothing is stored of this %s', what), 'Name it exactly as it was sent: capitals and spaces count.');
    end if;
    perform review.warn_of_mentions(name, jobs);
    if dry_run then return next; return; end if;

    act := audit.begin_act();
    for relation, cleared in values
        ('sentinode.predictions', 'attributes_source case_pseudonym message_id salt slide_id x y'),
        ('sentinode.quarantined_messages', 'headers_amqp headers_source payload properties_source salt'),
        ('review.labels', 'comment reason salt slide_id')
    loop
        execute format(
            'insert into audit.erased_rows
                 (relation, row_writer, row_seal, row_leaf, columns, remainder, erased_at, erased_by, writer, seal, leaf, salt)
             select %L, it.writer, it.seal, it.leaf, $2, sha256(%s), now(), session_user, $3, $4,
                    $5 - 1 + row_number() over (order by it.writer, it.seal, it.leaf), uuid_send(gen_random_uuid())
             from (select %s from %s where job_id = any ($1) and salt is not null) as it',
            relation, audit.row_encoding(relation), audit.columns_without(relation, cleared), relation)
        using case relation when 'sentinode.quarantined_messages' then bad else jobs end, cleared, act.writer, act.seal, next_leaf;
        get diagnostics listed = row_count;
        next_leaf := next_leaf + listed;
        execute format('update %s set %s where job_id = any ($1) and salt is not null', relation,
                       (select string_agg(format('%I = null', cleared_column), ', ') from string_to_table(cleared, ' ') as cleared_column))
        using case relation when 'sentinode.quarantined_messages' then bad else jobs end;
    end loop;
    delete from review.worklist_items where job_id = any (jobs);
    -- What the broker has not taken yet is still announced, without the names.
    update sentinode.outbox set body = (
        select json_object_agg(key, case when key in ('message_id', 'slide_id', 'x', 'y') then 'null' else value end)::text
        from json_each(body::json))
    where (body::json ->> 'job_id')::uuid = any (jobs || bad);
    delete from sentinode.patch_images where image_sha256 = any (hashes);
    perform audit.seal_act(act, what || '.erased', null, why, jsonb_build_object(
        'predictions', predictions, 'quarantined', quarantined, 'labels', labels, 'images', images), 'audit.erased_rows');
    return next;
end $$;
comment on function review.erase_case(text, text, boolean) is 'Erases what names a case: slide, position, pseudonym, message id, attributes, patches, payloads, comments. Scores, labels and hashes stay; nobody is served it any more, and no further label is taken. What still waits in the queue is not touched';

-- A reader's login that was granted another role sees all rows; claimed and labelled are those of the reader's sites.
create or replace function review.next_items(
    reader review.readers, how_many integer, in_stream text, at_site text, on_slide text, in_stage text, lease interval
) returns setof uuid
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
                    and (%s) and (%s)
                    and ($5 ? '*' or $5 ? item.site) and ($2 is null or item.site = $2) and ($3 is null or item.slide_id = $3)
                    and (item.stage <> 'adjudication' or $4)
                    and not exists (select from review.labels as mine where mine.job_id = item.job_id and mine.reader = session_user)
                order by %s limit $1 %s
            ) as next
            $query$,
            lease is null,
            case serving when 'any' then 'true' else format('item.stream = %L', serving) end,
            case when in_stage is null then 'true' else format('item.stage = %L', in_stage) end,
            case serving when 'clinical' then 'item.priority, item.reading_order' else 'item.reading_order' end,
            case when lease is null then '' else 'for update of item skip locked' end)
        into chosen using wanted, at_site, on_slide, reader.adjudicates, reader.sites;
        if lease is not null then
            update review.worklist_items
            set leased_by = session_user, leased_at = now(), leased_until = clock_timestamp() + lease
            where job_id = any (chosen);
        end if;
        wanted := wanted - cardinality(chosen);
        return query select * from unnest(chosen);
    end loop;
end $$;

-- Every reason for which a patch was selected, each with its own probability.
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
            select 5, prediction.predicted_at, 'selected for review', null, (
                select concat_ws('; ', string_agg(format('%s, probability %s', drawn.reason, drawn.probability::real), '; '),
                                 case when stored.selection_probability::real > max(drawn.probability)::real
                                      then format('any reason, probability %s', stored.selection_probability::real) end)
                from (values ('uncertain', 1, stored.decision = 'uncertain'),
                             ('positive', stored.positive_probability, stored.positive_selected),
                             ('audit', stored.audit_probability, stored.audit_selected)) as drawn (reason, probability, applies)
                where drawn.applies)
            -- Hidden together with the reason.
            from sentinode.predictions as stored where stored.job_id = of_job and prediction.review_reason is not null
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

-- Who pauses what is paused learns by whom.
create or replace function review.change_work(should_pause boolean, reason text) returns boolean
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    before sentinode.control;
    begun sentinode.control;
    action text := case when should_pause then 'work.paused' else 'work.resumed' end;
    why text := review.require_reason(reason, case when should_pause then 'pausing' else 'resuming' end);
begin
    -- Waits for the batches that are being stored; from the commit on nothing is decided by whoever did not see it.
    perform pg_advisory_xact_lock(1397050964, 1);
    select * into before from sentinode.control order by generation desc limit 1;
    if coalesce(before.paused, false) = should_pause then
        if should_pause then
            -- A model that was activated since stands in a row of its own.
            select * into begun from sentinode.control
            where generation > coalesce((select max(generation) from sentinode.control where not paused), 0)
            order by generation limit 1;
            raise notice 'work is paused already, since % by %: %',
                begun.changed_at, coalesce(review.person_of(begun.changed_by), begun.changed_by), begun.reason
                using hint = 'Nothing was stored. SELECT review.resume(reason) lets the workers decide again.';
        end if;
        return false;
    end if;
    act := audit.begin_act();
    insert into sentinode.control (generation, active_version, paused, reason, changed_at, changed_by, writer, seal, leaf, salt)
    values (coalesce(before.generation, 0) + 1, before.active_version, should_pause, why, now(), session_user,
            act.writer, act.seal, 1, uuid_send(gen_random_uuid()));
    perform audit.seal_act(act, action, null, why, null, 'sentinode.control');
    perform review.announce(action, jsonb_build_object(
        'model_version', before.active_version, 'generation', coalesce(before.generation, 0) + 1, 'changed_by', session_user,
        'reason', why, 'changed_at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    return true;
end $$;
comment on function review.pause(text) is 'Stops every worker from deciding, from this commit on; messages wait in the queue. False where work was paused already: a notice says since when, by whom and why';
