-- What is selected for review and why, the patches kept for people to look at, and the worklist.

set local role sentinode_owner;

alter table sentinode.predictions
    add column review_policy bigint,
    add column review_rule smallint,
    add column positive_probability double precision check (positive_probability between 0 and 1),
    add column positive_selected boolean,
    add column audit_probability double precision check (audit_probability between 0 and 1),
    add column audit_selected boolean,
    add column second_read_probability double precision check (second_read_probability between 0 and 1),
    add column reads_wanted smallint check (reads_wanted in (1, 2)),
    add column blind boolean,
    add constraint every_draw_is_kept check (
        (review_policy is null) = (positive_probability is null) and (review_policy is null) = (positive_selected is null)
        and (review_policy is null) = (audit_probability is null) and (review_policy is null) = (audit_selected is null)),
    add constraint a_selected_patch_follows_a_rule check (
        (review_policy is null or review_reason is null) = (second_read_probability is null)
        and (second_read_probability is null) = (reads_wanted is null) and (second_read_probability is null) = (blind is null)
        and (review_rule is null or reads_wanted is not null)),
    add constraint reasons_are_those_drawn check (
        review_policy is null
        or (review_reason is not null) = (decision = 'uncertain' or positive_selected or audit_selected)),
    add constraint certain_means_selected check (
        review_policy is null
        or ((positive_probability < 1 or positive_selected) and (positive_probability > 0 or not positive_selected)
            and (audit_probability < 1 or audit_selected) and (audit_probability > 0 or not audit_selected))),
    add constraint selection_probability_is_of_all_reasons check (
        review_policy is null
        or abs(selection_probability - case when decision = 'uncertain' then 1
               else 1 - (1 - positive_probability) * (1 - audit_probability) end) < 1e-12);

comment on column sentinode.predictions.review_policy is 'Review policy in force when it was decided; NULL for none';
comment on column sentinode.predictions.review_rule is 'The policy''s rule that governs its review: that of the audit sample, if it was drawn, else of the clinical reason; NULL when an uncertain patch has no rule';
comment on column sentinode.predictions.positive_probability is 'Probability that it was selected as a positive; 1 among the slide''s highest scores then known';
comment on column sentinode.predictions.positive_selected is 'Whether it was';
comment on column sentinode.predictions.audit_probability is 'Probability that it was drawn for the audit sample';
comment on column sentinode.predictions.audit_selected is 'Whether it was';
comment on column sentinode.predictions.second_read_probability is 'Probability that a second person reads it, once selected';
comment on column sentinode.predictions.reads_wanted is 'Independent readings wanted: 1 or 2; NULL when not selected under a policy';
comment on column sentinode.predictions.blind is 'Whether the model''s answer is hidden from a reader until the reader''s own is stored and revealed';

create index predictions_highest_of_slide on sentinode.predictions (slide_id, p_tumor desc) where decision = 'tumor' and slide_id is not null;
create index predictions_by_kept_image on sentinode.predictions (image_sha256) where review_reason is not null;
create index predictions_by_case on sentinode.predictions (case_pseudonym) where case_pseudonym is not null;

create table sentinode.patch_images (
    image_sha256 bytea primary key check (octet_length(image_sha256) = 32),
    png bytea not null check (octet_length(png) <= 16777216),
    kept_at timestamptz not null default now(),
    keep_until timestamptz not null,
    constraint the_image_is_what_its_name_says check (sha256(png) = image_sha256)
);
alter table sentinode.patch_images alter column png set storage external;
create index patch_images_by_end on sentinode.patch_images (keep_until);

comment on table sentinode.patch_images is 'Patches kept so that people can look at what the model saw, once for identical ones. Removed when their time is over or by an erasure, as an audited act; predictions keep the hash';
comment on column sentinode.patch_images.image_sha256 is 'SHA-256 of the PNG';
comment on column sentinode.patch_images.png is 'The PNG as it came';
comment on column sentinode.patch_images.kept_at is 'Since when it is here, by the server''s clock';
comment on column sentinode.patch_images.keep_until is 'May be removed from then on: the latest that any prediction of it asked for';

create table sentinode.shadow_predictions (
    job_id uuid not null references sentinode.predictions,
    model_version text not null references sentinode.model_versions,
    log_p_normal real not null check (log_p_normal <= 0),
    log_p_tumor real not null check (log_p_tumor <= 0),
    p_tumor real not null check (p_tumor >= 0 and p_tumor <= 1),
    decision text not null check (decision in ('tumor', 'normal', 'uncertain')),
    predicted_at timestamptz not null,
    engine text not null,
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (job_id, model_version)
);
create index shadow_predictions_by_leaf on sentinode.shadow_predictions (writer, seal);
call audit.protect('sentinode.shadow_predictions');

comment on table sentinode.shadow_predictions is 'What versions that decide nothing would have answered. Append-only';
comment on column sentinode.shadow_predictions.job_id is 'The job';
comment on column sentinode.shadow_predictions.model_version is 'The version that was asked';
comment on column sentinode.shadow_predictions.log_p_normal is 'Log-probability of normal, as the network gives it';
comment on column sentinode.shadow_predictions.log_p_tumor is 'Log-probability of tumour, as the network gives it';
comment on column sentinode.shadow_predictions.p_tumor is 'Probability of tumour';
comment on column sentinode.shadow_predictions.decision is 'What it would have decided at its own operating point';
comment on column sentinode.shadow_predictions.predicted_at is 'When the network answered';
comment on column sentinode.shadow_predictions.engine is 'Arithmetic and kernel';
comment on column sentinode.shadow_predictions.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.shadow_predictions.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.shadow_predictions.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.shadow_predictions.salt is 'Random bytes in the row''s digest';

create table review.worklist_items (
    job_id uuid primary key,
    stage text not null default 'first read' check (stage in ('first read', 'second read', 'adjudication')),
    stream text not null check (stream in ('clinical', 'audit')),
    priority smallint not null,
    reading_order bytea not null,
    site text,
    slide_id text,
    reads_wanted smallint not null check (reads_wanted in (1, 2)),
    blind boolean not null,
    added_at timestamptz not null default now(),
    due_at timestamptz not null,
    leased_by text,
    leased_at timestamptz,
    leased_until timestamptz,
    check ((leased_by is null) = (leased_until is null) and (leased_by is null) = (leased_at is null))
);
create index worklist_items_in_order on review.worklist_items (stream, priority, reading_order);
create index worklist_items_blind_order on review.worklist_items (reading_order);
create index worklist_items_overdue on review.worklist_items (due_at);
create index worklist_items_leased on review.worklist_items (leased_by) where leased_by is not null;
create index worklist_items_by_slide on review.worklist_items (slide_id) where slide_id is not null;

comment on table review.worklist_items is 'Working memory: what is still to be read, one row a job; gone when the policy''s readings are stored. People read review.worklist';
comment on column review.worklist_items.job_id is 'The job';
comment on column review.worklist_items.stage is 'What it waits for';
comment on column review.worklist_items.stream is 'audit: drawn from everything, served in hash order; clinical: served by priority';
comment on column review.worklist_items.priority is 'Clinical priority, 1 first';
comment on column review.worklist_items.reading_order is 'SHA-256 over "sentinode.reading-order.v1" and the job id: an order that knows nothing of scores';
comment on column review.worklist_items.site is 'Laboratory';
comment on column review.worklist_items.slide_id is 'Slide';
comment on column review.worklist_items.reads_wanted is 'Independent readings wanted';
comment on column review.worklist_items.blind is 'Whether the model''s answer is hidden before the reading';
comment on column review.worklist_items.added_at is 'Since when it waits, by the server''s clock';
comment on column review.worklist_items.due_at is 'Overdue from then on';
comment on column review.worklist_items.leased_by is 'Login of the reader who claimed it';
comment on column review.worklist_items.leased_at is 'When it was claimed';
comment on column review.worklist_items.leased_until is 'Free again from then on';

-- Whoever stores a prediction to be reviewed has put it on the worklist, in the same transaction.
create function review.put_on_worklist() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into review.worklist_items
        (job_id, stream, priority, reading_order, site, slide_id, reads_wanted, blind, due_at)
    select inserted.job_id, case when inserted.audit_selected then 'audit' else 'clinical' end, coalesce(rule.priority, 10),
           sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(inserted.job_id)),
           inserted.site, inserted.slide_id, coalesce(inserted.reads_wanted, 1), coalesce(inserted.blind, false),
           now() + make_interval(hours => coalesce(rule.due_hours, 72))
    from new_predictions as inserted
    left join review.policy_rules as rule on rule.generation = inserted.review_policy and rule.rule = inserted.review_rule
    where inserted.review_reason is not null;
    return null;
end $$;
comment on function review.put_on_worklist() is 'Trigger: predictions selected for review are on the worklist from their commit on';

create trigger put_on_worklist after insert on sentinode.predictions
    referencing new table as new_predictions for each statement execute function review.put_on_worklist();

-- What was selected before there was a worklist.
insert into review.worklist_items (job_id, stream, priority, reading_order, site, slide_id, reads_wanted, blind, due_at)
select job_id, 'clinical', 10, sha256(convert_to('sentinode.reading-order.v1', 'UTF8') || uuid_send(job_id)), site, slide_id, 1, false,
       now() + interval '72 hours'
from sentinode.predictions where review_reason is not null;

-- A draw has to follow the policy in force: what it was decided under, with the rates that stand there.
create function sentinode.check_review_policy() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    stray bigint;
begin
    select inserted.review_policy into stray
    from (select distinct review_policy, review_rule from new_predictions where review_policy is not null) as inserted
    where not exists (select from review.policies where generation = inserted.review_policy)
        or (inserted.review_rule is not null and not exists (
            select from review.policy_rules where generation = inserted.review_policy and rule = inserted.review_rule))
    limit 1;
    if found then
        raise exception 'no review policy % with this rule exists', stray using errcode = 'raise_exception';
    end if;
    return null;
end $$;
comment on function sentinode.check_review_policy() is 'Trigger: predictions name a review policy and rule that exist';

create trigger check_review_policy after insert on sentinode.predictions
    referencing new table as new_predictions for each statement execute function sentinode.check_review_policy();

-- Row-level security. What readers see comes through views and functions of the owner, so the owner is bound too: each
-- of them shows the rows of the sites granted to whoever logged in, whatever it forgets to ask.
alter table sentinode.predictions enable row level security, force row level security;
create policy whole_table on sentinode.predictions
    to sentinode_worker, sentinode_monitor, sentinode_auditor, sentinode_admin using (true) with check (true);
create policy granted_sites on sentinode.predictions to sentinode_owner
    using ((select review.sees_everything()) or site = any ((select review.my_sites())::text[]));

alter table review.worklist_items enable row level security, force row level security;
create policy whole_table on review.worklist_items to sentinode_monitor, sentinode_auditor, sentinode_admin using (true);
create policy granted_sites on review.worklist_items to sentinode_owner
    using ((select review.sees_everything()) or site = any ((select review.my_sites())::text[]));

revoke select on sentinode.predictions from sentinode_reviewer;
revoke select (job_id, model_version, message_id, sender, slide_id, x, y, level, mpp, site, scanner, stain, case_pseudonym,
               attributes, image_sha256, log_p_normal, log_p_tumor, p_tumor, decision, threshold, uncertain_low, uncertain_high,
               review_reason, enqueued_at, received_at, predicted_at, engine)
    on sentinode.predictions from sentinode_reviewer;

grant insert, select (image_sha256, keep_until), update (keep_until) on sentinode.patch_images to sentinode_worker;
grant select on sentinode.patch_images to sentinode_monitor, sentinode_auditor, sentinode_admin;
grant select, insert on sentinode.shadow_predictions to sentinode_worker;
grant select on sentinode.shadow_predictions to sentinode_monitor, sentinode_auditor, sentinode_admin;
grant select on review.worklist_items to sentinode_monitor, sentinode_auditor, sentinode_admin;
