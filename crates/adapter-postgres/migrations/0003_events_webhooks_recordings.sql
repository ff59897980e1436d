-- What organizations are told of their calls, where they want it sent, and where recordings lie.

set local lock_timeout = '5s';

alter table calls
    add column recording_key text,
    add column recording_format text,
    add column recording_size bigint,
    add column recorded_at timestamptz,
    add constraint calls_recording_check
        check (num_nulls(recording_key, recording_format, recording_size, recorded_at) in (0, 4))
        -- Every row that is there has none of them: not to be read for that, while nobody can book.
        not valid;

-- Calls that come in are told apart by the number that is called, whoever's it is.
create index caller_numbers_phone_number_idx on caller_numbers (phone_number);

-- Each is written with the step that it tells of, and published a moment later. What else there is to say stands in `calls`
-- and never changes.
create table call_events (
    call_id text collate "C" not null,
    kind text collate "C" not null,
    -- Where the call stood after the step.
    status_rank smallint not null,
    organization_id text collate "C" not null,
    -- As far as it was known by then.
    conversation_id text collate "C",
    -- By this server's clock.
    happened_at timestamptz not null default clock_timestamp(),
    written_order bigint generated always as identity,
    -- The place in the order of what is published; null until then.
    position bigint,
    constraint call_events_pkey primary key (call_id, kind, status_rank),
    constraint call_events_position_key unique (position),
    constraint call_events_call_id_fkey foreign key (call_id) references calls (id) on delete cascade,
    constraint call_events_status_rank_check check (status_rank between 0 and 7),
    constraint call_events_position_check check (position > 0)
);

-- Only the end of a call is told again, where a later account says more of it.
create unique index call_events_once_key on call_events (call_id, kind) where kind <> 'call_ended';
create index call_events_unpublished_idx on call_events (written_order) where position is null;
create index call_events_organization_id_position_idx on call_events (organization_id, position) where position is not null;

-- One row: the last place that was given. Whoever publishes holds it to the end of the transaction, so that places become
-- visible in their order, and none is given twice even where events were deleted.
create table event_order (
    is_the_only_one boolean not null default true,
    last_position bigint not null,
    constraint event_order_pkey primary key (is_the_only_one),
    constraint event_order_is_the_only_one_check check (is_the_only_one)
);

insert into event_order (last_position) values (0);

create table webhook_endpoints (
    id text collate "C" not null,
    organization_id text collate "C" not null,
    -- The order in which they were registered.
    seq bigint generated always as identity,
    url text not null,
    kinds text[] not null,
    secret bytea not null,
    -- Signs as well, until then.
    previous_secret bytea,
    previous_until timestamptz,
    created_at timestamptz not null,
    constraint webhook_endpoints_pkey primary key (id),
    constraint webhook_endpoints_organization_id_fkey foreign key (organization_id) references organizations (id),
    constraint webhook_endpoints_kinds_check check (cardinality(kinds) > 0),
    constraint webhook_endpoints_previous_check check ((previous_secret is null) = (previous_until is null))
);

create index webhook_endpoints_organization_id_seq_idx on webhook_endpoints (organization_id, seq);

-- All moments are by this server's clock.
create table webhook_deliveries (
    position bigint not null,
    endpoint_id text collate "C" not null,
    state text collate "C" not null default 'pending',
    -- Counted when an attempt begins: the number shows whose the newest one is.
    attempts integer not null default 0,
    queued_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null default clock_timestamp(),
    -- Until then somebody has it.
    claimed_until timestamptz,
    concluded_at timestamptz,
    -- What the last attempt failed of.
    last_failure text,
    constraint webhook_deliveries_pkey primary key (position, endpoint_id),
    constraint webhook_deliveries_position_fkey
        foreign key (position) references call_events (position) on delete cascade,
    constraint webhook_deliveries_endpoint_id_fkey
        foreign key (endpoint_id) references webhook_endpoints (id) on delete cascade,
    constraint webhook_deliveries_state_check check (state in ('pending', 'delivered', 'dead')),
    constraint webhook_deliveries_concluded_at_check check ((state = 'pending') = (concluded_at is null)),
    constraint webhook_deliveries_claimed_until_check check (claimed_until is null or state = 'pending'),
    constraint webhook_deliveries_attempts_check check (attempts >= 0)
);

create index webhook_deliveries_endpoint_id_idx on webhook_deliveries (endpoint_id, state, position);
create index webhook_deliveries_queued_at_idx on webhook_deliveries (queued_at) where state = 'pending';
create index webhook_deliveries_due_idx on webhook_deliveries (endpoint_id, due_at, position) where state = 'pending';
create index webhook_deliveries_out_idx on webhook_deliveries (endpoint_id, claimed_until) where claimed_until is not null;
