-- What a statement's rows must be together is asked by triggers of the whole table, which a statement that names a partition
-- does not fire. Only the owner and a superuser could name one; now it is refused to them too.

set local role sentinode_owner;

create function sentinode.refuse_partition() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'rows are stored in sentinode.predictions, not in its partition %.%', tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege',
              hint = 'Only there is it checked what a prediction can be and that an event seals it.';
end $$;
comment on function sentinode.refuse_partition() is 'Trigger of every partition: no INSERT by its own name';

do $$
begin
    for part in 0..7 loop
        execute format('create trigger stored_by_the_whole_table before insert on sentinode.predictions_%s
                        for each statement execute function sentinode.refuse_partition()', part);
    end loop;
end $$;
