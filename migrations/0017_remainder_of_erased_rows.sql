-- What an erasure leaves of a row is held by a digest of its own: without its salt the row's leaf cannot be computed again.

set local role sentinode_owner;

alter table audit.erased_rows add column remainder bytea check (octet_length(remainder) = 32);
comment on column audit.erased_rows.remainder is 'Digest of the row as the erasure left it, so that nobody can change the columns that stayed';

-- As before, but that each row listed carries the digest of what is left of it.
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
    remaining text;
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
        select string_agg(case when attname = any (string_to_array(cleared, ' '))
                               then format('null::%s as %I', format_type(atttypid, atttypmod), attname)
                               else quote_ident(attname) end, ', ')
        into remaining
        from pg_attribute
        where attrelid = relation::regclass and attnum > 0 and not attisdropped and attgenerated = '';
        execute format(
            'insert into audit.erased_rows
                 (relation, row_writer, row_seal, row_leaf, columns, remainder, erased_at, erased_by, writer, seal, leaf, salt)
             select %L, writer, seal, leaf, $2, sha256(%s), now(), session_user, $3, $4,
                    $5 - 1 + row_number() over (order by writer, seal, leaf), uuid_send(gen_random_uuid())
             from (select %s from %s where job_id = any ($1) and salt is not null) as cleared',
            relation, audit.row_encoding(relation::regclass), remaining, relation)
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
