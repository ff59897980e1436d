-- What decides whether a call may be made: policies, suppressions, do-not-call lists, consents and attempts; and the record of who
-- changed them. The previous release neither reads nor writes these tables and columns.

set local lock_timeout = '5s';

-- In the order in which a read of calls takes its locks.
lock table calls, users, contacts in access exclusive mode;

-- SUPERADMIN, ADMIN and others. Null: the user may change no policy.
alter table users add column access_role text collate "C";

-- The contact's own place. region is a country or a state by its ISO 3166 code.
alter table contacts
    add column time_zone text collate "C",
    add column region text collate "C";

-- What the call is for, what it is about, and the decision that allowed it, as JSON.
alter table calls
    add column purpose text collate "C",
    add column subject text collate "C",
    add column decision text collate "C";

-- policy is JSON. revision counts its changes.
create table calling_policies (
    organization_id text collate "C" not null,
    policy text collate "C" not null,
    revision bigint not null,
    changed_at timestamptz not null,
    -- The user. Null: an import.
    changed_by text collate "C",
    constraint calling_policies_pkey primary key (organization_id),
    constraint calling_policies_organization_id_fkey foreign key (organization_id) references organizations (id)
);

-- An opt-out names a number or a contact, or both. Without an organization it counts for all of them: it came in a call that no
-- organization is known of. Without a number and a contact it suppresses no one yet: a person must look at it.
create table suppressions (
    id text collate "C" not null,
    organization_id text collate "C",
    phone_number text collate "C",
    contact_id text collate "C",
    reason text,
    -- Where it came from: the API, an import, a tool of the agent, a post-call event.
    source text collate "C" not null,
    -- The provider's conversation in which it was said.
    conversation_id text collate "C",
    created_at timestamptz not null,
    created_by text collate "C",
    expires_at timestamptz,
    constraint suppressions_pkey primary key (id)
);
create index suppressions_phone_number_idx on suppressions (phone_number) where phone_number is not null;
create index suppressions_contact_id_idx on suppressions (contact_id) where contact_id is not null;
create index suppressions_organization_id_idx on suppressions (coalesce(organization_id, ''), created_at desc, id desc);
-- The same callee and conversation is suppressed once. Two rows without any of these are two.
create unique index suppressions_callee_key on suppressions (
    coalesce(phone_number, ''), coalesce(contact_id, ''), coalesce(conversation_id, ''), coalesce(organization_id, '')
) where phone_number is not null or contact_id is not null or conversation_id is not null;

create table do_not_call_lists (
    organization_id text collate "C" not null,
    name text collate "C" not null,
    -- The date of the copy.
    dated date not null,
    constraint do_not_call_lists_pkey primary key (organization_id, name)
);
create table do_not_call_numbers (
    organization_id text collate "C" not null,
    list text collate "C" not null,
    phone_number text collate "C" not null,
    -- The copy that had it last. An older one than the list's is no longer on the list.
    dated date not null,
    constraint do_not_call_numbers_pkey primary key (phone_number, organization_id, list)
);

create table consents (
    id text collate "C" not null,
    organization_id text collate "C" not null,
    phone_number text collate "C",
    contact_id text collate "C",
    kind text collate "C" not null,
    given_at timestamptz not null,
    -- How it was given, and a reference to the evidence.
    method text,
    evidence text,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text collate "C",
    created_at timestamptz not null,
    created_by text collate "C",
    constraint consents_pkey primary key (id)
);
create index consents_phone_number_idx on consents (organization_id, phone_number) where phone_number is not null;
create index consents_contact_id_idx on consents (organization_id, contact_id) where contact_id is not null;
create index consents_organization_id_idx on consents (organization_id, created_at desc, id desc);
create unique index consents_callee_key on consents (
    organization_id, coalesce(phone_number, ''), coalesce(contact_id, ''), kind, given_at
);

-- The attempts to reach a callee about a subject ('' for none). One row that every booking updates under its condition: to count
-- calls in the statement would use an old snapshot, and let two replicas pass the same cap.
create table call_attempts (
    organization_id text collate "C" not null,
    phone_number text collate "C" not null,
    subject text collate "C" not null,
    -- One entry for each attempt, in the order of booking, and the ids of their calls in the same order.
    attempted_at timestamptz[] not null,
    call_ids text[] not null,
    -- How long an entry is kept: the longest time that any of the bookings asked for.
    remember_millis bigint not null,
    constraint call_attempts_pkey primary key (organization_id, phone_number, subject)
);

-- Fails the booking of an attempt that a cap refuses. The statement has taken the reservation by then, and so takes it back.
create function refuse_attempt() returns boolean language plpgsql as $$
begin
    raise exception 'a cap of attempts is reached' using errcode = 'OD001';
end
$$;

-- Who changed what, and when. detail is JSON without personal data.
create table audit_records (
    seq bigint generated always as identity,
    organization_id text collate "C" not null,
    at timestamptz not null,
    user_id text collate "C",
    action text collate "C" not null,
    object_id text collate "C",
    detail text,
    constraint audit_records_pkey primary key (seq)
);
create index audit_records_organization_id_idx on audit_records (organization_id, seq desc);

-- Refused requests, by the hour.
create table refusal_counts (
    organization_id text collate "C" not null,
    code text collate "C" not null,
    hour timestamptz not null,
    refusals bigint not null,
    constraint refusal_counts_pkey primary key (organization_id, hour, code)
);
