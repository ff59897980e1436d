-- What becomes known of a call after its dial, and the inbox of the provider's events.

set local lock_timeout = '5s';

alter table calls
    -- Where the call stands, as a place in the order of how much is known of it. It is never lowered.
    add column status_rank smallint not null default 0,
    -- That nobody was connected, as an account told it. What the dial itself came to stands in `state`.
    add column failure_reason text,
    add column failed_at timestamptz,
    -- The conversation as the provider recorded it; its form carries a version.
    add column conversation jsonb,
    -- By this server's clock: until then somebody is asking what became of the call.
    add column claimed_until timestamptz,
    add constraint calls_status_rank_check check (status_rank between 0 and 7),
    add constraint calls_failure_check check ((failure_reason is null) = (failed_at is null));

update calls
   set status_rank = case
           when state = 'unknown' then 2
           when state = 'placed' then 3
           when state = 'not-connected' and outcome_detail in ('busy', 'declined') then 6
           when state = 'not-connected' and outcome_detail = 'no-answer' then 5
           else 4
       end
 where state <> 'dialling';

-- What reconciliation looks for: a small part of a large table. Takes the place of an index that left out the calls that were
-- placed and have not ended.
drop index calls_open_idx;
create index calls_unended_idx on calls (booked_at, id) where status_rank < 4;

create table provider_events (
    -- What makes two deliveries the same event.
    key text collate "C" not null,
    kind text not null,
    -- As it came, byte for byte.
    body bytea not null,
    received_at timestamptz not null,
    -- By this server's clock: until then somebody has the event, or it waits for its call.
    open_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    -- No foreign key: an event is closed also where its call is not in the books, or not any more.
    call_id text collate "C",
    constraint provider_events_pkey primary key (key),
    constraint provider_events_call_id_check check (call_id is null or closed_at is not null)
);

-- Without `open_at`, so that handing an event out changes no index.
create index provider_events_open_idx on provider_events (received_at, key) where closed_at is null;
