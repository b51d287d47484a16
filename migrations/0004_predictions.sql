-- One row a job, inserted once, never changed.

set local role sentinode_owner;

create table sentinode.predictions (
    job_id uuid not null,
    model_version text not null,
    message_id text check (octet_length(message_id) <= 255),
    sender text check (octet_length(sender) <= 255),
    slide_id text check (octet_length(slide_id) between 1 and 255),
    x bigint check (x between 0 and 10000000),
    y bigint check (y between 0 and 10000000),
    level smallint check (level between 0 and 99),
    mpp double precision check (mpp > 0 and mpp < 1000),
    site text check (octet_length(site) between 1 and 255),
    scanner text check (octet_length(scanner) between 1 and 255),
    stain text check (octet_length(stain) between 1 and 255),
    case_pseudonym text check (octet_length(case_pseudonym) between 1 and 255),
    attributes_source text check (octet_length(attributes_source) <= 16384),
    attributes jsonb generated always as (attributes_source::jsonb) stored,
    image_sha256 bytea not null check (octet_length(image_sha256) = 32),
    log_p_normal real not null check (log_p_normal <= 0),
    log_p_tumor real not null check (log_p_tumor <= 0),
    p_tumor real not null check (p_tumor >= 0 and p_tumor <= 1),
    decision text not null check (decision in ('tumor', 'normal', 'uncertain')),
    threshold real not null,
    uncertain_low real,
    uncertain_high real,
    review_reason text check (review_reason in ('uncertain', 'positive', 'audit')),
    selection_probability double precision not null check (selection_probability between 0 and 1),
    enqueued_at timestamptz,
    received_at timestamptz not null,
    predicted_at timestamptz not null check (predicted_at >= received_at),
    engine text not null,
    mean_red real not null,
    mean_green real not null,
    mean_blue real not null,
    od_mean_red real not null,
    od_mean_green real not null,
    od_mean_blue real not null,
    od_sd_red real not null,
    od_sd_green real not null,
    od_sd_blue real not null,
    saturation real not null,
    brightness real not null,
    focus real not null,
    tissue_share real not null check (tissue_share between 0 and 1),
    writer uuid not null,
    seal bigint not null,
    leaf integer not null check (leaf > 0),
    salt bytea not null check (octet_length(salt) = 16),
    primary key (job_id),
    constraint decision_follows_the_operating_point check (
        case decision
            when 'tumor' then p_tumor >= threshold and (uncertain_high is null or p_tumor >= uncertain_high)
            when 'normal' then p_tumor < threshold and (uncertain_low is null or p_tumor < uncertain_low)
            else true
        end),
    constraint an_uncertain_patch_is_looked_at check (
        decision <> 'uncertain' or (review_reason is not null and selection_probability = 1)),
    constraint probabilities_add_up check (abs(exp(greatest(log_p_normal::float8, -700)) + exp(greatest(log_p_tumor::float8, -700)) - 1) < 1e-4)
) partition by hash (job_id);

do $$
begin
    for part in 0..7 loop
        execute format(
            'create table sentinode.predictions_%s partition of sentinode.predictions for values with (modulus 8, remainder %s)',
            part, part);
    end loop;
end $$;

create index predictions_by_slide on sentinode.predictions (slide_id, y, x) where slide_id is not null;
create index predictions_by_site_and_time on sentinode.predictions (site, predicted_at);
create index predictions_to_review on sentinode.predictions (predicted_at) where review_reason is not null;
create index predictions_by_leaf on sentinode.predictions (writer, seal);

comment on table sentinode.predictions is 'One row a job: what was asked, what the model said, how it was decided. Research software: a score to pre-screen with, never a diagnosis. Append-only';
comment on column sentinode.predictions.job_id is 'The job: the sender''s UUID, or a UUIDv5 made from the sender and its message id';
comment on column sentinode.predictions.model_version is 'The version that decided';
comment on column sentinode.predictions.message_id is 'The sender''s own name for the job';
comment on column sentinode.predictions.sender is 'app_id of the message, else the authenticated user_id';
comment on column sentinode.predictions.slide_id is 'Slide the patch was cut from';
comment on column sentinode.predictions.x is 'Left edge of the patch on the slide, full-resolution pixels';
comment on column sentinode.predictions.y is 'Top edge of the patch on the slide, full-resolution pixels';
comment on column sentinode.predictions.level is 'Pyramid level the patch was read from';
comment on column sentinode.predictions.mpp is 'Micrometres a pixel';
comment on column sentinode.predictions.site is 'Laboratory';
comment on column sentinode.predictions.scanner is 'Slide scanner';
comment on column sentinode.predictions.stain is 'Stain, such as H&E';
comment on column sentinode.predictions.case_pseudonym is 'The case, by a pseudonym of the laboratory''s';
comment on column sentinode.predictions.attributes_source is 'Other headers of the message as JSON, the bytes that the digest covers';
comment on column sentinode.predictions.attributes is 'The same, to query';
comment on column sentinode.predictions.image_sha256 is 'SHA-256 of the PNG';
comment on column sentinode.predictions.log_p_normal is 'Log-probability of normal, as the network gives it';
comment on column sentinode.predictions.log_p_tumor is 'Log-probability of tumour in the central 32x32 pixels, as the network gives it';
comment on column sentinode.predictions.p_tumor is 'Probability of tumour: exp(log_p_tumor)';
comment on column sentinode.predictions.decision is 'tumor from the threshold on, normal below, uncertain inside the band: then a person must look';
comment on column sentinode.predictions.threshold is 'Operating point in force';
comment on column sentinode.predictions.uncertain_low is 'Lower edge of the uncertain band in force, part of it; NULL when there is none';
comment on column sentinode.predictions.uncertain_high is 'Upper edge of the uncertain band in force, not part of it; NULL when there is none';
comment on column sentinode.predictions.review_reason is 'Why a person should look; NULL when not selected';
comment on column sentinode.predictions.selection_probability is 'Probability that this prediction was selected for review, known before it was drawn';
comment on column sentinode.predictions.enqueued_at is 'When it was sent, by the sender''s clock';
comment on column sentinode.predictions.received_at is 'When the worker received it';
comment on column sentinode.predictions.predicted_at is 'When the network answered';
comment on column sentinode.predictions.engine is 'Arithmetic and kernel, such as direct-1/avx2; every kernel of an arithmetic gives the same bits';
comment on column sentinode.predictions.mean_red is 'Mean of the red channel, 0 to 255';
comment on column sentinode.predictions.mean_green is 'Mean of the green channel, 0 to 255';
comment on column sentinode.predictions.mean_blue is 'Mean of the blue channel, 0 to 255';
comment on column sentinode.predictions.od_mean_red is 'Mean optical density of the red channel';
comment on column sentinode.predictions.od_mean_green is 'Mean optical density of the green channel';
comment on column sentinode.predictions.od_mean_blue is 'Mean optical density of the blue channel';
comment on column sentinode.predictions.od_sd_red is 'Standard deviation of the red channel''s optical density';
comment on column sentinode.predictions.od_sd_green is 'Standard deviation of the green channel''s optical density';
comment on column sentinode.predictions.od_sd_blue is 'Standard deviation of the blue channel''s optical density';
comment on column sentinode.predictions.saturation is 'Mean saturation, 0 to 1';
comment on column sentinode.predictions.brightness is 'Mean brightness';
comment on column sentinode.predictions.focus is 'Variance of the Laplacian of the luminance: low when blurred';
comment on column sentinode.predictions.tissue_share is 'Share of the pixels that look like tissue, 0 to 1';
comment on column sentinode.predictions.writer is 'Where its audit leaf stands: the writer';
comment on column sentinode.predictions.seal is 'Where its audit leaf stands: the seal in the writer''s chain';
comment on column sentinode.predictions.leaf is 'Where its audit leaf stands: the leaf under that seal';
comment on column sentinode.predictions.salt is 'Random bytes in the row''s digest';

-- A foreign key would lock the version's row once a prediction, shared by every lane; this looks once a batch.
create function sentinode.check_predictions() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    stray text;
begin
    select inserted.model_version into stray
    from (select distinct model_version, threshold, uncertain_low, uncertain_high from new_predictions) as inserted
    where not exists (
        select from sentinode.model_versions as version
        where version.name = inserted.model_version
          and version.threshold = inserted.threshold
          and version.uncertain_low is not distinct from inserted.uncertain_low
          and version.uncertain_high is not distinct from inserted.uncertain_high)
    limit 1;
    if found then
        raise exception 'no model version % with this operating point exists', stray using errcode = 'raise_exception';
    end if;
    return null;
end $$;
comment on function sentinode.check_predictions() is 'Trigger: predictions name a model version that exists, with its own operating point';

create trigger check_predictions after insert on sentinode.predictions
    referencing new table as new_predictions for each statement execute function sentinode.check_predictions();
create trigger append_only before update or delete on sentinode.predictions
    for each row execute function audit.refuse_change();
create trigger never_truncated before truncate on sentinode.predictions
    for each statement execute function audit.refuse_change();

-- A statement's trigger is not handed down to partitions as a row's is, and each can be truncated by its own name.
do $$
begin
    for part in 0..7 loop
        execute format('create trigger never_truncated before truncate on sentinode.predictions_%s
                        for each statement execute function audit.refuse_change()', part);
    end loop;
end $$;

grant select, insert on sentinode.predictions to sentinode_worker;
grant select on sentinode.predictions to sentinode_monitor, sentinode_auditor, sentinode_admin;
grant select (job_id, model_version, message_id, sender, slide_id, x, y, level, mpp, site, scanner, stain, case_pseudonym,
              attributes, image_sha256, log_p_normal, log_p_tumor, p_tumor, decision, threshold, uncertain_low, uncertain_high,
              review_reason, enqueued_at, received_at, predicted_at, engine)
    on sentinode.predictions to sentinode_reviewer;
