-- Fills a database with predictions, worklist and labels to time queries on. The rows follow the schema's constraints
-- but are sealed by nobody, so nothing here can be verified. psql variable: rows.

set session_replication_role = replica;

insert into review.policies
values (1, now(), sha256('benchmark'), 30, 'benchmark', now(), session_user, gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid()));
insert into review.policy_rules
select 1, rule, reason, null, 0, 2, rate, top, 0.2, reason = 'audit', 10, 72, 365, gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid())
from (values (1, 'audit', 0.02, 0), (2, 'positive', 0.05, 20), (3, 'uncertain', 1, 0)) as given (rule, reason, rate, top);

-- Slides of 2,000 patches, four sites, one patch a second until now; 4 % tumor, 3 % uncertain.
insert into sentinode.predictions
    (job_id, model_version, message_id, sender, slide_id, x, y, level, mpp, site, scanner, stain, case_pseudonym, image_sha256,
     log_p_normal, log_p_tumor, p_tumor, decision, threshold, uncertain_low, uncertain_high, review_reason, selection_probability,
     enqueued_at, received_at, predicted_at, engine, mean_red, mean_green, mean_blue, od_mean_red, od_mean_green, od_mean_blue,
     od_sd_red, od_sd_green, od_sd_blue, saturation, brightness, focus, tissue_share, writer, seal, leaf, salt,
     review_policy, review_rule, positive_probability, positive_selected, audit_probability, audit_selected,
     second_read_probability, reads_wanted, blind)
select job, 'benchmark-1', 'message ' || i, 'benchmark', 'S-' || i / 2000, i % 2000 % 50 * 96, i % 2000 / 50 * 96, 0, 0.5,
       'site-' || i / 2000 % 4, 'scanner', 'H&E', 'C-' || i / 8000, sha256(int8send(i)), ln(1 - p), ln(p), p, decision, 0.5, 0.4, 0.6,
       reason, case when decision = 'uncertain' then 1 else 1 - (1 - positive) * 0.98 end, at, at, at, 'direct-1/avx2',
       200, 150, 180, 0.2, 0.3, 0.2, 0.1, 0.1, 0.1, 0.3, 0.7, 100, 0.8,
       '00000000-0000-4000-8000-000000000001', i / 64, i % 64 + 1, uuid_send(job),
       1, case when reason is null then null when audit then 1 when reason = 'uncertain' then 3 else 2 end,
       positive, selected, 0.02, audit, case when reason is not null then 0.2 end, case when reason is not null then 1 end,
       case when reason is not null then audit end
from (
    select *, case when decision = 'uncertain' then 'uncertain' when selected then 'positive' when audit then 'audit' end as reason
    from (
        select *, case when decision = 'tumor' then 0.05 else 0 end as positive, decision = 'tumor' and random() < 0.05 as selected,
               random() < 0.02 as audit
        from (
            select *, case when p >= 0.6 then 'tumor' when p >= 0.4 then 'uncertain' else 'normal' end as decision
            from (
                select i, gen_random_uuid() as job, now() - (:rows - i) * interval '1 second' as at,
                       least(greatest(random() ^ 8, 1e-4), 0.9999)::real as p
                from generate_series(0, :rows - 1) as i
            ) as scored
        ) as decided
    ) as drawn
) as selected;

-- The last third waits, everything before was read.
insert into review.worklist_items (job_id, stream, priority, reading_order, site, slide_id, reads_wanted, blind, due_at)
select job_id, case when audit_selected then 'audit' else 'clinical' end, 10, sha256(uuid_send(job_id)), site, slide_id, 1, blind,
       predicted_at + interval '72 hours'
from sentinode.predictions where review_reason is not null and predicted_at > now() - :rows * interval '0.33 seconds';

insert into review.labels
    (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, meaning, reader, printed_name, qualification, reading,
     blind, source, labelled_at, recorded_by, writer, seal, leaf, salt)
select gen_random_uuid(), job_id, site, slide_id, blind, 1, 'read', case when (random() < 0.9) = (p_tumor >= 0.5) then 'tumor' else 'normal' end,
       'review', 'benchmark_other', 'A Reader', 'pathologist', 'first read', blind, 'person', predicted_at + interval '1 hour',
       'benchmark_other', gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid())
from sentinode.predictions where review_reason is not null and predicted_at <= now() - :rows * interval '0.33 seconds';

set session_replication_role = origin;
vacuum analyze;
