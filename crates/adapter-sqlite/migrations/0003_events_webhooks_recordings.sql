-- What organizations are told of their calls. An event is written in the transaction that it tells of; written_order is the
-- order of those transactions, which come one after another in this file. Publishing gives an event its place for readers:
-- the same number, which is never given twice. Whom and which numbers it is about stands in calls, and never changes there.
create table call_events (
    written_order integer not null constraint call_events_pkey primary key autoincrement,
    call_id text not null,
    kind text not null,
    status_rank integer not null,
    organization_id text not null,
    conversation_id text,
    happened_at integer not null,
    position integer,
    constraint call_events_call_id_kind_status_rank_key unique (call_id, kind, status_rank),
    constraint call_events_call_id_fkey foreign key (call_id) references calls (id) on delete cascade,
    constraint call_events_kind_check
        check (kind in ('call_initiated', 'call_answered', 'call_ended', 'call_recording_ready')),
    constraint call_events_status_rank_check check (status_rank >= 0),
    constraint call_events_position_check check (position = written_order)
) strict;

create index call_events_unpublished_idx on call_events (written_order) where position is null;

create index call_events_organization_id_position_idx on call_events (organization_id, position)
    where position is not null;

-- Only the end of a call is told again, where a later account says more of it.
create unique index call_events_once_key on call_events (call_id, kind) where kind <> 'call_ended';

-- seq orders endpoints by when they were registered. kinds is a JSON array of names of kinds of events.
create table webhook_endpoints (
    seq integer not null,
    id text not null,
    organization_id text not null,
    url text not null,
    kinds text not null,
    secret blob not null,
    previous_secret blob,
    previous_until integer,
    created_at integer not null,
    constraint webhook_endpoints_pkey primary key (seq),
    constraint webhook_endpoints_id_key unique (id),
    constraint webhook_endpoints_organization_id_fkey foreign key (organization_id) references organizations (id),
    constraint webhook_endpoints_kinds_check check (json_type(kinds) = 'array'),
    constraint webhook_endpoints_previous_check check ((previous_secret is null) = (previous_until is null))
) strict;

create index webhook_endpoints_organization_id_seq_idx on webhook_endpoints (organization_id, seq);

-- Published events on their way to endpoints. A pending one is handed out from due_at on, and is in somebody's hands until
-- claimed_until; attempts counts how often it was handed out since it was queued.
create table webhook_deliveries (
    endpoint_id text not null,
    position integer not null,
    state text not null,
    attempts integer not null,
    queued_at integer not null,
    due_at integer not null,
    claimed_until integer,
    concluded_at integer,
    last_failure text,
    constraint webhook_deliveries_pkey primary key (endpoint_id, position),
    constraint webhook_deliveries_endpoint_id_fkey
        foreign key (endpoint_id) references webhook_endpoints (id) on delete cascade,
    constraint webhook_deliveries_position_fkey
        foreign key (position) references call_events (written_order) on delete cascade,
    constraint webhook_deliveries_state_check check (state in ('pending', 'delivered', 'dead')),
    constraint webhook_deliveries_attempts_check check (attempts >= 0),
    constraint webhook_deliveries_claimed_until_check check (claimed_until is null or state = 'pending'),
    constraint webhook_deliveries_concluded_at_check check ((state = 'pending') = (concluded_at is null))
) strict, without rowid;

-- By which those are found whose time is over.
create index webhook_deliveries_queued_at_idx on webhook_deliveries (queued_at) where state = 'pending';

-- By which the longest due are found for each endpoint, those of others passed over.
create index webhook_deliveries_pending_idx on webhook_deliveries (endpoint_id, due_at, position)
    where state = 'pending';

-- What is in somebody's hands: a few.
create index webhook_deliveries_claimed_idx on webhook_deliveries (endpoint_id, claimed_until)
    where claimed_until is not null;

create index webhook_deliveries_position_idx on webhook_deliveries (position);

-- Where the recording of a call lies, once it is stored. The sound itself is not in here.
alter table calls add column recording_key text;
alter table calls add column recording_format text
    constraint calls_recording_format_check check (recording_format in ('mp3', 'wav'));
alter table calls add column recording_size integer
    constraint calls_recording_size_check check (recording_size >= 0);
alter table calls add column recorded_at integer
    constraint calls_recording_check check (
        (recording_key is null) = (recorded_at is null)
        and (recording_format is null) = (recorded_at is null)
        and (recording_size is null) = (recorded_at is null));

-- Whose recording is to be fetched: a small part of a large table.
create index calls_unrecorded_idx on calls (booked_at)
    where status_rank = 7 and recording_key is null and json_extract(conversation, '$.has_recording') = 1;

-- What is known of a call that came in: a cache beside call_contexts. A conversation is in one of the two.
create table inbound_contexts (
    conversation_id text not null,
    organization_id text not null,
    user_id text not null,
    contact_id text,
    provider_agent_id text,
    caller_number text not null,
    called_number text not null,
    started_at integer not null,
    expires_at integer not null,
    constraint inbound_contexts_pkey primary key (conversation_id)
) strict;

create index inbound_contexts_expires_at_idx on inbound_contexts (expires_at);

-- By which a call that comes in finds whose number is called.
create index caller_numbers_phone_number_idx on caller_numbers (phone_number);
