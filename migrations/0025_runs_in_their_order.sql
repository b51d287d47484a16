-- Runs are told apart by the order of their storing: a clock that was set back makes a later run look earlier.

set local role sentinode_owner;

alter table monitor.runs add column number bigint check (number > 0);
create unique index runs_by_number on monitor.runs (number);
comment on column monitor.runs.number is 'Order of its storing; NULL for runs of programs that did not count yet, which came before';

-- Windows that end after the newest run were computed while the clock was ahead: they come to count when they have ended.
create or replace view monitor.latest_measurements as
select distinct on (figure.window_kind, figure.window_start, figure.model_version, figure.segment_kind, figure.segment,
                    figure.metric, figure.method)
       figure.*, run.as_of
from monitor.measurements as figure join monitor.runs as run using (run_id)
where figure.window_end <= (select newest.as_of from monitor.runs as newest
                            order by newest.number desc nulls last, newest.recorded_at desc limit 1)
order by figure.window_kind, figure.window_start, figure.model_version, figure.segment_kind, figure.segment, figure.metric,
         figure.method, run.number desc nulls last, run.recorded_at desc;

-- Hours counted ahead of the time are counted anew.
grant delete on monitor.hours, monitor.hourly_profiles to sentinode_monitor;
