-- What no prediction can be, asked once for all rows of a statement. As constraints, these conditions were parsed and planned
-- anew by every statement, for each of the eight partitions that it reaches, which took a third of the database's time. A
-- trigger's query is planned once a session. The names are those of the constraints, and so is the error.
--
-- Constraints stay where an index would refuse the row in other words.

set local role sentinode_owner;

create function sentinode.check_are_possible() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    broken text;
begin
    -- As with a constraint, a condition that is NULL is none that is broken.
    select coalesce(
        case
            when not decision in ('tumor', 'normal', 'uncertain') then 'predictions_decision_check'
            when not p_tumor between 0 and 1 then 'predictions_p_tumor_check'
            when not log_p_normal <= 0 then 'predictions_log_p_normal_check'
            when not log_p_tumor <= 0 then 'predictions_log_p_tumor_check'
            when not abs(exp(greatest(log_p_normal::float8, -700)) + exp(greatest(log_p_tumor::float8, -700)) - 1) < 0.0001
                then 'probabilities_add_up'
            when decision = 'tumor' and not (p_tumor >= threshold and (uncertain_high is null or p_tumor >= uncertain_high))
                then 'decision_follows_the_operating_point'
            when decision = 'normal' and not (p_tumor < threshold and (uncertain_low is null or p_tumor < uncertain_low))
                then 'decision_follows_the_operating_point'
            when not (decision <> 'uncertain' or review_reason = 'out_of_scope'
                      or (p_tumor >= uncertain_low and p_tumor < uncertain_high and uncertain_low is not null))
                then 'uncertain_means_inside_the_band'
            when not (review_reason is distinct from 'out_of_scope' or decision = 'uncertain')
                then 'out_of_scope_is_uncertain'
            when not octet_length(image_sha256) = 32 then 'predictions_image_sha256_check'
            when not engine ~ '^[a-z]+-[0-9]+/[a-z0-9]+$' then 'an_engine_is_arithmetic_and_kernel'
            when not predicted_at >= received_at then 'predictions_check'
            when not (isfinite(received_at) and isfinite(predicted_at) and (enqueued_at is null or isfinite(enqueued_at)))
                then 'times_are_finite'
        end,
        -- What the sender says of the patch.
        case
            when not octet_length(message_id) <= 255 then 'predictions_message_id_check'
            when not octet_length(sender) <= 255 then 'predictions_sender_check'
            when not octet_length(scanner) between 1 and 255 then 'predictions_scanner_check'
            when not octet_length(stain) between 1 and 255 then 'predictions_stain_check'
            when not octet_length(attributes_source) <= 16384 then 'predictions_attributes_source_check'
            when not x between 0 and 10000000 then 'predictions_x_check'
            when not y between 0 and 10000000 then 'predictions_y_check'
            when not level between 0 and 99 then 'predictions_level_check'
            when not (mpp > 0 and mpp < 1000) then 'predictions_mpp_check'
        end,
        -- What was measured on it.
        case
            when not (mean_red between 0 and 255 and mean_green between 0 and 255 and mean_blue between 0 and 255
                      and od_mean_red between 0 and 10 and od_mean_green between 0 and 10 and od_mean_blue between 0 and 10
                      and od_sd_red between 0 and 10 and od_sd_green between 0 and 10 and od_sd_blue between 0 and 10
                      and saturation between 0 and 1 and brightness between 0 and 255 and focus >= 0 and focus < 'infinity')
                then 'statistics_are_in_range'
            when not tissue_share between 0 and 1 then 'predictions_tissue_share_check'
            when not (num_nulls(hematoxylin_red, hematoxylin_green, eosin_red, eosin_green) in (0, 4)
                      and hematoxylin_red between -1 and 1 and hematoxylin_green between -1 and 1
                      and eosin_red between -1 and 1 and eosin_green between -1 and 1)
                then 'stain_vectors_are_whole'
            when not (octet_length(embedding) between 4 and 65536 and octet_length(embedding) % 4 = 0)
                then 'an_embedding_is_floats'
        end,
        -- Where its leaf stands.
        case
            when not seal >= 0 then 'seals_count_from_zero'
            when not leaf > 0 then 'predictions_leaf_check'
            when not octet_length(salt) = 16 then 'predictions_salt_check'
        end,
        -- How it was drawn for review.
        case
            when not review_reason in ('out_of_scope', 'uncertain', 'positive', 'audit')
                then 'predictions_review_reason_check'
            when not selection_probability between 0 and 1 then 'predictions_selection_probability_check'
            when not (decision <> 'uncertain' or (review_reason is not null and selection_probability = 1))
                then 'an_uncertain_patch_is_looked_at'
            when (review_policy is null) <> (positive_probability is null)
                or (review_policy is null) <> (positive_selected is null)
                or (review_policy is null) <> (audit_probability is null)
                or (review_policy is null) <> (audit_selected is null)
                then 'every_draw_is_kept'
            when not positive_probability between 0 and 1 then 'predictions_positive_probability_check'
            when not audit_probability between 0 and 1 then 'predictions_audit_probability_check'
            when not second_read_probability between 0 and 1 then 'predictions_second_read_probability_check'
            when not reads_wanted in (1, 2) then 'predictions_reads_wanted_check'
            when not (review_policy is null
                      or (review_reason is not null) = (decision = 'uncertain' or positive_selected or audit_selected))
                then 'reasons_are_those_drawn'
            when not (review_policy is null
                      or ((positive_probability < 1 or positive_selected) and (positive_probability > 0 or not positive_selected)
                          and (audit_probability < 1 or audit_selected) and (audit_probability > 0 or not audit_selected)))
                then 'certain_means_selected'
            when not (review_policy is null
                      or abs(selection_probability - case
                             when decision = 'uncertain' then 1
                             else 1 - (1 - positive_probability) * (1 - audit_probability) end) < 0.000000000001)
                then 'selection_probability_is_of_all_reasons'
            when not ((review_policy is null or review_reason is null) = (second_read_probability is null)
                      and (second_read_probability is null) = (reads_wanted is null)
                      and (second_read_probability is null) = (blind is null)
                      and (review_rule is null or reads_wanted is not null))
                then 'a_selected_patch_follows_a_rule'
        end) as name into broken
    from new_predictions
    order by name limit 1;
    if broken is not null then
        raise exception 'new row for relation "predictions" violates check "%"', broken
            using errcode = 'check_violation', schema = 'sentinode', table = 'predictions', constraint = broken;
    end if;
    return null;
end $$;
comment on function sentinode.check_are_possible() is 'Trigger: no prediction is what none can be';

-- Before the triggers that come behind it by name, and would say less.
create trigger check_are_possible after insert on sentinode.predictions
    referencing new table as new_predictions for each statement execute function sentinode.check_are_possible();

alter table sentinode.predictions
    drop constraint a_selected_patch_follows_a_rule,
    drop constraint an_embedding_is_floats,
    drop constraint an_engine_is_arithmetic_and_kernel,
    drop constraint an_uncertain_patch_is_looked_at,
    drop constraint certain_means_selected,
    drop constraint decision_follows_the_operating_point,
    drop constraint every_draw_is_kept,
    drop constraint out_of_scope_is_uncertain,
    drop constraint predictions_attributes_source_check,
    drop constraint predictions_audit_probability_check,
    drop constraint predictions_check,
    drop constraint predictions_decision_check,
    drop constraint predictions_image_sha256_check,
    drop constraint predictions_leaf_check,
    drop constraint predictions_level_check,
    drop constraint predictions_log_p_normal_check,
    drop constraint predictions_log_p_tumor_check,
    drop constraint predictions_message_id_check,
    drop constraint predictions_mpp_check,
    drop constraint predictions_p_tumor_check,
    drop constraint predictions_positive_probability_check,
    drop constraint predictions_reads_wanted_check,
    drop constraint predictions_review_reason_check,
    drop constraint predictions_salt_check,
    drop constraint predictions_scanner_check,
    drop constraint predictions_second_read_probability_check,
    drop constraint predictions_selection_probability_check,
    drop constraint predictions_sender_check,
    drop constraint predictions_stain_check,
    drop constraint predictions_tissue_share_check,
    drop constraint predictions_x_check,
    drop constraint predictions_y_check,
    drop constraint probabilities_add_up,
    drop constraint reasons_are_those_drawn,
    drop constraint seals_count_from_zero,
    drop constraint selection_probability_is_of_all_reasons,
    drop constraint stain_vectors_are_whole,
    drop constraint statistics_are_in_range,
    drop constraint times_are_finite,
    drop constraint uncertain_means_inside_the_band;
