-- Who reviews, and what is selected for review.

set local role sentinode_owner;

create table review.readers (
    login text not null check (octet_length(login) between 1 and 63),
    version integer not null check (version > 0),
    full_name text not null check (octet_length(full_name) between 1 and 255),
    qualification text not null check (octet_length(qualification) between 1 and 255),
    sites_source text not null check (octet_length(sites_source) <= 65536),
    sites jsonb generated always as (sites_source::jsonb) stored,
    always_blind boolean not null,
    adjudicates boolean not null,
    active_from timestamptz not null,
    active_to timestamptz check (active_to >= active_from),
    reason text check (octet_length(reason) between 1 and 4000),
    recorded_at timestamptz not null,
    recorded_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (login, version)
);
create index readers_by_leaf on review.readers (writer, seal);

comment on table review.readers is 'Which person a database login belongs to, and what that person may read. The highest version of a login is in force. Append-only';
comment on column review.readers.login is 'Database login';
comment on column review.readers.version is 'Counts changes from 1';
comment on column review.readers.full_name is 'Printed on every label';
comment on column review.readers.qualification is 'Such as "consultant pathologist"; printed on every label';
comment on column review.readers.sites_source is 'Sites whose patches this person sees and labels, a JSON array of names; "*" is every site, and patches without one';
comment on column review.readers.sites is 'The same, to query';
comment on column review.readers.always_blind is 'Whether the model''s answer is hidden from this person before every reading, not only where the policy says so';
comment on column review.readers.adjudicates is 'Whether this person may decide where two readers disagree';
comment on column review.readers.active_from is 'May act from then on ...';
comment on column review.readers.active_to is '... and until then; NULL for no end';
comment on column review.readers.reason is 'Why it was changed';
comment on column review.readers.recorded_at is 'When it was recorded, by the server''s clock';
comment on column review.readers.recorded_by is 'Database login that recorded it';
comment on column review.readers.writer is 'Where its audit leaf stands: the writer';
comment on column review.readers.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.readers.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.readers.salt is 'Random bytes in the row''s digest';

create table review.policies (
    generation bigint primary key check (generation > 0),
    valid_from timestamptz not null,
    key_commitment bytea check (octet_length(key_commitment) = 32),
    lease_minutes integer not null check (lease_minutes between 1 and 10080),
    reason text not null check (octet_length(reason) between 1 and 4000),
    recorded_at timestamptz not null,
    recorded_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    check (valid_from >= recorded_at)
);

comment on table review.policies is 'How predictions are selected for review. Of those whose time has come, the highest generation is in force; before the first, only uncertain predictions are selected. Append-only';
comment on column review.policies.generation is 'Counts changes from 1';
comment on column review.policies.valid_from is 'In force from then on, never retroactively';
comment on column review.policies.key_commitment is 'SHA-256 over "sentinode.review-key.v1" and the key of the random draws, which only workers know; NULL where no rule draws';
comment on column review.policies.lease_minutes is 'How long a claimed patch is kept for whoever claimed it';
comment on column review.policies.reason is 'Why, in the words of the person who set it';
comment on column review.policies.recorded_at is 'When it was recorded, by the server''s clock';
comment on column review.policies.recorded_by is 'Database login that recorded it';
comment on column review.policies.writer is 'Where its audit leaf stands: the writer';
comment on column review.policies.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.policies.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.policies.salt is 'Random bytes in the row''s digest';

create table review.policy_rules (
    generation bigint not null references review.policies,
    rule smallint not null check (rule > 0),
    reason text not null check (reason in ('uncertain', 'positive', 'audit')),
    site text check (octet_length(site) between 1 and 255),
    score_low double precision not null check (score_low >= 0),
    score_high double precision not null check (score_high > score_low),
    rate double precision not null check (rate between 0 and 1),
    top_per_slide integer not null check (top_per_slide between 0 and 1000),
    second_read_rate double precision not null check (second_read_rate between 0 and 1),
    blind boolean not null,
    priority smallint not null check (priority between 1 and 100),
    due_hours integer not null check (due_hours between 1 and 87600),
    keep_image_days integer not null check (keep_image_days between 0 and 36500),
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (generation, rule),
    constraint only_positives_are_capped_by_slide check (top_per_slide = 0 or reason = 'positive'),
    constraint every_uncertain_patch_is_looked_at check (reason <> 'uncertain' or rate = 1),
    -- Whether a reading is blind may say nothing about the score, so only the draw from everything can decide it.
    constraint only_the_audit_sample_is_blind check (not blind or reason = 'audit'),
    constraint what_is_read_blind_can_be_looked_at check (not blind or keep_image_days > 0)
);

comment on table review.policy_rules is 'The rules of a policy. For each reason the first rule whose site and score band fit a prediction applies to it. Append-only';
comment on column review.policy_rules.generation is 'The policy';
comment on column review.policy_rules.rule is 'Order within the policy';
comment on column review.policy_rules.reason is 'uncertain: the decision is uncertain; positive: the decision is tumor; audit: a random draw from everything';
comment on column review.policy_rules.site is 'Laboratory it applies to; NULL for every one';
comment on column review.policy_rules.score_low is 'Band of p_tumor it applies to: from here on ...';
comment on column review.policy_rules.score_high is '... and below this; above 1 for no upper end';
comment on column review.policy_rules.rate is 'Probability of being drawn';
comment on column review.policy_rules.top_per_slide is 'A positive is selected for certain when it is among this many highest scores of the slide known when it is decided';
comment on column review.policy_rules.second_read_rate is 'Probability that a selected prediction is read by a second person';
comment on column review.policy_rules.blind is 'Whether the model''s answer is hidden until the reader''s own is stored and revealed';
comment on column review.policy_rules.priority is 'Clinical reasons are served in this order, 1 first';
comment on column review.policy_rules.due_hours is 'A review is overdue after that';
comment on column review.policy_rules.keep_image_days is 'How long the patch is kept for people to look at';
comment on column review.policy_rules.writer is 'Where its audit leaf stands: the writer';
comment on column review.policy_rules.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column review.policy_rules.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column review.policy_rules.salt is 'Random bytes in the row''s digest';

call audit.protect('review.readers');
call audit.protect('review.policies');
call audit.protect('review.policy_rules');
create trigger check_author before insert on review.readers
    for each row execute function audit.check_author('recorded_by', 'recorded_at');
create trigger check_author before insert on review.policies
    for each row execute function audit.check_author('recorded_by', 'recorded_at');

grant select on review.readers, review.policies, review.policy_rules to sentinode_monitor, sentinode_auditor, sentinode_admin;
grant usage on schema review to sentinode_worker;
grant select on review.policies, review.policy_rules to sentinode_worker;

create function review.person_of(of_login text) returns text
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select full_name from review.readers where login = of_login order by version desc limit 1
$$;
comment on function review.person_of(text) is 'Printed name of the person whom a login belongs to; NULL for none';

-- Reads as whoever logged in, whatever role a function runs as.
create function review.is_reader() returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce((
        select now() >= active_from and (active_to is null or now() < active_to)
        from review.readers where login = session_user order by version desc limit 1), false)
$$;
comment on function review.is_reader() is 'Whether the login belongs to a person who may review now';

create function review.is_always_blind() returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce((select always_blind from review.readers where login = session_user order by version desc limit 1), false)
$$;
comment on function review.is_always_blind() is 'Whether the model''s answer is hidden from the login before every reading';

create function review.my_sites() returns text[]
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(site), '{}')
    from (
        select sites from review.readers
        where login = session_user and review.is_reader()
        order by version desc limit 1
    ) as mine
    cross join lateral jsonb_array_elements_text(mine.sites) as site
    where mine.sites is not null
$$;
comment on function review.my_sites() is 'Sites granted to the login; * is every one, and patches without a site';

create function review.sees_everything() returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce('*' = any (review.my_sites()), false)
        or exists (
            select from unnest(array['sentinode_worker', 'sentinode_monitor', 'sentinode_auditor', 'sentinode_admin', 'sentinode_owner']) as trusted
            where pg_has_role(session_user, trusted, 'member'))
$$;
comment on function review.sees_everything() is 'Whether the login sees the rows of every site: a reader with the grant *, or a member of a role that is no reader''s';

-- The reader who acts, or a refusal.
create function review.me() returns review.readers
    language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers;
begin
    select * into reader from review.readers where login = session_user order by version desc limit 1;
    if not found then
        perform review.refuse('SN001', format('the login %s belongs to no reader', session_user),
            'An administrator adds readers: SELECT review.add_reader(login, full_name, qualification, sites).');
    elsif not review.is_reader() then
        perform review.refuse('SN001', format('the reader %s is not active now', session_user),
            'An administrator can set other times: SELECT review.add_reader(...) again.');
    end if;
    return reader;
end $$;
comment on function review.me() is 'The reader to whom the login belongs; refuses others';

create function review.record_reader(reader review.readers, action text) returns void
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
    perform audit.seal_act(act, action, reader.login, reader.reason, null, 'review.readers');
end $$;
comment on function review.record_reader(review.readers, text) is 'Stores a new version of a reader, as an event';

create function review.add_reader(
    login text, full_name text, qualification text, sites text[],
    always_blind boolean default false, adjudicates boolean default false,
    active_from timestamptz default null, active_to timestamptz default null, reason text default null
) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers;
    revealing text;
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
    if sites is null or cardinality(sites) = 0 or array_position(sites, null) is not null then
        perform review.refuse('SN010', 'a reader needs at least one site', 'Name the sites, or ARRAY[''*''] for every one.');
    end if;
    if coalesce(trim(full_name), '') = '' or coalesce(trim(qualification), '') = '' then
        perform review.refuse('SN010', 'a reader needs a full name and a qualification', 'Both are printed on every label.');
    end if;
    reader.login := login;
    reader.full_name := trim(full_name);
    reader.qualification := trim(qualification);
    reader.sites_source := to_json(sites)::text;
    reader.always_blind := always_blind;
    reader.adjudicates := adjudicates;
    reader.active_from := coalesce(active_from, now());
    reader.active_to := active_to;
    reader.reason := nullif(trim(reason), '');
    if not pg_has_role(login, 'sentinode_reviewer', 'member') then
        begin
            execute format('grant sentinode_reviewer to %I', login);
        exception when insufficient_privilege then
            perform review.refuse('SN017', format('%s is not yet a member of sentinode_reviewer, and this database may not grant it', login),
                format('Have an administrator run GRANT sentinode_reviewer TO %I, then add the reader again.', login));
        end;
    end if;
    perform review.record_reader(reader, 'reader.added');
end $$;
comment on function review.add_reader(text, text, text, text[], boolean, boolean, timestamptz, timestamptz, text) is
    'Says whom a login belongs to and which sites that person reads, and grants it sentinode_reviewer. Called again, it replaces what was said before';

create function review.end_reader(login text, reason text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    reader review.readers;
begin
    select * into reader from review.readers as known where known.login = end_reader.login order by version desc limit 1;
    if not found then
        perform review.refuse('SN001', format('there is no reader %s', login), 'SELECT * FROM review.readers shows those there are.');
    end if;
    reader.reason := review.require_reason(reason, 'ending a reader');
    reader.active_to := greatest(now(), reader.active_from);
    perform review.record_reader(reader, 'reader.ended');
end $$;
comment on function review.end_reader(text, text) is 'From now on the login may not review any more; what it labelled stays';

create function review.warn_of_unsampled_strata(number bigint) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    empty text;
begin
    select string_agg(format('rule %s (site %s, p_tumor from %s to %s)', rule, coalesce(site, 'any'), score_low, score_high), ', ' order by rule)
    into empty from review.policy_rules where generation = number and reason = 'audit' and rate = 0;
    if empty is not null then
        raise warning 'nothing is drawn in %: precision and recall of these cannot be estimated', empty
            using hint = 'Give every audit rule a rate above 0, be it small.';
    end if;
    if not exists (
        select from review.policy_rules
        where generation = number and reason = 'audit' and site is null and score_low = 0 and score_high > 1 and rate > 0)
    then
        raise warning 'no audit rule draws from everything: what no rule covers is never confirmed, and no figure speaks for it'
            using hint = 'End the rules with {"reason": "audit", "rate": 0.01}, without site and band.';
    end if;
end $$;
comment on function review.warn_of_unsampled_strata(bigint) is 'Warns of what monitoring needs and a policy never draws';

-- A reader knows which readings are blind, when they are due and whether another person reads them too. Where these go by
-- the score, they tell it; so the audit rules that apply at one site have to agree on them, and leave no score out.
create function review.refuse_telling_blindness(number bigint) returns void
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
end $$;
comment on function review.refuse_telling_blindness(bigint) is 'Refuses a policy by which a blind reading, or how it is served, depends on the score';

-- rules: [{"reason": "audit", "rate": 0.02, ...}, ...], in order; what a rule leaves out has the default given here.
create function review.set_policy(
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
        perform review.refuse('SN012', 'a rule is out of range: ' || sqlerrm, '\d+ review.policy_rules says what each field may be.');
end $$;
comment on function review.set_policy(jsonb, text, text, timestamptz, integer) is
    'Sets how predictions are selected for review from now on, or from a later time. Returns its generation. An empty array switches selection off, but for uncertain predictions';

grant execute on function review.add_reader(text, text, text, text[], boolean, boolean, timestamptz, timestamptz, text),
    review.end_reader(text, text), review.set_policy(jsonb, text, text, timestamptz, integer) to sentinode_admin;
grant execute on function review.person_of(text) to sentinode_worker, sentinode_admin, sentinode_auditor, sentinode_monitor;

-- So that review.add_reader can let people in. Who may not grant it here is told so when a reader is added.
reset role;
do $$
begin
    grant sentinode_reviewer to sentinode_owner with admin option;
exception when insufficient_privilege then
    raise notice 'readers have to be granted sentinode_reviewer by hand: this login may not pass on the right to';
end $$;
