-- What people asked for and stumbled over: adjudications served by themselves, policies that say which field is wrong,
-- pruning that names what it removed, an erasure that says what it cannot reach.

set local role sentinode_owner;

drop function review.claim(integer, text, text, text);
drop function review.upcoming(integer, text, text, text);
drop function review.next_items(review.readers, integer, text, text, text, interval);
drop function review.check_claim(integer, text);

create index worklist_items_adjudications on review.worklist_items (priority, reading_order) where stage = 'adjudication';

-- Clinical reasons by priority, the audit sample in hash order behind them; who is always blind gets one hash order of all,
-- because the rank would tell the reason.
create function review.next_items(
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
                    and ($2 is null or item.site = $2) and ($3 is null or item.slide_id = $3)
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
comment on function review.next_items(review.readers, integer, text, text, text, text, interval) is 'What a reader would be served next; with a lease it is taken';

create function review.check_claim(how_many integer, stream text, stage text) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if how_many is null or how_many not between 1 and 1000 then
        perform review.refuse('SN010', format('from 1 to 1,000 patches can be claimed at once, not %s', coalesce(how_many::text, 'NULL')),
            'Such as SELECT * FROM review.claim(10).');
    elsif stream is not null and stream not in ('clinical', 'audit') then
        perform review.refuse('SN010', 'there is no such stream', 'It is clinical or audit; without one both are served.');
    elsif stage is not null and stage not in ('first read', 'second read', 'adjudication') then
        perform review.refuse('SN010', 'there is no such stage',
            'It is first read, second read or adjudication; without one all are served.');
    end if;
end $$;
comment on function review.check_claim(integer, text, text) is 'Refuses what nobody can claim';

create function review.upcoming(
    how_many integer default 20, stream text default null, site text default null, slide_id text default null, stage text default null
) returns setof review.worklist
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    jobs uuid[];
begin
    perform review.check_claim(how_many, stream, stage);
    select array_agg(job) into jobs
    from review.next_items(review.me(), how_many, stream, upcoming.site, upcoming.slide_id, upcoming.stage, null) as job;
    return query
        select listed.* from review.masked_worklist as listed where listed.job_id = any (jobs)
        order by array_position(jobs, listed.job_id);
end $$;
comment on function review.upcoming(integer, text, text, text, text) is 'What review.claim would serve the login next, in that order; nothing is taken';

create function review.claim(
    how_many integer default 10, stream text default null, site text default null, slide_id text default null, stage text default null
) returns setof review.worklist
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    act audit.act := audit.begin_act();
    lease interval;
    jobs uuid[];
begin
    perform review.check_claim(how_many, stream, stage);
    select make_interval(mins => lease_minutes) into lease
    from review.policies where valid_from <= now() order by generation desc limit 1;
    select coalesce(array_agg(job), '{}') into jobs
    from review.next_items(reader, how_many, stream, claim.site, claim.slide_id, claim.stage, coalesce(lease, interval '30 minutes')) as job;
    if cardinality(jobs) = 0 then return; end if;
    insert into review.claims (claim_id, job_id, site, reader, stage, claimed_at, leased_until, writer, seal, leaf, salt)
    select gen_random_uuid(), item.job_id, item.site, session_user, item.stage, item.leased_at, item.leased_until,
           act.writer, act.seal, taken.place, uuid_send(gen_random_uuid())
    from unnest(jobs) with ordinality as taken (job_id, place) join review.worklist_items as item using (job_id);
    perform audit.seal_act(act, 'review.claimed', null, null, jsonb_build_object('jobs', cardinality(jobs)), 'review.claims');
    return query
        select listed.* from review.masked_worklist as listed where listed.job_id = any (jobs)
        order by array_position(jobs, listed.job_id);
end $$;
comment on function review.claim(integer, text, text, text, text) is
    'Takes the next patches from the worklist, for as long as the policy says, so that no two readers get the same one. stream: clinical or audit; stage: first read, second read or adjudication; NULL for all';

grant execute on function review.upcoming(integer, text, text, text, text), review.claim(integer, text, text, text, text)
    to sentinode_reviewer;

create or replace function review.end_reader(login text, reason text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers;
begin
    select * into reader from review.readers as known where known.login = end_reader.login order by version desc limit 1;
    if not found then
        perform review.refuse('SN001', format('there is no reader %s', login), 'SELECT * FROM review.readers shows those there are.');
    elsif reader.active_to <= now() then
        perform review.refuse('SN001', format('the reader %s has ended already, at %s', login, reader.active_to),
            'Nothing was stored.');
    end if;
    reader.reason := review.require_reason(reason, 'ending a reader');
    reader.active_to := greatest(now(), reader.active_from);
    perform review.record_reader(reader, 'reader.ended');
end $$;

create or replace function review.set_policy(
    rules jsonb, reason text, key_commitment text default null, valid_from timestamptz default null,
    lease_minutes integer default 30
) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    number bigint;
    stray text;
    why text := review.require_reason(reason, 'a review policy');
    commitment bytea;
    broken text;
begin
    if jsonb_typeof(rules) is distinct from 'array' then
        perform review.refuse('SN012', 'the rules of a policy are a JSON array',
            'Such as [{"reason": "audit", "rate": 0.02}, {"reason": "positive", "top_per_slide": 20, "rate": 0.05}].');
    end if;
    select format('rule %s has the unknown field %s', position, field) into stray
    from jsonb_array_elements(rules) with ordinality as element (rule, position)
    cross join lateral jsonb_object_keys(case when jsonb_typeof(rule) = 'object' then rule else '{"(not an object)": 0}' end) as field
    where field not in ('reason', 'site', 'score_low', 'score_high', 'rate', 'top_per_slide', 'second_read_rate', 'blind',
                        'priority', 'due_hours', 'keep_image_days')
    limit 1;
    if found then
        perform review.refuse('SN012', stray, 'Fields: reason, site, score_low, score_high, rate, top_per_slide, '
            'second_read_rate, blind, priority, due_hours, keep_image_days.');
    end if;
    if valid_from < now() then
        perform review.refuse('SN012', 'a policy is never in force before it is set', 'Choose a later valid_from, or leave it out.');
    elsif lease_minutes is null or lease_minutes not between 1 and 10080 then
        perform review.refuse('SN012', 'a lease lasts from 1 to 10,080 minutes', 'Thirty, where none is given.');
    end if;
    if key_commitment is not null then
        if key_commitment !~ '^[0-9a-f]{64}$' then
            perform review.refuse('SN012', 'the commitment of a key is 64 hexadecimal digits', '`sentinode review key` prints it.');
        end if;
        commitment := decode(key_commitment, 'hex');
    end if;

    -- As for control: batches that are being stored end first, and none after this commit follows the policy before.
    perform pg_advisory_xact_lock(1397050964, 1);
    select coalesce(max(generation), 0) + 1 into number from review.policies;
    act := audit.begin_act();
    insert into review.policies
        (generation, valid_from, key_commitment, lease_minutes, reason, recorded_at, recorded_by, writer, seal, leaf, salt)
    values (number, coalesce(set_policy.valid_from, now()), commitment, set_policy.lease_minutes, why, now(), session_user,
            act.writer, act.seal, 1, uuid_send(gen_random_uuid()));
    insert into review.policy_rules
        (generation, rule, reason, site, score_low, score_high, rate, top_per_slide, second_read_rate, blind, priority,
         due_hours, keep_image_days, writer, seal, leaf, salt)
    select number, position, rule ->> 'reason', rule ->> 'site',
           coalesce((rule ->> 'score_low')::double precision, 0), coalesce((rule ->> 'score_high')::double precision, 2),
           coalesce((rule ->> 'rate')::double precision, case rule ->> 'reason' when 'uncertain' then 1 else 0 end),
           coalesce((rule ->> 'top_per_slide')::integer, 0), coalesce((rule ->> 'second_read_rate')::double precision, 0),
           coalesce((rule ->> 'blind')::boolean, false),
           coalesce((rule ->> 'priority')::smallint, case rule ->> 'reason' when 'uncertain' then 10 when 'positive' then 20 else 50 end),
           coalesce((rule ->> 'due_hours')::integer, 72), coalesce((rule ->> 'keep_image_days')::integer, 365),
           act.writer, act.seal, position + 1, uuid_send(gen_random_uuid())
    from jsonb_array_elements(rules) with ordinality as element (rule, position);

    if commitment is null and exists (
        select from review.policy_rules
        where generation = number and ((rate > 0 and rate < 1) or (second_read_rate > 0 and second_read_rate < 1)))
    then
        perform review.refuse('SN012', 'this policy draws at random, and names no key',
            'Make a key with `sentinode review key`, give it to the workers, and its commitment to this function.');
    end if;
    perform review.refuse_telling_blindness(number);
    perform review.warn_of_unsampled_strata(number);
    perform audit.seal_act(act, 'policy.set', number::text, why, null, 'review.policies', 'review.policy_rules');
    perform review.announce('policy.set', jsonb_build_object('generation', number, 'changed_by', session_user, 'changed_at', now()));
    return number;
exception
    when check_violation or invalid_text_representation or numeric_value_out_of_range or not_null_violation then
        get stacked diagnostics broken = constraint_name;
        -- Constraints of one column are named after it: policy_rules_rate_check.
        perform review.refuse('SN012',
            case when sqlstate <> '23514' then 'a rule has a field that is no number, or none at all: ' || sqlerrm
                 else 'a rule is out of range: ' || translate(regexp_replace(broken, '^policy_rules_|_check\d*$', '', 'g'), '_', ' ') end,
            'reason: uncertain, positive or audit; rate, second_read_rate: 0 to 1; score_low below score_high, both from 0; '
            'top_per_slide: 0 to 1,000, of positives; priority: 1 to 100; due_hours: 1 to 87,600; keep_image_days: 0 to 36,500; '
            'blind: only audit rules whose patches are kept.');
end $$;

create or replace function review.prune_images(at_most integer default 1000) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    pruned integer;
    size bigint;
    hashes jsonb;
begin
    with over as (
        select image_sha256 from sentinode.patch_images where keep_until <= now()
        order by keep_until limit least(greatest(at_most, 0), 1000) for update skip locked
    ), gone as (
        delete from sentinode.patch_images as image using over where image.image_sha256 = over.image_sha256
        returning image.image_sha256, octet_length(image.png) as size
    )
    select count(*), coalesce(sum(gone.size), 0), jsonb_agg(encode(gone.image_sha256, 'base64')) into pruned, size, hashes from gone;
    if pruned > 0 then
        act := audit.begin_act();
        perform audit.seal_act(act, 'images.pruned', null, 'their retention ended',
            jsonb_build_object('images', pruned, 'bytes', size, 'sha256_base64', hashes), 'audit.erased_rows');
    end if;
    return pruned;
end $$;
comment on function review.prune_images(integer) is 'Removes kept patches whose time is over, so many at once and 1,000 at most; the event names them, and predictions keep the hash. Returns how many';

-- Free text of acts is not cleared: who erases is told where the name also stands.
create function review.warn_of_mentions(name text, jobs uuid[]) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    acts bigint;
    words bigint;
begin
    select count(*) into acts from audit.events
    where review.mentions(convert_to(concat_ws(' ', subject, reason, detail_source), 'UTF8'), name);
    select count(*) into words from review.labels
    where job_id <> all (jobs) and review.mentions(convert_to(concat_ws(' ', comment, reason), 'UTF8'), name);
    if acts + words > 0 then
        raise notice 'the name also stands in % and % of other patches, which stay',
            case acts when 1 then 'one reason of an act' else acts || ' reasons of acts' end,
            case words when 1 then 'one comment' else words || ' comments' end
            using hint = 'Reasons of acts belong to the trail: write them without names. Comments are cleared with their own slide or case.';
    end if;
end $$;
comment on function review.warn_of_mentions(text, uuid[]) is 'Tells whoever erases a name where else it stands';

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
        where other.image_sha256 = hash and other.review_reason is not null and other.job_id <> all (jobs));

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
    update review.worklist_items set slide_id = null where job_id = any (jobs);
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
