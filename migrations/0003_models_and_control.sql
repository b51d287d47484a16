-- What workers decide with: weights, model versions, and which version is active.

set local role sentinode_owner;

create table sentinode.models (
    weights_sha256 bytea primary key check (octet_length(weights_sha256) = 32),
    weights bytea not null,
    parameters bigint not null check (parameters > 0),
    architecture text not null,
    source_name text not null check (octet_length(source_name) <= 500),
    source_sha256 bytea not null check (octet_length(source_sha256) = 32),
    imported_at timestamptz not null,
    imported_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
alter table sentinode.models alter column weights set storage external;

comment on table sentinode.models is 'Weights, once each, named by the digest of their values. Append-only';
comment on column sentinode.models.weights_sha256 is 'SHA-256 of the values in canonical order: the identity of the weights, whatever file they came in';
comment on column sentinode.models.weights is 'The weights as a canonical safetensors file';
comment on column sentinode.models.parameters is 'Number of float32 values';
comment on column sentinode.models.architecture is 'Shapes read from the weights, in words';
comment on column sentinode.models.source_name is 'Name of the file that was imported';
comment on column sentinode.models.source_sha256 is 'SHA-256 of that file';
comment on column sentinode.models.imported_at is 'When, by the server''s clock';
comment on column sentinode.models.imported_by is 'Database login that imported it';
comment on column sentinode.models.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.models.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.models.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.models.salt is 'Random bytes in the row''s digest';

create table sentinode.model_versions (
    name text primary key check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    version_sha256 bytea not null unique check (octet_length(version_sha256) = 32),
    weights_sha256 bytea not null references sentinode.models,
    preprocessing text not null check (preprocessing = 'rgb/255'),
    arithmetic text not null check (arithmetic ~ '^[a-z]+-[0-9]+$'),
    threshold real not null check (threshold > 0 and threshold < 1),
    uncertain_low real check (uncertain_low >= 0 and uncertain_low <= threshold),
    uncertain_high real check (uncertain_high >= threshold and uncertain_high <= 1),
    card text check (octet_length(card) <= 1048576),
    created_at timestamptz not null,
    created_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    check ((uncertain_low is null) = (uncertain_high is null))
);

comment on table sentinode.model_versions is 'Everything that makes a decision reproducible: weights, preprocessing, arithmetic and operating point, under a name. Append-only';
comment on column sentinode.model_versions.name is 'Name that people use; a name is never given twice';
comment on column sentinode.model_versions.version_sha256 is 'Digest of all that decides: weights, preprocessing, arithmetic, threshold, uncertain band';
comment on column sentinode.model_versions.weights_sha256 is 'Which weights';
comment on column sentinode.model_versions.preprocessing is 'What is done to the pixels first: rgb/255 is 8-bit RGB divided by 255';
comment on column sentinode.model_versions.arithmetic is 'Order of operations that gives the same bits on every CPU';
comment on column sentinode.model_versions.threshold is 'Operating point: tumor when p_tumor is at least this';
comment on column sentinode.model_versions.uncertain_low is 'From here on a person must look; NULL when there is no uncertain band';
comment on column sentinode.model_versions.uncertain_high is 'Below this a person must look; NULL when there is no uncertain band';
comment on column sentinode.model_versions.card is 'Model card, as Markdown';
comment on column sentinode.model_versions.created_at is 'When, by the server''s clock';
comment on column sentinode.model_versions.created_by is 'Database login that made it';
comment on column sentinode.model_versions.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.model_versions.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.model_versions.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.model_versions.salt is 'Random bytes in the row''s digest';

create table sentinode.control (
    generation bigint primary key check (generation > 0),
    active_version text references sentinode.model_versions,
    paused boolean not null,
    reason text not null check (octet_length(reason) between 1 and 4000),
    changed_at timestamptz not null,
    changed_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);

comment on table sentinode.control is 'What workers follow. The row with the highest generation is in force, the ones before are its history. Append-only; written under the exclusive advisory lock (1397050964, 1), read under the shared one';
comment on column sentinode.control.generation is 'Counts changes from 1';
comment on column sentinode.control.active_version is 'The version that decides; NULL before the first activation';
comment on column sentinode.control.paused is 'True while workers must not decide anything';
comment on column sentinode.control.reason is 'Why, in the words of the person who changed it';
comment on column sentinode.control.changed_at is 'When, by the server''s clock';
comment on column sentinode.control.changed_by is 'Database login that changed it';
comment on column sentinode.control.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.control.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.control.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.control.salt is 'Random bytes in the row''s digest';

create trigger check_author before insert on sentinode.models
    for each row execute function audit.check_author('imported_by', 'imported_at');
create trigger check_author before insert on sentinode.model_versions
    for each row execute function audit.check_author('created_by', 'created_at');
create trigger check_author before insert on sentinode.control
    for each row execute function audit.check_author('changed_by', 'changed_at');
create trigger append_only before update or delete on sentinode.models for each row execute function audit.refuse_change();
create trigger append_only before update or delete on sentinode.model_versions for each row execute function audit.refuse_change();
create trigger append_only before update or delete on sentinode.control for each row execute function audit.refuse_change();
create trigger never_truncated before truncate on sentinode.models for each statement execute function audit.refuse_change();
create trigger never_truncated before truncate on sentinode.model_versions for each statement execute function audit.refuse_change();
create trigger never_truncated before truncate on sentinode.control for each statement execute function audit.refuse_change();

grant select on sentinode.models, sentinode.model_versions, sentinode.control
    to sentinode_worker, sentinode_monitor, sentinode_auditor, sentinode_admin;
grant select (name, version_sha256, weights_sha256, preprocessing, arithmetic, threshold, uncertain_low, uncertain_high, card,
              created_at, created_by) on sentinode.model_versions to sentinode_reviewer;
grant insert on sentinode.models, sentinode.model_versions, sentinode.control to sentinode_admin;
