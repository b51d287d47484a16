-- What no prediction can be, whoever inserts it.

set local role sentinode_owner;

alter table sentinode.predictions
    add constraint uncertain_means_inside_the_band check (
        decision <> 'uncertain' or (p_tumor >= uncertain_low and p_tumor < uncertain_high and uncertain_low is not null)),
    add constraint times_are_finite check (
        isfinite(received_at) and isfinite(predicted_at) and (enqueued_at is null or isfinite(enqueued_at))),
    add constraint statistics_are_in_range check (
        mean_red between 0 and 255 and mean_green between 0 and 255 and mean_blue between 0 and 255
        and od_mean_red between 0 and 10 and od_mean_green between 0 and 10 and od_mean_blue between 0 and 10
        and od_sd_red between 0 and 10 and od_sd_green between 0 and 10 and od_sd_blue between 0 and 10
        and saturation between 0 and 1 and brightness between 0 and 255 and focus >= 0 and focus < 'infinity'),
    add constraint an_engine_is_arithmetic_and_kernel check (engine ~ '^[a-z]+-[0-9]+/[a-z0-9]+$'),
    add constraint seals_count_from_zero check (seal >= 0);
