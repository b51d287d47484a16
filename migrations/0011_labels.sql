-- What people say of a patch: claims, labels and reveals, and the functions through which they are made.

set local role sentinode_owner;

create table review.claims (
    claim_id uuid primary key,
    job_id uuid not null references sentinode.predictions,
    site text,
    reader text not null,
    stage text not null check (stage in ('first read', 'second read', 'adjudication')),
    claimed_at timestamptz not null,
    leased_until timestamptz not null check (leased_until > claimed_at),
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
create index claims_by_job on review.claims (job_id, claimed_at);
create index claims_by_leaf on review.claims (writer, seal);

comment on table review.claims is 'Who took what from the worklist, when. Append-only';
comment on column review.claims.claim_id is 'Random';
comment on column review.claims.job_id is 'The job';
comment on column review.claims.site is 'Its laboratory';
comment on column review.claims.reader is 'Login of the reader';
comment on column review.claims.stage is 'What the job waited for';
comment on column review.claims.claimed_at is 'When, by the server''s clock';
comment on column review.claims.leased_until is 'Kept for the reader until then';
comment on column review.claims.writer is 'Where its audit leaf stands: the writer';
comment on column review.claims.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.claims.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.claims.salt is 'Random bytes in the row''s digest';

create table review.labels (
    label_id uuid primary key,
    job_id uuid not null references sentinode.predictions,
    site text,
    slide_id text,
    is_blind_job boolean not null,
    reads_wanted smallint not null check (reads_wanted in (1, 2)),
    act text not null check (act in ('read', 'adjudication', 'amendment', 'withdrawal')),
    label text check (label in ('tumor', 'normal', 'unassessable')),
    confidence smallint check (confidence between 1 and 5),
    comment text check (octet_length(comment) between 1 and 4000),
    reason text check (octet_length(reason) between 1 and 4000),
    meaning text not null check (meaning in ('review', 'approval', 'responsibility')),
    reader text not null,
    printed_name text not null,
    qualification text not null,
    reading text not null check (reading in ('first read', 'second read', 'adjudication', 'voluntary')),
    blind boolean,
    after_reveal boolean,
    source text not null check (source in ('person', 'import')),
    supersedes uuid unique references review.labels,
    claimed_at timestamptz,
    labelled_at timestamptz not null,
    recorded_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    constraint a_withdrawal_says_nothing_else check ((act = 'withdrawal') = (label is null)),
    constraint only_amendments_supersede check ((act in ('amendment', 'withdrawal')) = (supersedes is not null)),
    constraint a_change_has_a_reason check (act = 'read' or reason is not null or salt is null),
    constraint a_reader_speaks_for_himself check (source = 'import' or reader = recorded_by)
);
create unique index labels_once_a_reader on review.labels (job_id, reader) where supersedes is null;
create index labels_by_job on review.labels (job_id, labelled_at);
create index labels_by_time on review.labels (labelled_at);
create index labels_by_slide on review.labels (slide_id) where slide_id is not null;
create index labels_by_reader on review.labels (reader, labelled_at);
create index labels_by_leaf on review.labels (writer, seal);

comment on table review.labels is 'What readers said, and every change of it: a label is superseded by another, never overwritten. Append-only';
comment on column review.labels.label_id is 'Random';
comment on column review.labels.job_id is 'The job';
comment on column review.labels.site is 'Its laboratory';
comment on column review.labels.slide_id is 'Its slide';
comment on column review.labels.is_blind_job is 'Whether the policy hides the model''s answer on the job before every reading';
comment on column review.labels.reads_wanted is 'Independent readings that the policy wants of the job';
comment on column review.labels.act is 'read or adjudication: a first word; amendment or withdrawal: a change of one''s own';
comment on column review.labels.label is 'tumor: at least one tumour pixel in the central 32x32; normal: none; unassessable: cannot be said; NULL in a withdrawal';
comment on column review.labels.confidence is '1, a guess, to 5, certain';
comment on column review.labels.comment is 'Whatever the reader wants to say';
comment on column review.labels.reason is 'Why it contradicts the model or an earlier label, or why it was changed';
comment on column review.labels.meaning is 'What the reader signs for: review, approval, responsibility';
comment on column review.labels.reader is 'Login of the reader whose word it is';
comment on column review.labels.printed_name is 'The reader''s name then';
comment on column review.labels.qualification is 'The reader''s qualification then';
comment on column review.labels.reading is 'Which of the wanted readings it was; voluntary: outside the draw, so in no estimate';
comment on column review.labels.blind is 'Whether the model''s answer was hidden from the reader until then; NULL for imports, where nobody knows';
comment on column review.labels.after_reveal is 'Of a change to a blind reading: whether the reader had seen the model''s answer by then';
comment on column review.labels.source is 'person: through the functions; import: from a file';
comment on column review.labels.supersedes is 'The label that it replaces';
comment on column review.labels.claimed_at is 'When the reader had claimed the patch';
comment on column review.labels.labelled_at is 'When, by the server''s clock';
comment on column review.labels.recorded_by is 'Database login that recorded it';
comment on column review.labels.writer is 'Where its audit leaf stands: the writer';
comment on column review.labels.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.labels.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.labels.salt is 'Random bytes in the row''s digest';

create table review.reveals (
    job_id uuid not null references sentinode.predictions,
    reader text not null,
    site text,
    label_id uuid not null references review.labels,
    revealed_at timestamptz not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (job_id, reader)
);
create index reveals_by_leaf on review.reveals (writer, seal);

comment on table review.reveals is 'When a reader saw the model''s answer after a blind reading. Append-only';
comment on column review.reveals.job_id is 'The job';
comment on column review.reveals.reader is 'Login of the reader';
comment on column review.reveals.site is 'The job''s laboratory';
comment on column review.reveals.label_id is 'The reader''s label then';
comment on column review.reveals.revealed_at is 'When, by the server''s clock';
comment on column review.reveals.writer is 'Where its audit leaf stands: the writer';
comment on column review.reveals.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.reveals.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.reveals.salt is 'Random bytes in the row''s digest';

do $$
declare
    relation regclass;
begin
    foreach relation in array array['review.claims', 'review.labels', 'review.reveals']::regclass[] loop
        call audit.protect(relation);
        execute format('alter table %s enable row level security, force row level security', relation);
        execute format('create policy whole_table on %s to sentinode_monitor, sentinode_auditor, sentinode_admin using (true)', relation);
        execute format('create policy granted_sites on %s to sentinode_owner
                        using ((select review.sees_everything()) or site = any ((select review.my_sites())::text[]))', relation);
        execute format('grant select on %s to sentinode_monitor, sentinode_auditor, sentinode_admin', relation);
    end loop;
end $$;

-- A label's time is taken before its commit, so a label may appear later than a figure that was computed after that time.
-- Each act therefore holds a shared lock named by its second until it commits: what is older than the oldest is settled.
create function review.time_of_act() returns timestamptz
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform pg_advisory_xact_lock_shared(1397050965, (floor(extract(epoch from clock_timestamp())) - 1577836800)::integer);
    return clock_timestamp();
end $$;
comment on function review.time_of_act() is 'The time of an act, at or after a second that stays locked, shared, until the act commits';

create function review.settled_at() returns timestamptz
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    latest timestamptz := clock_timestamp();
begin
    return least(latest, (
        select min(to_timestamp(1577836800 + objid::bigint))
        from pg_locks
        where locktype = 'advisory' and classid = 1397050965 and objsubid = 2
            and database = (select oid from pg_database where datname = current_database())));
end $$;
comment on function review.settled_at() is 'Latest time before which no label can appear any more: figures as of then can always be computed again';

-- What a person may not see of a job before the reading.
create function review.hides(job uuid, blind boolean) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select (coalesce(blind, false) or review.is_always_blind()) and review.is_reader()
        and not exists (select from review.reveals where reveals.job_id = job and reveals.reader = session_user)
$$;
comment on function review.hides(uuid, boolean) is 'Whether the model''s answer on the job is still hidden from the login';

create function review.queue_review(job uuid, next_stage text) returns void
    language sql set search_path = pg_catalog, pg_temp as $$
    insert into review.worklist_items
        (job_id, stage, stream, priority, reading_order, site, slide_id, reads_wanted, blind, due_at)
    select prediction.job_id, next_stage, case when prediction.audit_selected then 'audit' else 'clinical' end,
           coalesce(rule.priority, 10),
           sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(prediction.job_id)),
           prediction.site, prediction.slide_id, coalesce(prediction.reads_wanted, 1), coalesce(prediction.blind, false),
           now() + make_interval(hours => coalesce(rule.due_hours, 72))
    from sentinode.predictions as prediction
    left join review.policy_rules as rule on rule.generation = prediction.review_policy and rule.rule = prediction.review_rule
    where prediction.job_id = job
    on conflict (job_id) do update
        set stage = excluded.stage, leased_by = null, leased_at = null, leased_until = null
$$;
comment on function review.queue_review(uuid, text) is 'Puts a job on the worklist, or on to its next stage, free for others to claim';

-- Called after every label: what is still to be read of the job follows from its labels alone.
create function review.settle(job uuid) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    selected boolean;
    wanted integer;
    readings integer;
    answers integer;
    adjudicated boolean;
begin
    select review_reason is not null, coalesce(reads_wanted, 1) into selected, wanted
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
comment on function review.settle(uuid) is 'Brings the worklist up to date with the labels of a job';

create function review.check_words(label text, confidence integer, comment text, meaning text) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if label is null or label not in ('tumor', 'normal', 'unassessable') then
        perform review.refuse('SN004', format('%s is no label', coalesce(quote_literal(left(label, 40)), 'NULL')),
            'Labels are tumor (in the central 32x32 pixels), normal and unassessable.');
    end if;
    if confidence is not null and confidence not between 1 and 5 then
        perform review.refuse('SN010', format('%s is no confidence', confidence), 'From 1, a guess, to 5, certain.');
    end if;
    if meaning is null or meaning not in ('review', 'approval', 'responsibility') then
        perform review.refuse('SN010', 'that is no meaning of a signature', 'It is review, approval or responsibility.');
    end if;
    if octet_length(comment) > 4000 then
        perform review.refuse('SN010', format('a comment has at most 4,000 bytes, not %s', octet_length(comment)), 'Shorten it.');
    end if;
end $$;
comment on function review.check_words(text, integer, text, text) is 'Refuses what no label may say';

create function review.refuse_unseen(job uuid) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform review.refuse('SN002', format('there is no job %s at your sites (%s)', coalesce(job::text, 'NULL'),
            coalesce(nullif(array_to_string(review.my_sites(), ', '), ''), 'none')),
        'SELECT job_id FROM review.predictions shows the jobs you may read; an administrator grants sites with review.add_reader.');
end $$;
comment on function review.refuse_unseen(uuid) is 'The refusal of a job that does not exist or stands at a site not granted';

-- Which reading a label would be, or why it cannot be given now.
create function review.reading_of(item review.worklist_items, reader review.readers) returns text
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
            perform review.refuse('SN009', format('job %s waits for an adjudicator', item.job_id),
                'A reader who adjudicates claims it: SELECT * FROM review.claim(1).');
        end if;
    elsif (item.stream = 'audit' or reader.always_blind) and (item.leased_by is null or item.leased_by <> session_user) then
        -- Picked by hand, it would not be the random sample any more. Who is always blind is told no difference.
        return 'voluntary';
    end if;
    return item.stage;
end $$;
comment on function review.reading_of(review.worklist_items, review.readers) is 'Which wanted reading a label of this reader would be, or voluntary';

-- A blind reader is asked for no reason: the question alone would tell the model's answer.
create function review.contradicts(job uuid, said text, decision text, reads_are_independent boolean) returns boolean
    language sql stable set search_path = pg_catalog, pg_temp as $$
    select (said in ('tumor', 'normal') and decision in ('tumor', 'normal') and said <> decision)
        or (not reads_are_independent and exists (
            select from review.labels as earlier
            where earlier.job_id = job and earlier.label is not null and earlier.label <> said
                and not exists (select from review.labels as later where later.supersedes = earlier.label_id)))
$$;
comment on function review.contradicts(uuid, text, text, boolean) is 'Whether a label contradicts the model, or an earlier label that the reader can see';

create function review.read_patch(
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
    if reading = 'voluntary' and item.job_id is not null then
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
comment on function review.read_patch(audit.act, integer, review.readers, uuid, text, integer, text, text, text) is 'Stores one label of the acting reader';

create function review.confirm_many(
    job_ids uuid[], label text, confidence integer default null, comment text default null, reason text default null,
    meaning text default 'review'
) returns uuid[]
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    act audit.act;
    jobs uuid[];
    ids uuid[] := '{}';
begin
    perform review.check_words(label, confidence, comment, meaning);
    -- In one order for everybody, so that two readers never wait for each other.
    select array_agg(distinct job order by job) into jobs from unnest(job_ids) as job;
    if jobs is null or cardinality(jobs) > 1000 then
        perform review.refuse('SN010', format('from 1 to 1,000 jobs can be labelled at once, not %s', coalesce(cardinality(jobs), 0)),
            'Label them in several calls.');
    end if;
    if reason is not null then perform review.require_reason(reason, 'a label'); end if;
    act := audit.begin_act();
    for place in 1..cardinality(jobs) loop
        ids := ids || review.read_patch(act, place, reader, jobs[place], label, confidence, comment, reason, meaning);
    end loop;
    -- The reason stands in the labels, under this seal: there an erasure can reach it, in an event it could not.
    perform audit.seal_act(act, 'label.confirmed', case when cardinality(jobs) = 1 then jobs[1]::text end,
        null, jsonb_build_object('labels', cardinality(jobs)), 'review.labels');
    return ids;
end $$;
comment on function review.confirm_many(uuid[], text, integer, text, text, text) is
    'Says of up to 1,000 patches: tumor, normal or unassessable. All or none. Returns the labels'' ids in the order of the jobs'' ids';

create function review.confirm(
    job_id uuid, label text, confidence integer default null, comment text default null, reason text default null,
    meaning text default 'review'
) returns uuid
    language sql security definer set search_path = pg_catalog, pg_temp as $$
    select (review.confirm_many(array[job_id], label, confidence, comment, reason, meaning))[1]
$$;
comment on function review.confirm(uuid, text, integer, text, text, text) is
    'Says of a patch: tumor, normal or unassessable. confidence: 1 to 5; reason: needed where it contradicts the model or an earlier label (a comment will do). Returns the label''s id';

create function review.supersede(
    label_id uuid, new_label text, reason text, confidence integer, comment text, meaning text
) returns uuid
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    before review.labels;
    revealed boolean;
    act audit.act;
    kind text := case when new_label is null then 'withdrawal' else 'amendment' end;
    why text := review.require_reason(reason, case kind when 'withdrawal' then 'a withdrawal' else 'an amendment' end);
    id uuid := gen_random_uuid();
begin
    select * into before from review.labels where labels.label_id = supersede.label_id for update;
    if not found or (before.reader <> session_user
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
comment on function review.supersede(uuid, text, text, integer, text, text) is 'Stores a label in place of one''s own before';

create function review.amend(
    label_id uuid, label text, reason text, confidence integer default null, comment text default null, meaning text default 'review'
) returns uuid
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform review.check_words(label, confidence, comment, meaning);
    return review.supersede(label_id, label, reason, confidence, comment, meaning);
end $$;
comment on function review.amend(uuid, text, text, integer, text, text) is 'Replaces a label of one''s own; the one before stays, superseded. Returns the new label''s id';

create function review.withdraw(label_id uuid, reason text) returns uuid
    language sql security definer set search_path = pg_catalog, pg_temp as $$
    select review.supersede(label_id, null, reason, null, null, 'review')
$$;
comment on function review.withdraw(uuid, text) is 'Takes a label of one''s own back; it stays, superseded. The patch waits for a reading again. Returns the withdrawal''s id, which can be amended';

create function review.import_labels(
    reader text, job_ids uuid[], labels text[], reason text, confidence integer default null
) returns uuid[]
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    who review.readers;
    act audit.act;
    why text := review.require_reason(reason, 'an import of labels');
    prediction record;
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
        select site, slide_id, coalesce(blind, false) as blind, coalesce(reads_wanted, 1) as reads_wanted
        into prediction from sentinode.predictions where job_id = pair.job;
        if not found or not (who.sites ? '*' or coalesce(who.sites ? prediction.site, false)) then
            perform review.refuse('SN002', format('there is no job %s at the sites of the reader %s', pair.job, reader),
                'Nothing was imported. Leave it out, or grant the site with review.add_reader.');
        end if;
        select * into item from review.worklist_items where job_id = pair.job for update;
        id := gen_random_uuid();
        insert into review.labels
            (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, confidence, reason, meaning, reader,
             printed_name, qualification, reading, source, labelled_at, recorded_by, writer, seal, leaf, salt)
        values (id, pair.job, prediction.site, prediction.slide_id, prediction.blind, prediction.reads_wanted, 'read', pair.said, import_labels.confidence, why, 'review', who.login,
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
comment on function review.import_labels(text, uuid[], text[], text, integer) is
    'Stores labels that a reader gave elsewhere. All or none. Of the random sample and of adjudications they count as voluntary';

create function review.reveal(job_id uuid) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers := review.me();
    prediction record;
    said record;
    act audit.act;
begin
    select site, blind into prediction from sentinode.predictions where predictions.job_id = reveal.job_id;
    if not found then perform review.refuse_unseen(job_id); end if;
    if not review.hides(job_id, prediction.blind) then return; end if;
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
comment on function review.reveal(uuid) is 'Shows the model''s answer after a blind reading; what is changed afterwards is recorded as changed after it';
