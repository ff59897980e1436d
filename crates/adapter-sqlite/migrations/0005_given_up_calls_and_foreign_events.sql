-- Calls that the gateway does not ask about any more, and the indexes that show whether a provider event is about a call of ours.

-- When and why the gateway gave the call up. status_rank stays, and a later report of the end still counts.
alter table calls add column given_up_at integer;
alter table calls add column given_up_reason text
    constraint calls_given_up_check check ((given_up_at is null) = (given_up_reason is null));

-- The calls that reconciliation leases, without those that were given up: they would stay in this index for ever.
drop index calls_unended_idx;
create index calls_unended_idx on calls (booked_at) where status_rank < 4 and given_up_at is null;

-- Whose recording is to be fetched, whichever way the call ended: a small part of a large table.
drop index calls_unrecorded_idx;
create index calls_unrecorded_idx on calls (booked_at)
    where status_rank >= 4 and recording_key is null and json_extract(conversation, '$.has_recording') = 1;

-- Whether a provider event without a call has an agent of ours.
create index agents_provider_agent_id_idx on agents (provider_agent_id) where provider_agent_id is not null;

-- The order in which events that wait for their call are attempted again. Recent events are found by received_at.
create index provider_events_due_idx on provider_events (open_at, received_at, key) where closed_at is null;
