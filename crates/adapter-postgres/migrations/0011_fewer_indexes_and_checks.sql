-- What only the way to the dial pays for. Apart from the migration before: while the indexes are built, call events can be read and
-- not written, and so no call be booked, for a second or so for each million of them. The previous release names none of these.

set local lock_timeout = '5s';

-- In the order in which a booking takes its locks.
lock table dial_guards, calls, call_events, webhook_deliveries in access exclusive mode;

-- Postgres parses the text of each check constraint in every statement that writes to the table: a quarter of what a booking and
-- a settlement cost. The columns are written by the adapter alone. Its tests add the constraints again.
alter table calls
    drop constraint calls_state_check,
    drop constraint calls_settled_at_check,
    drop constraint calls_outcome_detail_check,
    drop constraint calls_status_rank_check,
    drop constraint calls_failure_check,
    drop constraint calls_recording_check,
    drop constraint calls_given_up_check,
    drop constraint calls_recording_report_check;
alter table call_events
    drop constraint call_events_status_rank_check,
    drop constraint call_events_position_check;

-- No statement looks for the reservation of a call, except where calls are deleted. Without this index, a reservation that is
-- taken over changes no index.
alter table dial_guards drop constraint dial_guards_call_id_key;

-- An answer may come up again after a failure was reported. The other kinds cannot: a call is booked once, the end may be written
-- again, and a recording is new only once to the statement that locks its call.
create unique index call_events_answered_once_key on call_events (call_id) where kind = 'call_answered';
drop index call_events_once_key;

-- The old one had an entry for each event without a position, too, and so one more for each event that was written. A foreign key
-- needs the old one, so that a trigger removes the deliveries of an event that is deleted.
alter table webhook_deliveries drop constraint webhook_deliveries_position_fkey;
alter table call_events drop constraint call_events_position_key;
create unique index call_events_position_key on call_events (position) where position is not null;

create function remove_deliveries_of_events() returns trigger language plpgsql as $$
begin
    delete from webhook_deliveries using removed where webhook_deliveries.position = removed.position;
    return null;
end
$$;

create trigger call_events_remove_deliveries after delete on call_events
    referencing old table as removed
    for each statement execute function remove_deliveries_of_events();
