-- What people read first. Views run with the rights of whoever asks.

set local role sentinode_owner;

create view review.predictions with (security_invoker = true) as
select job_id, slide_id, x, y, site, scanner, stain, case_pseudonym,
       decision, round(p_tumor::numeric, 4) as p_tumor, threshold, uncertain_low, uncertain_high,
       review_reason, model_version, engine,
       enqueued_at, predicted_at, message_id, sender, attributes,
       encode(image_sha256, 'hex') as image_sha256,
       'pre-screening by research software, not a diagnosis' as notice
from sentinode.predictions;

comment on view review.predictions is 'Every prediction, readable without joining. A score to pre-screen with, never a diagnosis';
comment on column review.predictions.job_id is 'The job';
comment on column review.predictions.slide_id is 'Slide the patch was cut from';
comment on column review.predictions.x is 'Left edge on the slide, full-resolution pixels';
comment on column review.predictions.y is 'Top edge on the slide, full-resolution pixels';
comment on column review.predictions.site is 'Laboratory';
comment on column review.predictions.scanner is 'Slide scanner';
comment on column review.predictions.stain is 'Stain';
comment on column review.predictions.case_pseudonym is 'The case, by pseudonym';
comment on column review.predictions.decision is 'tumor, normal, or uncertain: then a person must look';
comment on column review.predictions.p_tumor is 'Probability of tumour in the central 32x32 pixels, four decimals';
comment on column review.predictions.threshold is 'tumor from here on';
comment on column review.predictions.uncertain_low is 'uncertain from here on ...';
comment on column review.predictions.uncertain_high is '... and below this';
comment on column review.predictions.review_reason is 'Why a person should look; NULL when not selected';
comment on column review.predictions.model_version is 'The version that decided';
comment on column review.predictions.engine is 'Arithmetic and kernel';
comment on column review.predictions.enqueued_at is 'When it was sent, by the sender''s clock';
comment on column review.predictions.predicted_at is 'When the network answered';
comment on column review.predictions.message_id is 'The sender''s own name for the job';
comment on column review.predictions.sender is 'Who sent it';
comment on column review.predictions.attributes is 'Other headers of the message';
comment on column review.predictions.image_sha256 is 'SHA-256 of the PNG, hexadecimal';
comment on column review.predictions.notice is 'What this is not';

create view review.quarantine with (security_invoker = true) as
select message.job_id, encode(message.payload_sha256, 'hex') as payload_sha256, message.reason, message.explanation,
       1 + coalesce(again.times, 0) as occurrences,
       message.quarantined_at as first_at,
       coalesce(again.last_at, message.quarantined_at) as last_at,
       case when verdict.decided_at is null or again.last_at > verdict.decided_at then 'open' else verdict.decision end as state,
       verdict.decided_by, verdict.reason as decision_reason,
       message.payload_size, message.properties, message.headers
from sentinode.quarantined_messages as message
left join lateral (
    select count(*) as times, max(quarantined_at) as last_at
    from sentinode.quarantine_repeats as repeated
    where repeated.job_id = message.job_id and repeated.payload_sha256 = message.payload_sha256
) as again on true
left join lateral (
    select decision, reason, decided_at, decided_by
    from sentinode.quarantine_decisions as decided
    where decided.job_id = message.job_id and decided.payload_sha256 = message.payload_sha256
    order by decided_at desc, decision_id limit 1
) as verdict on true;

comment on view review.quarantine is 'Quarantined messages with how often each came and what was decided about it';
comment on column review.quarantine.job_id is 'The job';
comment on column review.quarantine.payload_sha256 is 'SHA-256 of the message body, hexadecimal';
comment on column review.quarantine.reason is 'Reason code';
comment on column review.quarantine.explanation is 'What was wrong and what was expected';
comment on column review.quarantine.occurrences is 'How often it was sent';
comment on column review.quarantine.first_at is 'First time it was stored';
comment on column review.quarantine.last_at is 'Last time it came';
comment on column review.quarantine.state is 'open, replayed or discarded';
comment on column review.quarantine.decided_by is 'Who decided';
comment on column review.quarantine.decision_reason is 'Why';
comment on column review.quarantine.payload_size is 'Size of the body in bytes';
comment on column review.quarantine.properties is 'AMQP properties';
comment on column review.quarantine.headers is 'AMQP headers';

grant select on review.predictions to sentinode_reviewer, sentinode_monitor, sentinode_auditor, sentinode_admin;
grant select on review.quarantine to sentinode_monitor, sentinode_auditor, sentinode_admin;
