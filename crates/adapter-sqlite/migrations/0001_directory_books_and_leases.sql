-- Times are integers: milliseconds since the Unix epoch, UTC. Booleans are 0 or 1.
-- A foreign key that carries the organization keeps what it names within the tenant.

create table organizations (
    id text not null,
    name text not null,
    constraint organizations_pkey primary key (id)
) strict;

create table users (
    id text not null,
    organization_id text not null,
    full_name text not null,
    constraint users_pkey primary key (id),
    constraint users_organization_id_id_key unique (organization_id, id),
    constraint users_organization_id_fkey foreign key (organization_id) references organizations (id)
) strict;

-- seq orders agents by when they were first stored.
create table agents (
    seq integer not null,
    id text not null,
    organization_id text not null,
    name text not null,
    voice_enabled integer not null,
    provider_agent_id text,
    constraint agents_pkey primary key (seq),
    constraint agents_id_key unique (id),
    constraint agents_organization_id_id_key unique (organization_id, id),
    constraint agents_organization_id_fkey foreign key (organization_id) references organizations (id),
    constraint agents_voice_enabled_check check (voice_enabled in (0, 1))
) strict;

create index agents_organization_id_seq_idx on agents (organization_id, seq);

create table caller_numbers (
    organization_id text not null,
    phone_number text not null,
    user_id text not null,
    carrier text not null,
    ai_enabled integer not null,
    on_trunk integer not null,
    provider_number_id text,
    position integer not null,
    constraint caller_numbers_pkey primary key (organization_id, phone_number),
    constraint caller_numbers_user_fkey foreign key (organization_id, user_id) references users (organization_id, id),
    constraint caller_numbers_carrier_check check (carrier in ('sinch', 'twilio', 'textgrid')),
    constraint caller_numbers_ai_enabled_check check (ai_enabled in (0, 1)),
    constraint caller_numbers_on_trunk_check check (on_trunk in (0, 1)),
    constraint caller_numbers_position_check check (position >= 0)
) strict;

create index caller_numbers_user_idx on caller_numbers (organization_id, user_id, position, phone_number);

create table contacts (
    id text not null,
    organization_id text not null,
    first_name text,
    last_name text,
    phone_number text,
    constraint contacts_pkey primary key (id),
    constraint contacts_organization_id_id_key unique (organization_id, id),
    constraint contacts_organization_id_phone_number_key unique (organization_id, phone_number),
    constraint contacts_organization_id_fkey foreign key (organization_id) references organizations (id)
) strict;

-- The books. A call is dialling until it is settled; outcome_detail says why it was not placed, or why nothing is known.
create table calls (
    id text not null,
    organization_id text not null,
    user_id text not null,
    contact_id text not null,
    agent_id text not null,
    from_number text not null,
    to_number text not null,
    reason text,
    state text not null,
    conversation_id text,
    carrier_call_id text,
    outcome_detail text,
    booked_at integer not null,
    settled_at integer,
    constraint calls_pkey primary key (id),
    constraint calls_user_fkey foreign key (organization_id, user_id) references users (organization_id, id),
    constraint calls_contact_fkey foreign key (organization_id, contact_id) references contacts (organization_id, id),
    constraint calls_agent_fkey foreign key (organization_id, agent_id) references agents (organization_id, id),
    constraint calls_state_check
        check (state in ('dialling', 'placed', 'not-connected', 'not-dialled', 'unknown')),
    constraint calls_settled_at_check check ((state = 'dialling') = (settled_at is null)),
    constraint calls_outcome_detail_check check (state <> 'not-connected' or outcome_detail is not null)
) strict;

create index calls_organization_id_booked_at_idx on calls (organization_id, booked_at desc, id desc);

-- What reconciliation looks for: a small part of a large table.
create index calls_open_idx on calls (booked_at) where state in ('dialling', 'unknown');

create index calls_conversation_id_idx on calls (conversation_id) where conversation_id is not null;

-- One row for each intent that may not be dialled again before blocked_until. The call is written after its guard, in the
-- same transaction.
create table dial_guards (
    key text not null,
    token text not null,
    call_id text not null,
    blocked_until integer not null,
    constraint dial_guards_pkey primary key (key),
    constraint dial_guards_call_id_key unique (call_id),
    constraint dial_guards_call_id_fkey
        foreign key (call_id) references calls (id) on delete cascade deferrable initially deferred
) strict, without rowid;

create index dial_guards_blocked_until_idx on dial_guards (blocked_until);

-- The short-lived lock on an intent: in flight while outcome is null, else settled with that result. It is allowed to be
-- lost, and so it hangs on nothing: no foreign keys.
create table call_locks (
    key text not null,
    token text not null,
    outcome text,
    call_id text,
    conversation_id text,
    carrier_call_id text,
    outcome_detail text,
    expires_at integer not null,
    constraint call_locks_pkey primary key (key),
    constraint call_locks_outcome_check check (outcome in ('placed', 'not-connected')),
    constraint call_locks_call_id_check check ((outcome is null) = (call_id is null))
) strict, without rowid;

create index call_locks_expires_at_idx on call_locks (expires_at);

-- What the post-call webhook wants to know: a cache, which the books can replace.
create table call_contexts (
    conversation_id text not null,
    call_id text not null,
    organization_id text not null,
    user_id text not null,
    contact_id text not null,
    agent_id text not null,
    provider_agent_id text not null,
    from_number text not null,
    to_number text not null,
    reason text,
    carrier_call_id text,
    started_at integer not null,
    expires_at integer not null,
    constraint call_contexts_pkey primary key (conversation_id)
) strict;

create index call_contexts_expires_at_idx on call_contexts (expires_at);
