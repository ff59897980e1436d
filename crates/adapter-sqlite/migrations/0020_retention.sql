-- What of a call was removed because of its age, and since when. For the previous release, a recording that was removed is too large
-- to be stored, so that it does not fetch it again.
alter table calls add column recording_removed_at integer;
alter table calls add column transcript_removed_at integer;

-- No booking writes to one of these indexes: a call enters them when it ends, an event when it is published.
create index calls_decided_idx on calls (booked_at)
    where decision is not null and (status_rank >= 4 or given_up_at is not null);
create index calls_transcribed_idx on calls (booked_at)
    where status_rank >= 4 and (conversation ->> '$.transcript[0]' is not null or conversation ->> '$.summary' is not null);
create index calls_recorded_idx on calls (booked_at) where recording_key is not null;

create index call_events_happened_at_idx on call_events (happened_at) where position is not null;
create index webhook_deliveries_concluded_at_idx on webhook_deliveries (concluded_at) where concluded_at is not null;
create index provider_events_closed_at_idx on provider_events (closed_at) where closed_at is not null;
create index refusal_counts_hour_idx on refusal_counts (hour);
