-- A version may calibrate its scores and look at a patch in several ways, and nothing is decided of patches that it was not
-- made for.

set local role sentinode_owner;

alter table sentinode.model_versions
    add column temperature real check (temperature >= 0.01 and temperature <= 100),
    add column test_time_augmentation text check (test_time_augmentation = 'dihedral'),
    add column chosen text check (octet_length(chosen) <= 4000),
    add column training text check (octet_length(training) <= 65536),
    drop constraint model_versions_preprocessing_check,
    add constraint model_versions_preprocessing_check check (preprocessing in ('rgb/255', 'rgb/255;rule-2')),
    add constraint programs_of_before_refuse_other_rules check (
        preprocessing = 'rgb/255;rule-2' or (temperature is null and test_time_augmentation is null));
comment on column sentinode.model_versions.preprocessing is 'What is done to the pixels first: rgb/255 is 8-bit RGB divided by 255. With ;rule-2 temperature, test-time augmentation and scope decide too; workers that know nothing of them refuse the version';
comment on column sentinode.model_versions.chosen is 'On what, and how well, its operating point was chosen; NULL where it was set by hand';
comment on column sentinode.model_versions.training is 'What sentinode train said of its weights: data, recipe and seed, by digests and figures, as JSON; NULL for weights from elsewhere';
comment on column sentinode.model_versions.temperature is 'Log-odds are divided by this before they become p_tumor; NULL where the network''s own probabilities are used';
comment on column sentinode.model_versions.test_time_augmentation is 'dihedral: the mean log-odds over the eight symmetries of the square; NULL where a patch is looked at once';
comment on column sentinode.model_versions.version_sha256 is 'Digest of all that decides: weights, preprocessing, arithmetic, test-time augmentation, temperature, threshold, uncertain band, and what it was made for';
grant select (temperature, test_time_augmentation, chosen, training) on sentinode.model_versions to sentinode_reviewer;

-- Wider than what they replace, so workers of before go on beside those of after.
alter table sentinode.predictions
    drop constraint predictions_review_reason_check,
    add constraint predictions_review_reason_check check (review_reason in ('out_of_scope', 'uncertain', 'positive', 'audit')),
    drop constraint uncertain_means_inside_the_band,
    add constraint uncertain_means_inside_the_band check (
        decision <> 'uncertain' or review_reason = 'out_of_scope'
        or (p_tumor >= uncertain_low and p_tumor < uncertain_high and uncertain_low is not null)),
    add constraint out_of_scope_is_uncertain check (review_reason is distinct from 'out_of_scope' or decision = 'uncertain');
comment on column sentinode.predictions.p_tumor is 'Probability of tumour: exp(log_p_tumor), or as the version''s temperature makes it';
comment on column sentinode.predictions.review_reason is 'Why a person should look, out_of_scope where the version was made for other patches; NULL when not selected';
