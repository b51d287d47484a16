-- Administrators may insert into the tables of shadow periods, retirements and later opinions, but the trail took no event of
-- theirs about these acts, so that only members of sentinode_owner could put a version into shadow, end that, retire one,
-- or ask one about earlier patches.

set local role sentinode_owner;

create or replace function audit.check_event() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if new.actor <> session_user then
        raise exception 'an audit event names its own login: % cannot write as %', session_user, new.actor
            using errcode = 'insufficient_privilege';
    end if;
    if new.occurred_at <> now() then
        raise exception 'an audit event carries the server''s time of its own transaction (%), not %', now(), new.occurred_at
            using errcode = 'raise_exception';
    end if;
    if current_user <> 'sentinode_owner' and not pg_has_role(session_user, 'sentinode_owner', 'member') then
        if new.person is not null and new.person is distinct from review.person_of(session_user) then
            raise exception 'an audit event names the person to whom its login belongs' using errcode = 'insufficient_privilege';
        end if;
        if exists (select from audit.chains as chain where chain.writer = new.writer and chain.login <> session_user) then
            raise exception 'a chain of seals belongs to the login that began it' using errcode = 'insufficient_privilege';
        end if;
        if not (case
            when new.action = 'monitor.ran' then pg_has_role(session_user, 'sentinode_monitor', 'member')
            when new.action in ('model.shadow_started', 'model.shadow_ended', 'model.retired', 'model.reevaluated')
                then pg_has_role(session_user, 'sentinode_admin', 'member')
            when new.action in ('batch.recorded', 'model.imported', 'model.activated', 'quarantine.replayed',
                                'quarantine.discarded', 'audit.checkpointed')
                then pg_has_role(session_user, 'sentinode_worker', 'member') or pg_has_role(session_user, 'sentinode_admin', 'member')
            else false
        end) then
            raise exception 'no login records % itself', new.action
                using errcode = 'insufficient_privilege', hint = 'The function that does it records it.';
        end if;
    end if;
    return new;
end $$;
