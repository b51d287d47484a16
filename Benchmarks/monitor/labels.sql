-- What people say of the predictions that fill.sql made.
set session_replication_role = replica;

-- A tumour with the probability that the score says; nineteen in twenty are read within a day.
insert into review.labels
    (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, meaning, reader, printed_name, qualification, reading,
     blind, source, labelled_at, recorded_by, writer, seal, leaf, salt)
select gen_random_uuid(), job_id, site, slide_id, false, 1, 'read', case when random() < p_tumor then 'tumor' else 'normal' end,
       'review', 'benchmark_other', 'A Reader', 'pathologist', 'first read', false, 'person',
       stored_at + interval '1 day' * random(), 'benchmark_other', gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid())
from sentinode.predictions
where review_reason is not null and random() < 0.95 and stored_at < now() - interval '1 day';

set session_replication_role = origin;
