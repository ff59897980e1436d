-- A foreign key locks the row that it names at each booking: concurrent calls of one agent write to the same row. The booking now
-- checks in its own statement that user, contact and agent exist, and locks none of them. The previous release reads them before
-- it books, and neither release removes any of them, or a call. For an operator who does, triggers keep what the foreign keys
-- promised. They cost a booking and a settlement nothing.

set local lock_timeout = '5s';

-- All locks first, in the order in which a booking of the previous release takes them. It fails while an import runs.
lock table dial_guards, calls, call_events, users, contacts, agents in access exclusive mode;

alter table calls
    drop constraint calls_user_fkey,
    drop constraint calls_contact_fkey,
    drop constraint calls_agent_fkey;
alter table dial_guards drop constraint dial_guards_call_id_fkey;
alter table call_events drop constraint call_events_call_id_fkey;

-- The argument is the column of `calls` that names the row.
create function refuse_to_remove_what_a_call_names() returns trigger language plpgsql as $$
declare
    is_named boolean;
begin
    execute format('select exists (select from calls where organization_id = $1 and %I = $2)', tg_argv[0])
       into is_named
      using old.organization_id, old.id;
    if is_named then
        raise exception 'a call names this row of %', tg_table_name using errcode = 'foreign_key_violation';
    end if;
    return null;
end
$$;

create trigger users_named_by_calls after delete or update of organization_id, id on users
    for each row execute function refuse_to_remove_what_a_call_names('user_id');
create trigger contacts_named_by_calls after delete or update of organization_id, id on contacts
    for each row execute function refuse_to_remove_what_a_call_names('contact_id');
create trigger agents_named_by_calls after delete or update of organization_id, id on agents
    for each row execute function refuse_to_remove_what_a_call_names('agent_id');

-- A settlement or an update locks the call until its events are written, so that this removes them too.
create function remove_what_belongs_to_calls() returns trigger language plpgsql as $$
begin
    delete from dial_guards using removed where dial_guards.call_id = removed.id;
    delete from call_events using removed where call_events.call_id = removed.id;
    return null;
end
$$;

create trigger calls_remove_what_is_theirs after delete on calls
    referencing old table as removed
    for each statement execute function remove_what_belongs_to_calls();
