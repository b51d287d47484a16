-- Stopping the workers, ending the retention of patches, and erasing what names a case.

set local role sentinode_owner;

create function review.change_work(should_pause boolean, reason text) returns boolean
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    before sentinode.control;
    action text := case when should_pause then 'work.paused' else 'work.resumed' end;
    why text := review.require_reason(reason, case when should_pause then 'pausing' else 'resuming' end);
begin
    -- Waits for the batches that are being stored; from the commit on nothing is decided by whoever did not see it.
    perform pg_advisory_xact_lock(1397050964, 1);
    select * into before from sentinode.control order by generation desc limit 1;
    if coalesce(before.paused, false) = should_pause then return false; end if;
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
comment on function review.change_work(boolean, text) is 'Stops or resumes deciding in every worker; false where nothing changed';

create function review.pause(reason text) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role(session_user, 'sentinode_admin', 'member') and not pg_has_role(session_user, 'sentinode_owner', 'member') then
        perform review.me();
    end if;
    return review.change_work(true, reason);
end $$;
comment on function review.pause(text) is 'Stops every worker from deciding, from this commit on; messages wait in the queue. False where work was paused already';

create function review.resume(reason text) returns boolean
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role(session_user, 'sentinode_admin', 'member') and not pg_has_role(session_user, 'sentinode_owner', 'member') then
        perform review.me();
    end if;
    return review.change_work(false, reason);
end $$;
comment on function review.resume(text) is 'Lets the workers decide again. False where work was not paused';

create function review.prune_images(at_most integer default 1000) returns integer
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    pruned integer;
    size bigint;
begin
    with over as (
        select image_sha256 from sentinode.patch_images where keep_until <= now()
        order by keep_until limit greatest(at_most, 0) for update skip locked
    ), gone as (
        delete from sentinode.patch_images as image using over where image.image_sha256 = over.image_sha256
        returning octet_length(image.png) as size
    )
    select count(*), coalesce(sum(gone.size), 0) into pruned, size from gone;
    if pruned > 0 then
        act := audit.begin_act();
        perform audit.seal_act(act, 'images.pruned', null, 'their retention ended',
            jsonb_build_object('images', pruned, 'bytes', size), 'audit.erased_rows');
    end if;
    return pruned;
end $$;
comment on function review.prune_images(integer) is 'Removes kept patches whose time is over, so many at most; predictions keep the hash. Returns how many';

-- Only an erasure may change a row, and only by clearing: nothing can be put in place of what was.
create or replace function audit.refuse_change() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'UPDATE' and tg_level = 'ROW' then
        if current_user = 'sentinode_owner' and to_jsonb(old) ->> 'salt' is not null and to_jsonb(new) ->> 'salt' is null
            and not exists (
                select from jsonb_each(to_jsonb(new)) as after
                where after.value <> 'null' and after.value is distinct from to_jsonb(old) -> after.key)
            and exists (
                select from audit.erased_rows
                where row_writer = (to_jsonb(old) ->> 'writer')::uuid and row_seal = (to_jsonb(old) ->> 'seal')::bigint
                    and row_leaf = (to_jsonb(old) ->> 'leaf')::integer)
        then
            return new;
        end if;
    end if;
    raise exception '%.% is append-only: rows are never changed or removed', tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege',
              hint = 'What was recorded stays; a later row can say that it no longer holds.';
end $$;
comment on function audit.refuse_change() is 'Trigger of every append-only table: no UPDATE, DELETE or TRUNCATE, whoever asks, but the clearing of a row that is listed as erased';

alter table sentinode.predictions alter column salt drop not null;
alter table sentinode.quarantined_messages
    alter column salt drop not null, alter column properties_source drop not null, alter column headers_amqp drop not null,
    drop constraint quarantined_messages_check1,
    add constraint the_payload_is_kept check (payload is not null or reason = 'too_large' or salt is null),
    add constraint only_erased_rows_are_cleared check (salt is null or (properties_source is not null and headers_amqp is not null));
alter table review.labels alter column salt drop not null;
create index quarantined_messages_by_case on sentinode.quarantined_messages ((headers ->> 'case_pseudonym'));
create index quarantined_messages_by_slide on sentinode.quarantined_messages ((headers ->> 'slide_id'));

-- As a word of its own, so that the erasure of C-1 leaves C-17 alone.
create function review.mentions(body bytea, name text) returns boolean
    language sql immutable set search_path = pg_catalog, pg_temp as $$
    select coalesce(
        position(convert_to(name, 'UTF8') in body) > 0
            and encode(body, 'escape') ~ format('(^|[^[:alnum:]_-])%s($|[^[:alnum:]_-])',
                regexp_replace(encode(convert_to(name, 'UTF8'), 'escape'), '([^[:alnum:]])', '\\\1', 'g')), false)
$$;
comment on function review.mentions(bytea, text) is 'Whether a name stands in a body';

create function audit.columns_without(relation regclass, cleared text) returns text
    language sql stable set search_path = pg_catalog, pg_temp as $$
    select string_agg(
        case when attname = any (string_to_array(cleared, ' ')) then format('null::%s as %I', format_type(atttypid, atttypmod), attname)
             else format('%I', attname) end, ', ' order by attnum)
    from pg_attribute where attrelid = relation and attnum > 0 and not attisdropped
$$;
comment on function audit.columns_without(regclass, text) is 'The columns of a table as an erasure leaves them';

create function review.erase(what text, name text, reason text, dry_run boolean)
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
comment on function review.erase(text, text, text, boolean) is 'Clears what names a case or slide, and the salts, patches and payloads; digests stay as commitments that reveal nothing';

create function review.erase_case(case_pseudonym text, reason text, dry_run boolean default false)
    returns table (predictions bigint, quarantined bigint, labels bigint, images bigint)
    language sql security definer set search_path = pg_catalog, pg_temp as $$
    select * from review.erase('case', case_pseudonym, reason, dry_run)
$$;
comment on function review.erase_case(text, text, boolean) is 'Erases what names a case: slide, position, pseudonym, message id, attributes, patches, payloads, comments. Scores, labels and hashes stay. What still waits in the queue is not touched';

create function review.erase_slide(slide_id text, reason text, dry_run boolean default false)
    returns table (predictions bigint, quarantined bigint, labels bigint, images bigint)
    language sql security definer set search_path = pg_catalog, pg_temp as $$
    select * from review.erase('slide', slide_id, reason, dry_run)
$$;
comment on function review.erase_slide(text, text, boolean) is 'The same for one slide';

grant execute on function review.pause(text), review.resume(text) to sentinode_reviewer, sentinode_admin;
grant execute on function review.prune_images(integer), review.erase_case(text, text, boolean), review.erase_slide(text, text, boolean)
    to sentinode_admin;
