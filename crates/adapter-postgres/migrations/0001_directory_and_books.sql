-- The directory (who may call whom, from which number, with which agent) and the books (calls and their guards).
--
-- Keys are compared byte by byte (collate "C"): faster, and their indexes outlive an upgrade of the system's locales.
-- A user, an agent, a contact and a number stay in their own tenant: foreign keys carry the organization along.

set local lock_timeout = '5s';

create table organizations (
    id text collate "C" not null,
    name text not null,
    constraint organizations_pkey primary key (id)
);

create table users (
    id text collate "C" not null,
    organization_id text collate "C" not null,
    full_name text not null,
    constraint users_pkey primary key (id),
    constraint users_organization_id_id_key unique (organization_id, id),
    constraint users_organization_id_fkey foreign key (organization_id) references organizations (id)
);

create table agents (
    id text collate "C" not null,
    organization_id text collate "C" not null,
    -- The order in which agents were first stored: the first is the default.
    seq bigint generated always as identity,
    name text not null,
    voice_enabled boolean not null,
    provider_agent_id text,
    constraint agents_pkey primary key (id),
    constraint agents_organization_id_id_key unique (organization_id, id),
    constraint agents_organization_id_fkey foreign key (organization_id) references organizations (id)
);

create index agents_organization_id_seq_idx on agents (organization_id, seq);

create table caller_numbers (
    organization_id text collate "C" not null,
    phone_number text collate "C" not null,
    user_id text collate "C" not null,
    carrier text not null,
    ai_enabled boolean not null,
    on_trunk boolean not null,
    provider_number_id text,
    -- The place among the user's numbers: the lowest is the default.
    position bigint not null,
    constraint caller_numbers_pkey primary key (organization_id, phone_number),
    constraint caller_numbers_user_fkey foreign key (organization_id, user_id) references users (organization_id, id),
    constraint caller_numbers_carrier_check check (carrier in ('sinch', 'twilio', 'textgrid')),
    constraint caller_numbers_position_check check (position >= 0)
);

create index caller_numbers_user_idx on caller_numbers (organization_id, user_id, position, phone_number);

create table contacts (
    id text collate "C" not null,
    organization_id text collate "C" not null,
    first_name text,
    last_name text,
    phone_number text collate "C",
    constraint contacts_pkey primary key (id),
    constraint contacts_organization_id_id_key unique (organization_id, id),
    constraint contacts_organization_id_phone_number_key unique (organization_id, phone_number),
    constraint contacts_organization_id_fkey foreign key (organization_id) references organizations (id)
);

create table calls (
    id text collate "C" not null,
    organization_id text collate "C" not null,
    user_id text collate "C" not null,
    contact_id text collate "C" not null,
    agent_id text collate "C" not null,
    from_number text collate "C" not null,
    to_number text collate "C" not null,
    reason text,
    state text not null,
    -- Why a call was not connected, the provider's code for one that it refused, what made an outcome unknown.
    outcome_detail text,
    conversation_id text collate "C",
    carrier_call_id text collate "C",
    booked_at timestamptz not null,
    settled_at timestamptz,
    constraint calls_pkey primary key (id),
    constraint calls_user_fkey foreign key (organization_id, user_id) references users (organization_id, id),
    constraint calls_contact_fkey foreign key (organization_id, contact_id) references contacts (organization_id, id),
    constraint calls_agent_fkey foreign key (organization_id, agent_id) references agents (organization_id, id),
    constraint calls_state_check check (state in ('dialling', 'placed', 'not-connected', 'not-dialled', 'unknown')),
    constraint calls_settled_at_check check ((state = 'dialling') = (settled_at is null)),
    constraint calls_outcome_detail_check check (state <> 'not-connected' or outcome_detail is not null)
);

create index calls_organization_id_booked_at_idx on calls (organization_id, booked_at desc, id desc);

-- What reconciliation looks for: a small part of a large table.
create index calls_open_idx on calls (booked_at) where state in ('dialling', 'unknown');

create index calls_conversation_id_idx on calls (conversation_id) where conversation_id is not null;

-- One row for each intent that was ever dialled, taken over again and again: room on the page keeps updates cheap.
create table dial_guards (
    key text collate "C" not null,
    token text collate "C" not null,
    call_id text collate "C" not null,
    -- By this server's clock.
    blocked_until timestamptz not null,
    constraint dial_guards_pkey primary key (key),
    constraint dial_guards_call_id_key unique (call_id),
    constraint dial_guards_call_id_fkey foreign key (call_id) references calls (id) on delete cascade
) with (fillfactor = 80);
