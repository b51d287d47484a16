-- Messages that could not become predictions, kept whole with the reason, and what people decided about them.

set local role sentinode_owner;

create table sentinode.quarantined_messages (
    job_id uuid not null,
    payload_sha256 bytea not null check (octet_length(payload_sha256) = 32),
    reason text not null check (reason in (
        'empty', 'not_png', 'animated', 'wrong_size', 'too_large', 'truncated', 'corrupt', 'transparent',
        'unsupported_content_type', 'malformed_json', 'malformed_base64', 'malformed_metadata',
        'job_id_reused', 'unstorable', 'crashed_worker')),
    explanation text not null check (octet_length(explanation) between 1 and 2000),
    payload bytea,
    payload_size bigint not null check (payload_size >= 0),
    properties_source text not null,
    properties jsonb generated always as (properties_source::jsonb) stored,
    headers_source text,
    headers jsonb generated always as (headers_source::jsonb) stored,
    headers_amqp bytea not null,
    exchange text not null,
    routing_key text not null,
    redelivered boolean not null,
    received_at timestamptz not null,
    quarantined_at timestamptz not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (job_id, payload_sha256),
    check (payload is null or octet_length(payload) = payload_size),
    check (payload is not null or reason = 'too_large')
);
create index quarantined_messages_by_time on sentinode.quarantined_messages (quarantined_at);
create index quarantined_messages_by_leaf on sentinode.quarantined_messages (writer, seal);

comment on table sentinode.quarantined_messages is 'Messages that could not become predictions, once a job and payload. Append-only';
comment on column sentinode.quarantined_messages.job_id is 'The job, made as for a prediction';
comment on column sentinode.quarantined_messages.payload_sha256 is 'SHA-256 of the message body';
comment on column sentinode.quarantined_messages.reason is 'Reason code';
comment on column sentinode.quarantined_messages.explanation is 'What was wrong and what was expected, as a sentence';
comment on column sentinode.quarantined_messages.payload is 'The body; NULL when it was over the limit and therefore never kept';
comment on column sentinode.quarantined_messages.payload_size is 'Size of the body in bytes';
comment on column sentinode.quarantined_messages.properties_source is 'AMQP properties as JSON, the bytes that the digest covers';
comment on column sentinode.quarantined_messages.properties is 'The same, to query';
comment on column sentinode.quarantined_messages.headers_source is 'Headers as JSON, the bytes that the digest covers; NULL when they cannot be written as JSON that the database takes';
comment on column sentinode.quarantined_messages.headers is 'The same, to query';
comment on column sentinode.quarantined_messages.headers_amqp is 'Headers as they came, encoded as an AMQP 0-9-1 table';
comment on column sentinode.quarantined_messages.exchange is 'Exchange it was published to';
comment on column sentinode.quarantined_messages.routing_key is 'Routing key it was published with';
comment on column sentinode.quarantined_messages.redelivered is 'Whether it had been delivered before';
comment on column sentinode.quarantined_messages.received_at is 'When the worker received it';
comment on column sentinode.quarantined_messages.quarantined_at is 'When it was stored here, by the server''s clock';
comment on column sentinode.quarantined_messages.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.quarantined_messages.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.quarantined_messages.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.quarantined_messages.salt is 'Random bytes in the row''s digest';

create table sentinode.quarantine_repeats (
    repeat_id uuid primary key,
    job_id uuid not null,
    payload_sha256 bytea not null,
    reason text not null,
    received_at timestamptz not null,
    quarantined_at timestamptz not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    foreign key (job_id, payload_sha256) references sentinode.quarantined_messages
);
create index quarantine_repeats_by_message on sentinode.quarantine_repeats (job_id, payload_sha256);
create index quarantine_repeats_by_leaf on sentinode.quarantine_repeats (writer, seal);

comment on table sentinode.quarantine_repeats is 'The same bad message again: one row each further time it was sent. Append-only';
comment on column sentinode.quarantine_repeats.repeat_id is 'Random';
comment on column sentinode.quarantine_repeats.job_id is 'The job';
comment on column sentinode.quarantine_repeats.payload_sha256 is 'SHA-256 of the message body';
comment on column sentinode.quarantine_repeats.reason is 'Reason code this time';
comment on column sentinode.quarantine_repeats.received_at is 'When the worker received it';
comment on column sentinode.quarantine_repeats.quarantined_at is 'When it was stored here, by the server''s clock';
comment on column sentinode.quarantine_repeats.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.quarantine_repeats.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.quarantine_repeats.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.quarantine_repeats.salt is 'Random bytes in the row''s digest';

create table sentinode.quarantine_decisions (
    decision_id uuid primary key,
    job_id uuid not null,
    payload_sha256 bytea not null,
    decision text not null check (decision in ('replayed', 'discarded')),
    reason text not null check (octet_length(reason) between 1 and 4000),
    decided_at timestamptz not null,
    decided_by text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    foreign key (job_id, payload_sha256) references sentinode.quarantined_messages
);
create index quarantine_decisions_by_message on sentinode.quarantine_decisions (job_id, payload_sha256);
create index quarantine_decisions_by_leaf on sentinode.quarantine_decisions (writer, seal);

comment on table sentinode.quarantine_decisions is 'What a person decided about a quarantined message. Append-only';
comment on column sentinode.quarantine_decisions.decision_id is 'Random';
comment on column sentinode.quarantine_decisions.job_id is 'The job';
comment on column sentinode.quarantine_decisions.payload_sha256 is 'SHA-256 of the message body';
comment on column sentinode.quarantine_decisions.decision is 'replayed: sent to the queue again; discarded: nothing more will be done';
comment on column sentinode.quarantine_decisions.reason is 'Why, in the words of the person who decided';
comment on column sentinode.quarantine_decisions.decided_at is 'When, by the server''s clock';
comment on column sentinode.quarantine_decisions.decided_by is 'Database login that decided';
comment on column sentinode.quarantine_decisions.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.quarantine_decisions.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.quarantine_decisions.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.quarantine_decisions.salt is 'Random bytes in the row''s digest';

do $$
declare
    protected text;
begin
    foreach protected in array array['quarantined_messages', 'quarantine_repeats', 'quarantine_decisions'] loop
        execute format('create trigger append_only before update or delete on sentinode.%I
                        for each row execute function audit.refuse_change()', protected);
        execute format('create trigger never_truncated before truncate on sentinode.%I
                        for each statement execute function audit.refuse_change()', protected);
    end loop;
end $$;

create trigger check_author before insert on sentinode.quarantine_decisions
    for each row execute function audit.check_author('decided_by', 'decided_at');

-- A worker looks only whether a message is here; bodies are for those who decide about them.
grant insert on sentinode.quarantined_messages, sentinode.quarantine_repeats to sentinode_worker;
grant select (job_id, payload_sha256) on sentinode.quarantined_messages to sentinode_worker;
grant select, insert on sentinode.quarantine_decisions to sentinode_admin;
grant select on sentinode.quarantined_messages, sentinode.quarantine_repeats to sentinode_admin;
grant select on sentinode.quarantined_messages, sentinode.quarantine_repeats, sentinode.quarantine_decisions
    to sentinode_auditor;
grant select on sentinode.quarantine_repeats, sentinode.quarantine_decisions to sentinode_monitor;
grant select (job_id, payload_sha256, reason, explanation, payload_size, properties, headers, received_at, quarantined_at)
    on sentinode.quarantined_messages to sentinode_monitor;
