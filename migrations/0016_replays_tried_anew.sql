-- What a worker must know to give a replayed message its full number of tries, and to open it again where it is still
-- bad.

set local role sentinode_owner;

grant select (job_id, payload_sha256, decided_at) on sentinode.quarantine_decisions to sentinode_worker;
grant select (job_id, payload_sha256, quarantined_at) on sentinode.quarantine_repeats to sentinode_worker;
grant select (quarantined_at) on sentinode.quarantined_messages to sentinode_worker;

-- Earlier programs kept attempts that had ended well; they are working memory and go.
delete from sentinode.attempts where finished_at is not null;
comment on table sentinode.attempts is 'A message that was delivered before is tried alone, after a row here; the row goes when the process has survived it, so one that stays means that the process died of it';
comment on column sentinode.attempts.job_id is 'What is tried: a name made from message_id and body, before anything in the message is read';
comment on column sentinode.attempts.finished_at is 'When the process had survived it, as earlier programs wrote it; now the row is removed instead';

comment on column sentinode.quarantined_messages.properties_source is 'AMQP properties as JSON, the bytes that the digest covers; where the database refuses them so, {"base64": ...} with all but the headers as an AMQP 0-9-1 property list';
