-- What people say of the predictions that fill.sql made, with its variable until.
set session_replication_role = replica;

-- Always in the same order, so that the same seed gives the same labels.
select setseed(0.25);
-- A tumour with the probability that the score says; nineteen in twenty are read within a day.
insert into review.labels
    (label_id, job_id, site, slide_id, is_blind_job, reads_wanted, act, label, meaning, reader, printed_name, qualification, reading,
     blind, source, labelled_at, recorded_by, writer, seal, leaf, salt)
select gen_random_uuid(), job_id, site, slide_id, false, 1, 'read', case when random() < p_tumor then 'tumor' else 'normal' end,
       'review', 'benchmark_other', 'A Reader', 'pathologist', 'first read', false, 'person',
       stored_at + interval '1 day' * random(), 'benchmark_other', gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid())
from (
    select * from sentinode.predictions
    where review_reason is not null and stored_at < :until - interval '1 day' order by stored_at, message_id offset 0
) as asked where random() < 0.95;

set session_replication_role = origin;
