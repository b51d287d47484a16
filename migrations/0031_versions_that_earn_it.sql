-- Versions that predict and decide nothing, by what they are judged, the patches that a version must answer as it did when
-- it was imported, and versions that are over.

set local role sentinode_owner;

create table sentinode.shadow_changes (
    generation bigint primary key check (generation > 0),
    model_version text not null references sentinode.model_versions,
    running boolean not null,
    criteria text check (octet_length(criteria) <= 4000),
    reason text not null check (octet_length(reason) between 1 and 4000),
    changed_at timestamptz not null,
    changed_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    check (running = (criteria is not null))
);
create index shadow_changes_by_version on sentinode.shadow_changes (model_version, generation);

comment on table sentinode.shadow_changes is 'Which versions predict too and decide nothing. The row of a version with the highest generation is in force. Append-only; written under the exclusive advisory lock (1397050964, 1), followed by workers from the next batch on';
comment on column sentinode.shadow_changes.generation is 'Counts changes from 1';
comment on column sentinode.shadow_changes.model_version is 'The version';
comment on column sentinode.shadow_changes.running is 'Whether it predicts from now on';
comment on column sentinode.shadow_changes.criteria is 'What it must show before it may be activated, as JSON; written down before it starts';
comment on column sentinode.shadow_changes.reason is 'Why, in the words of the person who changed it';
comment on column sentinode.shadow_changes.changed_at is 'When, by the server''s clock';
comment on column sentinode.shadow_changes.changed_by is 'Database login that changed it';

create table sentinode.retirements (
    model_version text primary key references sentinode.model_versions,
    reason text not null check (octet_length(reason) between 1 and 4000),
    retired_at timestamptz not null,
    retired_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
comment on table sentinode.retirements is 'Versions that are never activated again. What they decided stays. Append-only';
comment on column sentinode.retirements.model_version is 'The version';
comment on column sentinode.retirements.reason is 'Why, in the words of the person who retired it';
comment on column sentinode.retirements.retired_at is 'When, by the server''s clock';
comment on column sentinode.retirements.retired_by is 'Database login that retired it';

create table sentinode.golden_patches (
    model_version text not null references sentinode.model_versions,
    number smallint not null check (number > 0),
    png bytea not null check (octet_length(png) between 1 and 1048576),
    log_p_normal real not null check (log_p_normal <= 0),
    log_p_tumor real not null check (log_p_tumor <= 0),
    stored_at timestamptz not null,
    stored_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (model_version, number)
);
alter table sentinode.golden_patches alter column png set storage external;
comment on table sentinode.golden_patches is 'Patches that a version must answer to the last bit as it did when it was imported, in every worker, before it decides anything. Append-only';
comment on column sentinode.golden_patches.model_version is 'The version';
comment on column sentinode.golden_patches.number is 'Counts them from 1';
comment on column sentinode.golden_patches.png is 'The patch';
comment on column sentinode.golden_patches.log_p_normal is 'What the version said of it';
comment on column sentinode.golden_patches.log_p_tumor is 'What the version said of it';
comment on column sentinode.golden_patches.stored_at is 'When, by the server''s clock';
comment on column sentinode.golden_patches.stored_by is 'Database login that imported the version';

do $$
declare
    relation text;
begin
    foreach relation in array array['shadow_changes', 'retirements', 'golden_patches'] loop
        execute format('comment on column sentinode.%I.writer is %L', relation, 'Where its audit leaf stands: the writer');
        execute format('comment on column sentinode.%I.seal is %L', relation, 'Where its audit leaf stands: the seal in the writer''s chain');
        execute format('comment on column sentinode.%I.leaf is %L', relation, 'Where its audit leaf stands: the leaf under that seal');
        execute format('comment on column sentinode.%I.salt is %L', relation, 'Random bytes in the row''s digest');
        execute format('call audit.protect(%L)', 'sentinode.' || relation);
        execute format('create constraint trigger sealed after insert on sentinode.%I deferrable initially deferred
                        for each row execute function audit.check_sealed()', relation);
        execute format('grant select on sentinode.%I to sentinode_worker, sentinode_monitor, sentinode_auditor, sentinode_admin', relation);
        execute format('grant insert on sentinode.%I to sentinode_admin', relation);
    end loop;
end $$;
create trigger check_author before insert on sentinode.shadow_changes
    for each row execute function audit.check_author('changed_by', 'changed_at');
create trigger check_author before insert on sentinode.retirements
    for each row execute function audit.check_author('retired_by', 'retired_at');
create trigger check_author before insert on sentinode.golden_patches
    for each row execute function audit.check_author('stored_by', 'stored_at');

-- An activation in spite of criteria says which were not met: it is in the trail, and the monitor raises an alert.
alter table sentinode.control add column overridden text check (octet_length(overridden) between 1 and 4000);
comment on column sentinode.control.overridden is 'Criteria of its shadow period that the version had not met when it was activated all the same; NULL where there was none';

-- `sentinode reevaluate`, as an administrator, asks a version about jobs of before whose patches are kept.
grant insert on sentinode.shadow_predictions to sentinode_admin;

create function sentinode.refuse_retired() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from sentinode.retirements as over where over.model_version = new.active_version)
        and new.active_version is distinct from (select active_version from sentinode.control order by generation desc limit 1)
    then
        perform review.refuse('SN010', format('%s was retired', new.active_version),
            'A retired version is never activated again: import its weights under another name.');
    end if;
    return new;
end $$;
comment on function sentinode.refuse_retired() is 'Trigger: no program, an older one neither, puts a retired version in charge';
create trigger refuse_retired before insert on sentinode.control for each row execute function sentinode.refuse_retired();

create index shadow_predictions_by_version on sentinode.shadow_predictions (model_version, job_id);
