-- Calls that the gateway does not ask about any more, and the indexes that show whether a provider event is about a call of ours.
--
-- While the indexes on calls are built, calls can be neither read nor booked: for a second or so for each million of them.

set local lock_timeout = '5s';

alter table calls
    -- When and why the gateway gave the call up. `status_rank` stays, and a later report of the end still counts.
    add column given_up_at timestamptz,
    add column given_up_reason text,
    add constraint calls_given_up_check check ((given_up_at is null) = (given_up_reason is null))
        -- Every row has neither: do not read them all for that.
        not valid;

-- The calls that reconciliation leases, without those that were given up: they would stay in this index for ever. The
-- statements of the previous release do not use the new index. They find the same calls, more slowly.
drop index calls_unended_idx;
create index calls_unended_idx on calls (booked_at, id) where status_rank < 4 and given_up_at is null;

-- Whether a provider event without a call has the numbers of a recent call, or an agent of ours.
create index calls_to_number_booked_at_idx on calls (to_number, booked_at);
create index agents_provider_agent_id_idx on agents (provider_agent_id) where provider_agent_id is not null;

-- The order in which events that wait for their call are attempted again. Recent events are found by `received_at`.
create index provider_events_due_idx on provider_events (open_at, received_at, key) where closed_at is null;
