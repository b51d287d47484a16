-- What the monitor keeps: references that people froze, profiles of every hour, runs with their measurements, and alerts
-- with what people did about them.

set local role sentinode_owner;

alter table sentinode.predictions
    add column hematoxylin_red real, add column hematoxylin_green real, add column eosin_red real, add column eosin_green real,
    add column embedding bytea,
    add constraint stain_vectors_are_whole check (
        num_nulls(hematoxylin_red, hematoxylin_green, eosin_red, eosin_green) in (0, 4)
        and hematoxylin_red between -1 and 1 and hematoxylin_green between -1 and 1
        and eosin_red between -1 and 1 and eosin_green between -1 and 1),
    add constraint an_embedding_is_floats check (octet_length(embedding) between 4 and 65536 and octet_length(embedding) % 4 = 0);
comment on column sentinode.predictions.hematoxylin_red is 'Stain vector of hematoxylin (Macenko et al. 2009), a unit vector of optical density: its red; NULL where there is too little tissue or only one colour of it, or an earlier program stored it';
comment on column sentinode.predictions.hematoxylin_green is 'Its green; its blue follows, for its length is 1';
comment on column sentinode.predictions.eosin_red is 'Stain vector of eosin: its red; NULL as hematoxylin_red';
comment on column sentinode.predictions.eosin_green is 'Its green';
comment on column sentinode.predictions.embedding is 'Activations before the last layer, float32 little-endian, of a random sample of a version, a site and a day; else NULL';

-- A window holds what was stored in it, by the server's clock: once settled, it never gets another row. Rows lie in the
-- order of their storing, so ranges of pages are enough.
create index predictions_by_storing on sentinode.predictions
    using brin (coalesce(stored_at, predicted_at)) with (pages_per_range = 16, autosummarize = on);
create index predictions_with_embedding on sentinode.predictions (coalesce(stored_at, predicted_at)) where embedding is not null;

create table monitor.reference_profiles (
    reference_id uuid primary key,
    model_version text not null references sentinode.model_versions,
    window_start timestamptz not null,
    window_end timestamptz not null check (window_end > window_start),
    predictions bigint not null check (predictions > 0),
    patches integer not null check (patches between 1 and 20000),
    slides integer not null check (slides >= 0),
    patches_sha256 bytea not null check (octet_length(patches_sha256) = 32),
    reason text not null check (octet_length(reason) between 1 and 4000),
    in_force_from timestamptz not null,
    frozen_at timestamptz not null,
    frozen_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
create index reference_profiles_by_version on monitor.reference_profiles (model_version, in_force_from);
comment on table monitor.reference_profiles is 'Acceptance references: local data of a period that a named person froze after local validation. The newest of a version is in force. Append-only';
comment on column monitor.reference_profiles.reference_id is 'Random';
comment on column monitor.reference_profiles.model_version is 'The version it is a reference for';
comment on column monitor.reference_profiles.window_start is 'Predictions stored from then on ...';
comment on column monitor.reference_profiles.window_end is '... and before then';
comment on column monitor.reference_profiles.predictions is 'How many the period had';
comment on column monitor.reference_profiles.patches is 'How many of them are kept, drawn at random: 20,000 at most';
comment on column monitor.reference_profiles.slides is 'Slides of those; 0 where none was named';
comment on column monitor.reference_profiles.patches_sha256 is 'SHA-256 over the kept patches in their order: changed ones are not compared with';
comment on column monitor.reference_profiles.reason is 'Why this period, in the words of who froze it';
comment on column monitor.reference_profiles.in_force_from is 'Runs as of a later time compare with it: a time that they waited for';
comment on column monitor.reference_profiles.frozen_at is 'When, by the server''s clock';
comment on column monitor.reference_profiles.frozen_by is 'Database login that froze it';
comment on column monitor.reference_profiles.writer is 'Where its audit leaf stands: the writer';
comment on column monitor.reference_profiles.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column monitor.reference_profiles.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column monitor.reference_profiles.salt is 'Random bytes in the row''s digest';

-- No slide or job is named here, so that an erasure leaves nothing of a case behind.
create table monitor.reference_patches (
    reference_id uuid not null references monitor.reference_profiles deferrable initially deferred,
    number integer not null check (number > 0),
    slide integer not null check (slide >= 0),
    site text,
    scanner text,
    stain text,
    p_tumor real not null,
    is_called_tumor boolean not null,
    od_mean_red real not null,
    od_mean_green real not null,
    od_mean_blue real not null,
    od_sd_red real not null,
    od_sd_green real not null,
    od_sd_blue real not null,
    saturation real not null,
    brightness real not null,
    focus real not null,
    tissue_share real not null,
    hematoxylin_red real,
    hematoxylin_green real,
    eosin_red real,
    eosin_green real,
    embedding bytea,
    primary key (reference_id, number)
);
comment on table monitor.reference_patches is 'Patches of an acceptance reference. Append-only';
comment on column monitor.reference_patches.reference_id is 'The reference';
comment on column monitor.reference_patches.number is 'Order in it, by chance';
comment on column monitor.reference_patches.slide is 'Patches of one slide have the same number; 0 for no slide';
comment on column monitor.reference_patches.site is 'Laboratory';
comment on column monitor.reference_patches.scanner is 'Slide scanner';
comment on column monitor.reference_patches.stain is 'Stain';
comment on column monitor.reference_patches.p_tumor is 'Probability of tumour';
comment on column monitor.reference_patches.is_called_tumor is 'Whether it reached the threshold in force';
comment on column monitor.reference_patches.od_mean_red is 'As in sentinode.predictions';
comment on column monitor.reference_patches.od_mean_green is 'As in sentinode.predictions';
comment on column monitor.reference_patches.od_mean_blue is 'As in sentinode.predictions';
comment on column monitor.reference_patches.od_sd_red is 'As in sentinode.predictions';
comment on column monitor.reference_patches.od_sd_green is 'As in sentinode.predictions';
comment on column monitor.reference_patches.od_sd_blue is 'As in sentinode.predictions';
comment on column monitor.reference_patches.saturation is 'As in sentinode.predictions';
comment on column monitor.reference_patches.brightness is 'As in sentinode.predictions';
comment on column monitor.reference_patches.focus is 'As in sentinode.predictions';
comment on column monitor.reference_patches.tissue_share is 'As in sentinode.predictions';
comment on column monitor.reference_patches.hematoxylin_red is 'As in sentinode.predictions';
comment on column monitor.reference_patches.hematoxylin_green is 'As in sentinode.predictions';
comment on column monitor.reference_patches.eosin_red is 'As in sentinode.predictions';
comment on column monitor.reference_patches.eosin_green is 'As in sentinode.predictions';
comment on column monitor.reference_patches.embedding is 'As in sentinode.predictions';

create table monitor.hourly_profiles (
    model_version text not null,
    hour timestamptz not null,
    site text not null,
    scanner text not null,
    stain text not null,
    predictions integer not null check (predictions > 0),
    profile bytea not null,
    primary key (hour, model_version, site, scanner, stain)
);
comment on table monitor.hourly_profiles is 'Working memory: counts of what was stored in an hour, from which longer windows are added up. Can be made again from the predictions';
comment on column monitor.hourly_profiles.model_version is 'The version that decided';
comment on column monitor.hourly_profiles.hour is 'Start of the hour';
comment on column monitor.hourly_profiles.site is 'Laboratory; empty for none';
comment on column monitor.hourly_profiles.scanner is 'Slide scanner; empty for none';
comment on column monitor.hourly_profiles.stain is 'Stain; empty for none';
comment on column monitor.hourly_profiles.predictions is 'How many';
comment on column monitor.hourly_profiles.profile is 'Counts in the program''s own layout, whose number comes first';

create table monitor.hours (
    hour timestamptz primary key,
    predictions bigint not null check (predictions >= 0),
    layout integer not null,
    counted_at timestamptz not null default now(),
    -- A clock that jumped ahead must not keep later hours from being counted.
    constraint an_hour_is_over_when_counted check (hour + interval '1 hour' <= counted_at)
);
comment on table monitor.hours is 'Working memory: hours whose profiles are complete';
comment on column monitor.hours.hour is 'Start of the hour';
comment on column monitor.hours.predictions is 'How many were stored in it';
comment on column monitor.hours.counted_at is 'When, by the server''s clock';
comment on column monitor.hours.layout is 'Number of the layout of its profiles';

create table monitor.runs (
    run_id uuid primary key,
    as_of timestamptz not null,
    windows_until timestamptz not null,
    program text not null,
    configuration_source text not null check (octet_length(configuration_source) <= 65536),
    configuration jsonb generated always as (configuration_source::jsonb) stored,
    seal_heads bytea not null check (octet_length(seal_heads) % 56 = 0),
    windows integer not null check (windows >= 0),
    measurements integer not null check (measurements >= 0),
    measurements_sha256 bytea not null check (octet_length(measurements_sha256) = 32),
    recorded_at timestamptz not null,
    recorded_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    constraint a_run_knows_no_future check (as_of <= recorded_at + interval '1 minute' and windows_until <= as_of)
);
create index runs_by_time on monitor.runs (recorded_at);
comment on table monitor.runs is 'What the monitor computed when, from what. Append-only';
comment on column monitor.runs.run_id is 'Random';
comment on column monitor.runs.as_of is 'Labels and predictions count as they were known then';
comment on column monitor.runs.windows_until is 'Windows that ended by then are computed';
comment on column monitor.runs.program is 'Version of the program';
comment on column monitor.runs.configuration_source is 'Its configuration as JSON, the bytes that the digest covers';
comment on column monitor.runs.configuration is 'The same, to query';
comment on column monitor.runs.seal_heads is 'The audit chains that had grown since the run before, and how far: writer (16 bytes), number (8, big-endian) and seal (32) of each';
comment on column monitor.runs.windows is 'Windows computed, those computed anew among them';
comment on column monitor.runs.measurements is 'Its rows in monitor.measurements';
comment on column monitor.runs.measurements_sha256 is 'SHA-256 over those of windows that have ended, in their order';
comment on column monitor.runs.recorded_at is 'When, by the server''s clock';
comment on column monitor.runs.recorded_by is 'Database login that ran it';
comment on column monitor.runs.writer is 'Where its audit leaf stands: the writer';
comment on column monitor.runs.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column monitor.runs.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column monitor.runs.salt is 'Random bytes in the row''s digest';

create table monitor.measurements (
    run_id uuid not null references monitor.runs deferrable initially deferred,
    number integer not null check (number > 0),
    model_version text not null,
    window_kind text not null check (window_kind in ('hour', 'day', 'week', '28 days', 'now')),
    window_start timestamptz not null,
    window_end timestamptz not null,
    segment_kind text not null check (segment_kind in ('overall', 'site', 'scanner', 'stain')),
    segment text not null,
    metric text not null,
    method text not null,
    value double precision,
    ci_low double precision,
    ci_high double precision,
    n bigint not null check (n >= 0),
    slides integer check (slides >= 0),
    reference uuid,
    threshold double precision,
    state text not null check (state in ('ok', 'alarm', 'shown', 'immature', 'not enough data', 'not enough slides',
                                         'not estimable', 'no local reference', 'not calibrated')),
    note text,
    primary key (run_id, number)
);
create index measurements_by_window on monitor.measurements
    (window_kind, window_start, model_version, segment_kind, segment, metric, method);
comment on table monitor.measurements is 'Every figure of every run. A window computed anew has rows of a later run, which count. Append-only';
comment on column monitor.measurements.run_id is 'The run';
comment on column monitor.measurements.number is 'Order in it';
comment on column monitor.measurements.model_version is 'The version that decided; empty for what concerns all';
comment on column monitor.measurements.window_kind is 'hour, day, week (from Monday), 28 days (to each midnight); now: up to the run, the hours that are not over too. All in UTC';
comment on column monitor.measurements.window_start is 'Predictions stored from then on ...';
comment on column monitor.measurements.window_end is '... and before then';
comment on column monitor.measurements.segment_kind is 'overall, site, scanner or stain';
comment on column monitor.measurements.segment is 'Which; empty for overall';
comment on column monitor.measurements.metric is 'What is measured';
comment on column monitor.measurements.method is 'How, where there is more than one way';
comment on column monitor.measurements.value is 'NULL where the state says why';
comment on column monitor.measurements.ci_low is 'Lower end of its 95 % interval';
comment on column monitor.measurements.ci_high is 'Upper end';
comment on column monitor.measurements.n is 'Patches it counts';
comment on column monitor.measurements.slides is 'Slides they come from, where it counts them';
comment on column monitor.measurements.reference is 'Acceptance reference it was compared with';
comment on column monitor.measurements.threshold is 'Beyond it the state is alarm';
comment on column monitor.measurements.state is 'ok; alarm; shown: nothing to compare with; immature: labels are still coming; not enough data, not enough slides: the note says how many would do; not estimable; no local reference; not calibrated';
comment on column monitor.measurements.note is 'What to know of it, in a sentence';

create table monitor.alerts (
    alert_id uuid primary key,
    run_id uuid not null references monitor.runs deferrable initially deferred,
    model_version text not null,
    window_kind text not null,
    window_start timestamptz not null,
    window_end timestamptz not null,
    segment_kind text not null,
    segment text not null,
    metric text not null,
    method text not null,
    value double precision not null,
    threshold double precision not null,
    reason text not null check (octet_length(reason) <= 4000),
    raised_at timestamptz not null,
    raised_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
create index alerts_by_condition on monitor.alerts (model_version, window_kind, segment_kind, segment, metric, method);
create index alerts_by_time on monitor.alerts (raised_at);
comment on table monitor.alerts is 'Measurements that crossed their threshold, once for each condition until it is resolved. Append-only';
comment on column monitor.alerts.alert_id is 'Random';
comment on column monitor.alerts.run_id is 'The run that found it';
comment on column monitor.alerts.model_version is 'As in monitor.measurements';
comment on column monitor.alerts.window_kind is 'As in monitor.measurements';
comment on column monitor.alerts.window_start is 'Window in which it was found first';
comment on column monitor.alerts.window_end is 'End of that window';
comment on column monitor.alerts.segment_kind is 'As in monitor.measurements';
comment on column monitor.alerts.segment is 'As in monitor.measurements';
comment on column monitor.alerts.metric is 'As in monitor.measurements';
comment on column monitor.alerts.method is 'As in monitor.measurements';
comment on column monitor.alerts.value is 'What was measured';
comment on column monitor.alerts.threshold is 'What it crossed';
comment on column monitor.alerts.reason is 'The same in a sentence';
comment on column monitor.alerts.raised_at is 'When, by the server''s clock';
comment on column monitor.alerts.raised_by is 'Database login of the monitor';
comment on column monitor.alerts.writer is 'Where its audit leaf stands: the writer';
comment on column monitor.alerts.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column monitor.alerts.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column monitor.alerts.salt is 'Random bytes in the row''s digest';

create table monitor.alert_acts (
    alert_id uuid not null references monitor.alerts,
    number integer not null check (number > 0),
    act text not null check (act in ('acknowledged', 'resolved')),
    reason text not null check (octet_length(reason) between 1 and 4000),
    acted_at timestamptz not null,
    acted_by text not null,
    printed_name text,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (alert_id, number)
);
comment on table monitor.alert_acts is 'What was done about alerts, by people or by the monitor. Append-only';
comment on column monitor.alert_acts.alert_id is 'The alert';
comment on column monitor.alert_acts.number is 'Order, from 1';
comment on column monitor.alert_acts.act is 'acknowledged: somebody looks after it; resolved: it is over, and the same condition can raise another';
comment on column monitor.alert_acts.reason is 'Why, in the words of who did it';
comment on column monitor.alert_acts.acted_at is 'When, by the server''s clock';
comment on column monitor.alert_acts.acted_by is 'Database login';
comment on column monitor.alert_acts.printed_name is 'Whom it belongs to; NULL for nobody';
comment on column monitor.alert_acts.writer is 'Where its audit leaf stands: the writer';
comment on column monitor.alert_acts.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column monitor.alert_acts.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column monitor.alert_acts.salt is 'Random bytes in the row''s digest';

do $$
declare
    relation regclass;
begin
    foreach relation in array array['monitor.reference_profiles', 'monitor.runs', 'monitor.alerts', 'monitor.alert_acts']::regclass[]
    loop
        call audit.protect(relation);
        execute format('create constraint trigger sealed after insert on %s deferrable initially deferred
                        for each row execute function audit.check_sealed()', relation);
    end loop;
    call audit.protect('monitor.reference_patches');
    call audit.protect('monitor.measurements');
end $$;
create trigger check_author before insert on monitor.reference_profiles
    for each row execute function audit.check_author('frozen_by', 'frozen_at');
create trigger check_author before insert on monitor.runs
    for each row execute function audit.check_author('recorded_by', 'recorded_at');
create trigger check_author before insert on monitor.alerts
    for each row execute function audit.check_author('raised_by', 'raised_at');
create trigger check_author before insert on monitor.alert_acts
    for each row execute function audit.check_author('acted_by', 'acted_at');

-- A run's figures come with it, in its transaction, and none later.
create function monitor.check_measurements() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if exists (
        select from (select distinct run_id from new_measurements) as inserted
        where not exists (select from monitor.runs where runs.run_id = inserted.run_id and runs.recorded_at = now()))
    then
        raise exception 'measurements are stored together with their run' using errcode = 'insufficient_privilege';
    end if;
    return null;
end $$;
comment on function monitor.check_measurements() is 'Trigger: measurements belong to a run of the same transaction';
create trigger check_measurements after insert on monitor.measurements
    referencing new table as new_measurements for each statement execute function monitor.check_measurements();

-- The monitor resolves what is over; what people do goes through functions.
create function monitor.check_alert_act() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.printed_name is distinct from review.person_of(session_user) then
        raise exception 'an act names the person to whom its login belongs' using errcode = 'insufficient_privilege';
    end if;
    if current_user <> 'sentinode_owner' and not pg_has_role(session_user, 'sentinode_owner', 'member') and new.act <> 'resolved' then
        raise exception 'alerts are acknowledged by monitor.acknowledge' using errcode = 'insufficient_privilege';
    end if;
    if new.number <> 1 + (select count(*) from monitor.alert_acts where alert_id = new.alert_id) then
        raise exception 'acts on an alert are numbered one after the other' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
comment on function monitor.check_alert_act() is 'Trigger: an act on an alert names who does it, and comes next';
create trigger check_alert_act before insert on monitor.alert_acts
    for each row execute function monitor.check_alert_act();

-- The patches of a reference in their order, as one digest: what it was when it was frozen.
create function monitor.digest_of_reference(reference uuid) returns bytea
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    digest bytea;
begin
    execute format('select sha256(coalesce(string_agg(sha256(%s), '''' order by number), ''''))
                    from monitor.reference_patches where reference_id = $1', audit.row_encoding('monitor.reference_patches'))
    into digest using reference;
    return digest;
end $$;
comment on function monitor.digest_of_reference(uuid) is 'SHA-256 over the digests of a reference''s patches in their order: equal to patches_sha256 while nobody changed them';

create function monitor.freeze_reference(version text, from_time timestamptz, to_time timestamptz, reason text) returns uuid
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    act audit.act;
    id uuid := gen_random_uuid();
    why text := review.require_reason(reason, 'freezing a reference');
    stored bigint;
    kept integer;
    known_slides integer;
    settled_from timestamptz;
begin
    if not exists (select from sentinode.model_versions where name = version) then
        perform review.refuse('SN018', format('there is no model version %s', version),
            '`sentinode model list` shows those there are.');
    elsif from_time is null or to_time is null or to_time <= from_time then
        perform review.refuse('SN018', 'a reference needs a period that ends after it begins',
            'Give two times, such as --from 2026-10-01 --to 2026-11-01.');
    elsif to_time > review.settled_at() then
        perform review.refuse('SN018', format('the period ends at %s, which is not over', to_time),
            format('Choose a time up to %s.', review.settled_at()));
    end if;
    -- Runs as of a later time wait for it.
    settled_from := review.time_of_act();
    act := audit.begin_act();
    insert into monitor.reference_patches
    select id, row_number() over (order by draw), case when slide_id is null then 0 else dense_rank() over (order by slide_id nulls last) end,
           site, scanner, stain, p_tumor, p_tumor >= threshold, od_mean_red, od_mean_green, od_mean_blue, od_sd_red, od_sd_green,
           od_sd_blue, saturation, brightness, focus, tissue_share, hematoxylin_red, hematoxylin_green, eosin_red, eosin_green,
           embedding
    from (
        select *, sha256(uuid_send(id) || uuid_send(job_id)) as draw
        from sentinode.predictions
        where model_version = version and coalesce(stored_at, predicted_at) >= from_time
            and coalesce(stored_at, predicted_at) < to_time
        order by draw limit 20000
    ) as drawn;
    select count(*) into stored from sentinode.predictions
    where model_version = version and coalesce(stored_at, predicted_at) >= from_time and coalesce(stored_at, predicted_at) < to_time;
    select count(*), count(distinct nullif(slide, 0)) into kept, known_slides
    from monitor.reference_patches where reference_id = id;
    if kept < 200 or known_slides between 1 and 9 then
        perform review.refuse('SN018',
            format('%s predictions of %s slides by %s in this period are too few to compare with', stored, known_slides, version),
            'A reference needs 200 predictions, and 10 slides where slides are named. Choose a longer period.');
    end if;
    insert into monitor.reference_profiles (reference_id, model_version, window_start, window_end, predictions, patches, slides,
                                            patches_sha256, reason, in_force_from, frozen_at, frozen_by, writer, seal, leaf, salt)
    values (id, version, from_time, to_time, stored, kept, known_slides, monitor.digest_of_reference(id), why, settled_from, now(), session_user,
            act.writer, act.seal, 1, uuid_send(gen_random_uuid()));
    perform audit.seal_act(act, 'monitor.reference_frozen', version, why,
        jsonb_build_object('reference', id, 'from', from_time, 'to', to_time, 'predictions', stored, 'slides', known_slides),
        'monitor.reference_profiles');
    return id;
end $$;
comment on function monitor.freeze_reference(text, timestamptz, timestamptz, text) is 'Freezes the predictions of a period as what later ones of the version are compared with; the reference''s id';

create view monitor.latest_measurements as
select distinct on (figure.window_kind, figure.window_start, figure.model_version, figure.segment_kind, figure.segment,
                    figure.metric, figure.method)
       figure.*, run.as_of
from monitor.measurements as figure join monitor.runs as run using (run_id)
order by figure.window_kind, figure.window_start, figure.model_version, figure.segment_kind, figure.segment, figure.metric,
         figure.method, run.recorded_at desc;
comment on view monitor.latest_measurements is 'Each figure as it was computed last';

create view monitor.rolling_performance as
select window_end, model_version, segment_kind, segment, metric, method, value, ci_low, ci_high, n, slides, state, note, as_of
from monitor.latest_measurements
where window_kind = '28 days' and metric in ('precision', 'recall', 'specificity', 'f1', 'accuracy', 'balanced_accuracy');
comment on view monitor.rolling_performance is 'Precision, recall and the like over the 28 days before each midnight, against confirmed labels and as estimated without them';

create view monitor.drift as
select window_kind, window_start, window_end, model_version, segment_kind, segment, metric, method, value, threshold,
       value / nullif(threshold, 0) as share_of_threshold, n, slides, reference, state, note, as_of
from monitor.latest_measurements
where method in ('population stability index', 'Kolmogorov-Smirnov', 'Wasserstein', 'largest share of its limit', 'change of the share called tumor',
                 'maximum mean discrepancy', 'CUSUM');
comment on view monitor.drift is 'How far inputs and scores are from the acceptance reference, and from how far on that is an alarm';

create view monitor.alert_states as
select alert.*, coalesce(last.act, 'open') as state, last.reason as act_reason, last.acted_at, last.acted_by, last.printed_name
from monitor.alerts as alert
left join lateral (
    select * from monitor.alert_acts as done where done.alert_id = alert.alert_id order by number desc limit 1
) as last on true;
comment on view monitor.alert_states is 'Every alert, and what was done about it last';

create view monitor.open_alerts as
select alert_id, state, reason, model_version, segment_kind, segment, metric, method, value, threshold, window_kind, window_start,
       window_end, raised_at, act_reason, acted_at, acted_by, printed_name
from monitor.alert_states where state <> 'resolved';
comment on view monitor.open_alerts is 'Alerts that nobody resolved yet: SELECT monitor.acknowledge(alert_id, reason), monitor.resolve(alert_id, reason)';

create function monitor.act_on_alert(alert uuid, act text, reason text) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    stamp audit.act;
    before text;
    why text := review.require_reason(reason, case act when 'resolved' then 'resolving an alert' else 'acknowledging an alert' end);
begin
    -- Two who act on one alert go one after the other.
    perform pg_advisory_xact_lock(1397050967, hashtext(alert::text));
    select state into before from monitor.alert_states where alert_id = alert;
    if before is null then
        perform review.refuse('SN019', format('there is no alert %s', alert), 'SELECT * FROM monitor.open_alerts shows those there are.');
    elsif before = 'resolved' then
        perform review.refuse('SN019', format('alert %s is resolved already', alert), 'If the condition comes back, it raises another.');
    elsif before = act then
        perform review.refuse('SN019', format('alert %s is %s already', alert, act), 'SELECT * FROM monitor.open_alerts shows by whom.');
    end if;
    stamp := audit.begin_act();
    insert into monitor.alert_acts (alert_id, number, act, reason, acted_at, acted_by, printed_name, writer, seal, leaf, salt)
    values (alert, 1 + (select count(*) from monitor.alert_acts where alert_id = alert), act_on_alert.act, why, now(), session_user,
            review.person_of(session_user), stamp.writer, stamp.seal, 1, uuid_send(gen_random_uuid()));
    perform audit.seal_act(stamp, 'alert.' || act, alert::text, why, null, 'monitor.alert_acts');
    perform review.announce('alert.' || act, jsonb_build_object(
        'alert_id', alert, 'reason', why, 'acted_by', session_user,
        'acted_at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
end $$;
comment on function monitor.act_on_alert(uuid, text, text) is 'Acknowledges or resolves an alert';

create function monitor.acknowledge(alert_id uuid, reason text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform monitor.act_on_alert(alert_id, 'acknowledged', reason);
end $$;
comment on function monitor.acknowledge(uuid, text) is 'Says that somebody looks after an alert';

create function monitor.resolve(alert_id uuid, reason text) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform monitor.act_on_alert(alert_id, 'resolved', reason);
end $$;
comment on function monitor.resolve(uuid, text) is 'Says that an alert is over';

create or replace function audit.check_event() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.actor <> session_user then
        raise exception 'an audit event names its own login: % cannot write as %', session_user, new.actor
            using errcode = 'insufficient_privilege';
    end if;
    if new.occurred_at <> now() then
        raise exception 'an audit event carries the server''s time of its own transaction (%), not %', now(), new.occurred_at
            using errcode = 'raise_exception';
    end if;
    if current_user <> 'sentinode_owner' and not pg_has_role(session_user, 'sentinode_owner', 'member') then
        if new.person is not null and new.person is distinct from review.person_of(session_user) then
            raise exception 'an audit event names the person to whom its login belongs' using errcode = 'insufficient_privilege';
        end if;
        if exists (select from audit.chains as chain where chain.writer = new.writer and chain.login <> session_user) then
            raise exception 'a chain of seals belongs to the login that began it' using errcode = 'insufficient_privilege';
        end if;
        if not (case
            when new.action = 'monitor.ran' then pg_has_role(session_user, 'sentinode_monitor', 'member')
            when new.action in ('batch.recorded', 'model.imported', 'model.activated', 'quarantine.replayed',
                                'quarantine.discarded', 'audit.checkpointed')
                then pg_has_role(session_user, 'sentinode_worker', 'member') or pg_has_role(session_user, 'sentinode_admin', 'member')
            else false
        end) then
            raise exception 'no login records % itself', new.action
                using errcode = 'insufficient_privilege', hint = 'The function that does it records it.';
        end if;
    end if;
    return new;
end $$;

create or replace function sentinode.check_announcement() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if current_user <> 'sentinode_owner' and not pg_has_role(session_user, 'sentinode_owner', 'member')
        and not pg_has_role(session_user, 'sentinode_worker', 'member')
        and (new.exchange <> 'sentinode.events' or new.routing_key ~ '^(prediction|message)\.'
             or (new.routing_key !~ '^alert\.' and not pg_has_role(session_user, 'sentinode_admin', 'member')))
    then
        raise exception 'only a worker announces %', new.routing_key using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;

grant usage on schema audit to sentinode_monitor;
grant select, insert on audit.events, audit.seals to sentinode_monitor;
grant select (writer, login) on audit.chains to sentinode_monitor;
grant select (relation, erased_at) on audit.erased_rows to sentinode_monitor;
grant insert on sentinode.outbox to sentinode_monitor;
grant select, insert on monitor.hours, monitor.hourly_profiles, monitor.runs, monitor.measurements, monitor.alerts,
    monitor.alert_acts to sentinode_monitor;
grant select on monitor.reference_profiles, monitor.reference_patches, monitor.latest_measurements, monitor.rolling_performance,
    monitor.drift, monitor.alert_states, monitor.open_alerts to sentinode_monitor;
grant select on monitor.reference_profiles, monitor.reference_patches, monitor.hours, monitor.hourly_profiles, monitor.runs,
    monitor.measurements, monitor.alerts, monitor.alert_acts, monitor.latest_measurements, monitor.rolling_performance,
    monitor.drift, monitor.alert_states, monitor.open_alerts to sentinode_auditor, sentinode_admin;
grant execute on function monitor.digest_of_reference(uuid) to sentinode_monitor, sentinode_auditor, sentinode_admin;
-- What people do is not for the login of a service that runs by itself.
grant execute on function monitor.freeze_reference(text, timestamptz, timestamptz, text), monitor.acknowledge(uuid, text),
    monitor.resolve(uuid, text) to sentinode_admin;

-- What belongs to a site is seen by who sees the site, whatever a function of the owner forgets to ask.
do $$
declare
    relation regclass;
begin
    foreach relation in array array['monitor.reference_patches', 'monitor.hourly_profiles']::regclass[]
    loop
        execute format('alter table %s enable row level security, force row level security', relation);
        execute format('create policy whole_table on %s to sentinode_monitor, sentinode_auditor, sentinode_admin
                        using (true) with check (true)', relation);
        execute format('create policy granted_sites on %s to sentinode_owner
                        using ((select review.sees_everything()) or site = any ((select review.my_sites())::text[]))', relation);
    end loop;
end $$;

-- Columns of the views mean what they mean in the tables.
do $$
declare
    tables constant regclass[] := array['monitor.measurements', 'monitor.runs', 'monitor.alerts', 'monitor.alert_acts']::regclass[];
    shown record;
begin
    for shown in
        select class.oid::regclass as view, own.attname, (
            select col_description(source.attrelid, source.attnum) from pg_attribute as source
            where source.attrelid = any (tables) and source.attname = own.attname and source.attnum > 0
            order by array_position(tables, source.attrelid::regclass) limit 1) as words
        from pg_class as class join pg_attribute as own on own.attrelid = class.oid and own.attnum > 0
        where class.relnamespace = 'monitor'::regnamespace and class.relkind = 'v'
    loop
        if shown.words is not null then
            execute format('comment on column %s.%I is %L', shown.view, shown.attname, shown.words);
        end if;
    end loop;
end $$;
comment on column monitor.drift.share_of_threshold is 'value / threshold: 1 is the limit';
comment on column monitor.alert_states.state is 'open, acknowledged or resolved';
comment on column monitor.alert_states.act_reason is 'Why, in the words of who acted last';
comment on column monitor.open_alerts.state is 'open or acknowledged';
comment on column monitor.open_alerts.act_reason is 'Why, in the words of who acted last';
