-- What is announced of alerts waits here too for the monitor to post it to a webhook, from the first use of one on. Rows come
-- and go, as in the outbox.

set local role sentinode_owner;

create table monitor.webhook (
    is_in_use boolean primary key default true check (is_in_use),
    first_used_at timestamptz not null default now(),
    first_used_by text not null default session_user
);
comment on table monitor.webhook is 'One row once a monitor was given a webhook: what is announced of alerts from then on is kept for it';
comment on column monitor.webhook.is_in_use is 'Always true, so that there is one row at most';
comment on column monitor.webhook.first_used_at is 'What was announced before is not sent';
comment on column monitor.webhook.first_used_by is 'Database login of the monitor';

create table monitor.webhook_deliveries (
    delivery_id bigint generated always as identity primary key,
    event_id uuid not null,
    body text not null,
    created_at timestamptz not null default now(),
    attempts integer not null default 0 check (attempts >= 0),
    due_at timestamptz not null default now(),
    failure text check (octet_length(failure) <= 1000)
);
comment on table monitor.webhook_deliveries is 'Announcements of alerts that the webhook has not taken yet; the monitor posts them, then removes the row';
comment on column monitor.webhook_deliveries.delivery_id is 'Order of writing';
comment on column monitor.webhook_deliveries.event_id is 'Stable id of the announcement, as on the exchange: receivers drop repeats by it';
comment on column monitor.webhook_deliveries.body is 'The announcement, JSON, as on the exchange';
comment on column monitor.webhook_deliveries.created_at is 'When, by the server''s clock';
comment on column monitor.webhook_deliveries.attempts is 'How often it was put off';
comment on column monitor.webhook_deliveries.due_at is 'Not tried again before: later and later';
comment on column monitor.webhook_deliveries.failure is 'Why it was put off last; NULL for a new one';

create function monitor.keep_for_webhook() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    -- Whoever ends the webhook waits for this transaction, and so removes what it adds.
    perform from monitor.webhook for key share;
    if found then
        insert into monitor.webhook_deliveries (event_id, body) values (new.event_id, new.body);
    end if;
    return null;
end $$;
comment on function monitor.keep_for_webhook() is 'Trigger: an announcement of an alert is kept for the webhook too, where one is in use';
create trigger keep_for_webhook after insert on sentinode.outbox
    for each row when (new.exchange = 'sentinode.events' and new.routing_key like 'alert.%')
    execute function monitor.keep_for_webhook();

create function monitor.end_webhook() returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    forgotten bigint;
begin
    delete from monitor.webhook;
    delete from monitor.webhook_deliveries;
    get diagnostics forgotten = row_count;
    return forgotten;
end $$;
comment on function monitor.end_webhook() is 'Keeps nothing for a webhook any more, and forgets what waits for it; how many announcements those were';

grant select, insert (is_in_use) on monitor.webhook to sentinode_monitor;
grant select, update (attempts, due_at, failure), delete on monitor.webhook_deliveries to sentinode_monitor;
grant select on monitor.webhook, monitor.webhook_deliveries to sentinode_auditor, sentinode_admin;
grant execute on function monitor.end_webhook() to sentinode_admin;
