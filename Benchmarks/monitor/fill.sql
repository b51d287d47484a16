-- Fills a database with what the monitor reads: predictions of a calibrated model; labels.sql adds what people say. The rows
-- follow the schema's constraints but are sealed by nobody, so nothing here can be verified.
-- psql variables: rows, days (they are spread over so many), until (an expression: the last one's time), slide (patches a slide), sites,
-- version (a name of sentinode.model_versions), embedded (one patch in so many has an embedding), band (scores so far from
-- 0.5 are uncertain, and all looked at), part and parts (sessions that share the work: each fills partitions of its own, so that
-- rows lie in the order of their time, as workers store them).

set session_replication_role = replica;

insert into review.policies
select 1, now(), sha256('benchmark'), 30, 'benchmark', now(), session_user, gen_random_uuid(), 0, 1,
        uuid_send(gen_random_uuid()) where :part = 0;
insert into review.policy_rules
select 1, rule, reason, null, 0, 2, rate, 0, 0, false, 10, 72, 0, gen_random_uuid(), 0, 1, uuid_send(gen_random_uuid())
from (values (1, 'audit', 0.01), (2, 'positive', 0.05), (3, 'uncertain', 1)) as given (rule, reason, rate) where :part = 0;

-- Every slide has a stain and a share of tumour of its own, the same in every session.
select setseed(0.5);
create temporary table slides as
select slide, 'site-' || slide % :sites as site, 'scanner-' || slide % 2 as scanner, 8 + 4 * random() as steepness,
       0.05 * (random() + random() + random() - 1.5) as stain, 100 + 40 * (random() - 0.5) as sharpness
from generate_series(0, :rows / :slide) as slide;
select setseed((1 + :part) / 100.0);
alter table slides add primary key (slide);
analyze slides;

-- Float32, little-endian, from 0.5 to 1.
create temporary table embeddings as
select number, string_agg(
    decode(lpad(to_hex((random() * 65535)::integer), 4, '0') || lpad(to_hex((random() * 127)::integer), 2, '0') || '3f', 'hex'),
    '') as embedding
from generate_series(0, 999) as number, generate_series(1, 100) group by number;
alter table embeddings add primary key (number);
analyze embeddings;

insert into sentinode.predictions
    (job_id, model_version, message_id, sender, slide_id, x, y, level, mpp, site, scanner, stain, case_pseudonym, image_sha256,
     log_p_normal, log_p_tumor, p_tumor, decision, threshold, uncertain_low, uncertain_high, review_reason, selection_probability,
     enqueued_at, received_at, predicted_at, stored_at, engine, mean_red, mean_green, mean_blue, od_mean_red, od_mean_green,
     od_mean_blue, od_sd_red, od_sd_green, od_sd_blue, saturation, brightness, focus, tissue_share, writer, seal, leaf, salt,
     review_policy, review_rule, positive_probability, positive_selected, audit_probability, audit_selected,
     second_read_probability, reads_wanted, blind, hematoxylin_red, hematoxylin_green, eosin_red, eosin_green, embedding)
select job, :'version', 'message ' || i, 'benchmark', 'S-' || slide, i % :slide % 50 * 96, i % :slide / 50 * 96, 0, 0.5,
       site, scanner, 'H&E', 'C-' || slide / 4, sha256(int8send(i)), ln(1 - p), ln(p), p, decision, 0.5, 0.5 - :band, 0.5 + :band,
       reason, case when decision = 'uncertain' then 1 else 1 - (1 - positive) * 0.99 end, at - interval '3 seconds' * random(),
       at, at, at, 'direct-1/avx2',
       200, 150, 180, 0.2 + stain + 0.1 * random(), 0.4 + stain + 0.2 * random(), 0.2 + stain + 0.1 * random(),
       0.1 + 0.05 * random(), 0.15 + 0.05 * random(), 0.1 + 0.05 * random(), 0.3 + stain + 0.1 * random(),
       0.7 - stain + 0.1 * random(), sharpness * (0.5 + random()), least(1, 0.3 + random()),
       '00000000-0000-4000-8000-000000000001', i / 64, i % 64 + 1, uuid_send(job),
       1, case when reason is null then null when audit then 1 when reason = 'uncertain' then 3 else 2 end,
       positive, selected, 0.01, audit, case when reason is not null then 0 end, case when reason is not null then 1 end,
       case when reason is not null then false end,
       0.6 + stain + 0.1 * random(), 0.7 + 0.05 * random(), 0.1 + stain + 0.1 * random(), 0.9 + 0.05 * random(),
       case when i % :embedded = 0 then (select embedding from embeddings where number = (i::bigint * 7919) % 1000) end
from (
    select *, case when decision = 'uncertain' then 'uncertain' when selected then 'positive' when audit then 'audit' end as reason
    from (
        select *, case when decision = 'tumor' then 0.05 else 0 end as positive, decision = 'tumor' and random() < 0.05 as selected,
               random() < 0.01 as audit
        from (
            select *, case when p >= (0.5 + :band)::real then 'tumor' when p >= (0.5 - :band)::real then 'uncertain' else 'normal' end as decision
            from (
                select i, md5('job ' || i)::uuid as job, :until - (:rows - i) * (:days * interval '1 day' / :rows) as at,
                       least(greatest(random() ^ steepness, 1e-4), 0.9999)::real as p, slides.*
                from generate_series(0, :rows - 1) as i join slides on slides.slide = i / :slide
                where satisfies_hash_partition('sentinode.predictions'::regclass, :parts, :part, md5('job ' || i)::uuid)
            ) as scored
        ) as decided
    ) as drawn
) as selected
order by at;

set session_replication_role = origin;
