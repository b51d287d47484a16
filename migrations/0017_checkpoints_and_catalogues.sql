-- What anchors the trail outside of the database: checkpoints over all chain heads, signed with a key that is kept
-- elsewhere, and what the catalogue looked like when it was last migrated. Checkpoints: contracts/checkpoint.md.

set local role sentinode_owner;

create table audit.unsigned_seals (
    writer uuid not null,
    number bigint not null
);
comment on table audit.unsigned_seals is 'Working memory: seals that no checkpoint has signed yet, so that a checkpoint costs what is new and not what there is';
comment on column audit.unsigned_seals.writer is 'The writer of the seal';
comment on column audit.unsigned_seals.number is 'Its number in the writer''s chain';

create function audit.note_seal() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into audit.unsigned_seals (writer, number) values (new.writer, new.number);
    return null;
end $$;
comment on function audit.note_seal() is 'Trigger: a new seal waits for the next checkpoint';
create trigger note_seal after insert on audit.seals for each row execute function audit.note_seal();
insert into audit.unsigned_seals (writer, number) select writer, number from audit.seals;

create table audit.checkpoints (
    number bigint primary key check (number > 0),
    document text not null check (octet_length(document) <= 16384),
    signature bytea not null check (octet_length(signature) = 64),
    heads bytea not null check (octet_length(heads) % 56 = 0),
    created_at timestamptz not null,
    created_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16)
);
alter table audit.checkpoints alter column heads set storage external;
create index checkpoints_by_time on audit.checkpoints (created_at);

comment on table audit.checkpoints is 'Signed statements of where every chain stood, each over the one before. Append-only';
comment on column audit.checkpoints.number is 'Counts from 1; after a restored backup it goes on behind the last number known outside';
comment on column audit.checkpoints.document is 'The text that is signed';
comment on column audit.checkpoints.signature is 'Ed25519 signature over the document, by a key that is not in the database';
comment on column audit.checkpoints.heads is 'Chains that have grown since the checkpoint before, sorted by writer: writer (16 bytes), number of the newest seal (8 bytes, big-endian), the seal (32 bytes)';
comment on column audit.checkpoints.created_at is 'When, by the server''s clock';
comment on column audit.checkpoints.created_by is 'Database login that stored it';
comment on column audit.checkpoints.writer is 'Where its audit leaf stands: the writer';
comment on column audit.checkpoints.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column audit.checkpoints.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column audit.checkpoints.salt is 'Random bytes in the row''s digest';

create table audit.catalogues (
    migration integer not null check (migration > 0),
    server_version integer not null,
    objects text not null,
    recorded_at timestamptz not null,
    recorded_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (writer, seal)
);
create index catalogues_by_time on audit.catalogues (recorded_at);

comment on table audit.catalogues is 'What the catalogue should look like: the last row is compared with what there is. Append-only';
comment on column audit.catalogues.migration is 'Number of the newest migration that was applied then';
comment on column audit.catalogues.server_version is 'Version of PostgreSQL that it was recorded under, as in 150004';
comment on column audit.catalogues.objects is 'One line an object: 16 hexadecimal digits of the digest of its definition, its kind, its name';
comment on column audit.catalogues.recorded_at is 'When, by the server''s clock';
comment on column audit.catalogues.recorded_by is 'Database login that recorded it';
comment on column audit.catalogues.writer is 'Where its audit leaf stands: the writer';
comment on column audit.catalogues.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column audit.catalogues.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column audit.catalogues.salt is 'Random bytes in the row''s digest';

call audit.protect('audit.checkpoints');
call audit.protect('audit.catalogues');
create trigger check_author before insert on audit.checkpoints
    for each row execute function audit.check_author('created_by', 'created_at');
create trigger check_author before insert on audit.catalogues
    for each row execute function audit.check_author('recorded_by', 'recorded_at');

grant select, insert on audit.checkpoints to sentinode_admin;
grant select, delete on audit.unsigned_seals to sentinode_admin;
grant select on audit.catalogues to sentinode_admin;
grant select on audit.checkpoints, audit.catalogues, audit.unsigned_seals to sentinode_auditor;
