-- Fills one chain with events of 64 made-up predictions each, digested and sealed as workers do it.
-- usage: psql -v events=1000 -f fill.sql     in a migrated database with the model version `baseline-1`, as superuser

create procedure pg_temp.fill(events integer) language plpgsql as $$
declare
    chain uuid := gen_random_uuid();
    rows_sql text := format(
        'select array_agg(sha256(%s) order by leaf) from sentinode.predictions where writer = $1 and seal = $2',
        audit.row_encoding('sentinode.predictions'));
    event_sql text := format(
        'select sha256(%s) from audit.events where writer = $1 and seal = $2', audit.row_encoding('audit.events'));
    leaves bytea[];
    event bytea;
    root bytea;
    value bytea;
    before bytea;
begin
    for number in 0..events - 1 loop
        insert into sentinode.predictions
            (job_id, model_version, message_id, sender, slide_id, x, y, level, mpp, site, scanner, stain, image_sha256,
             log_p_normal, log_p_tumor, p_tumor, decision, threshold, selection_probability, enqueued_at, received_at,
             predicted_at, engine, mean_red, mean_green, mean_blue, od_mean_red, od_mean_green, od_mean_blue, od_sd_red,
             od_sd_green, od_sd_blue, saturation, brightness, focus, tissue_share, writer, seal, leaf, salt)
        select gen_random_uuid(), 'baseline-1', format('patch-%s-%s', number, patch), 'benchmark',
               'S-' || number / 100, 96 * patch, 96 * (number % 100), 0, 0.5, 'north', 'scanner-1', 'H&E',
               sha256(uuid_send(gen_random_uuid())), ln(1 - p)::real, ln(p)::real, p::real,
               case when p::real >= 0.5 then 'tumor' else 'normal' end, 0.5, 0, now(), now(), now(), 'direct-1/avx2',
               200 * p, 150 * p, 180 * p, p, p, p, p, p, p, p, p, p, p, chain, number, patch,
               uuid_send(gen_random_uuid())
        from (select patch, 0.01 + 0.98 * random() as p from generate_series(1, 64) as patch) as drawn;
        execute rows_sql into leaves using chain, number::bigint;

        insert into audit.events (writer, seal, occurred_at, actor, action, detail_source, leaves, salt)
        values (chain, number, now(), session_user, 'batch.recorded', '{"recorded": 64}',
                (select string_agg(leaf, ''::bytea order by place) from unnest(leaves) with ordinality as each (leaf, place)),
                uuid_send(gen_random_uuid()));
        execute event_sql into event using chain, number::bigint;

        root := audit.merkle_root(event || leaves);
        value := sha256(convert_to('sentinode.seal.v1', 'UTF8') || uuid_send(chain) || int8send(number)
                        || coalesce(before, decode(repeat('00', 32), 'hex')) || int8send(65) || root);
        insert into audit.seals (writer, number, previous, leaf_count, root, seal)
        values (chain, number, before, 65, root, value);
        before := value;
        if number % 500 = 499 then
            commit;
        end if;
    end loop;
end $$;

call pg_temp.fill(:events);
