-- What of a call was removed because of its age, and since when. The previous release neither reads nor writes these columns; for it, a
-- recording that was removed is too large to be stored, so that it does not fetch it again.

set local lock_timeout = '5s';

alter table calls
    add column recording_removed_at timestamptz,
    add column transcript_removed_at timestamptz;

-- Reading dial_guards to its end is needed only for a call that may have a reservation: these are removed an hour after they ended, but
-- for calls whose end is not known.
create or replace function remove_what_belongs_to_calls() returns trigger language plpgsql as $$
begin
    if exists (select from removed where status_rank < 4 or booked_at > now() - interval '7 days') then
        delete from dial_guards using removed where dial_guards.call_id = removed.id;
    end if;
    delete from idempotency_keys using removed where idempotency_keys.call_id = removed.id;
    delete from call_events using removed where call_events.call_id = removed.id;
    return null;
end
$$;
