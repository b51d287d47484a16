-- Working memory of the workers: who is trying a suspect message, and what is still to be announced. Rows come and go.

set local role sentinode_owner;

create table sentinode.attempts (
    attempt_id uuid primary key,
    job_id uuid not null,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz check (finished_at >= started_at)
);
create index attempts_unfinished on sentinode.attempts (job_id) where finished_at is null;

comment on table sentinode.attempts is 'A message that was delivered before is tried alone, after a row here; a row that never finished means that the process died of it';
comment on column sentinode.attempts.attempt_id is 'Random';
comment on column sentinode.attempts.job_id is 'The job that is tried';
comment on column sentinode.attempts.host is 'Where';
comment on column sentinode.attempts.pid is 'Process id there';
comment on column sentinode.attempts.started_at is 'When, by the server''s clock';
comment on column sentinode.attempts.finished_at is 'When the process had survived it; NULL until then';

create table sentinode.outbox (
    outbox_id bigint generated always as identity primary key,
    event_id uuid not null,
    exchange text not null check (exchange in ('sentinode.events', '')),
    routing_key text not null check (octet_length(routing_key) <= 255),
    correlation_id text check (octet_length(correlation_id) <= 255),
    body text not null,
    created_at timestamptz not null default now(),
    refusals integer not null default 0 check (refusals >= 0),
    due_at timestamptz not null default now(),
    constraint no_reply_to_the_product_itself check (exchange <> '' or routing_key not like 'sentinode.%')
);

comment on table sentinode.outbox is 'Announcements that the broker has not confirmed yet; a worker publishes them, then removes the row';
comment on column sentinode.outbox.outbox_id is 'Order of writing';
comment on column sentinode.outbox.event_id is 'Stable id of the announcement (message_id), so that receivers can drop repeats';
comment on column sentinode.outbox.exchange is 'Exchange to publish to; empty for a direct reply';
comment on column sentinode.outbox.routing_key is 'Routing key, or the queue of a direct reply';
comment on column sentinode.outbox.correlation_id is 'correlation_id of the message answered';
comment on column sentinode.outbox.body is 'The announcement, JSON';
comment on column sentinode.outbox.created_at is 'When, by the server''s clock';
comment on column sentinode.outbox.refusals is 'How often the broker refused it, or closed the connection over it';
comment on column sentinode.outbox.due_at is 'Not tried again before: later and later, so that it keeps nothing else waiting';

grant select, insert, update, delete on sentinode.attempts, sentinode.outbox to sentinode_worker;
grant select, insert on sentinode.outbox to sentinode_admin;
grant select on sentinode.attempts, sentinode.outbox to sentinode_monitor, sentinode_auditor, sentinode_admin;
