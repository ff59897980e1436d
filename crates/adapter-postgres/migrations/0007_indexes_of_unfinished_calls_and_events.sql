-- Apart from the migrations before, whose locks keep calls from being read: while an index is built, calls can be read and not
-- booked, for a second or so for each million of them.

set local lock_timeout = '5s';

-- The calls that reconciliation leases, without those that were given up: they would stay in the index for ever.
create index calls_to_reconcile_idx on calls (booked_at, id) where status_rank < 4 and given_up_at is null;

-- Whose recording is to be fetched, whichever way the call ended: a small part of a large table.
create index calls_to_record_idx on calls (booked_at, id)
    where status_rank >= 4 and recording_key is null and conversation @> '{"has_recording": true}';

-- Whether a provider event without a call has the numbers of a recent call, or an agent of ours.
create index calls_to_number_booked_at_idx on calls (to_number, booked_at);
create index agents_provider_agent_id_idx on agents (provider_agent_id) where provider_agent_id is not null;

-- The order in which events that wait for their call are attempted again. Recent events are found by `received_at`.
create index provider_events_due_idx on provider_events (open_at, received_at, key) where closed_at is null;
