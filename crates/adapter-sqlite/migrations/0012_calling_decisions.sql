-- What decides whether a call may be made: policies, suppressions, do-not-call lists, consents and attempts; and the record of who
-- changed them. The previous release neither reads nor writes these tables and columns.

-- SUPERADMIN, ADMIN and others. Null: the user may change no policy.
alter table users add column access_role text;

-- The contact's own place. region is a country or a state by its ISO 3166 code.
alter table contacts add column time_zone text;
alter table contacts add column region text;

-- What the call is for, what it is about, and the decision that allowed it, as JSON.
alter table calls add column purpose text;
alter table calls add column subject text;
alter table calls add column decision text;

-- policy is JSON. revision counts its changes.
create table calling_policies (
    organization_id text not null,
    policy text not null,
    revision integer not null,
    changed_at integer not null,
    -- The user. Null: an import.
    changed_by text,
    constraint calling_policies_pkey primary key (organization_id),
    constraint calling_policies_organization_id_fkey foreign key (organization_id) references organizations (id)
) strict;

-- An opt-out names a number or a contact, or both. Without an organization it counts for all of them: it came in a call that no
-- organization is known of. Without a number and a contact it suppresses no one yet: a person must look at it.
create table suppressions (
    id text not null,
    organization_id text,
    phone_number text,
    contact_id text,
    reason text,
    -- Where it came from: the API, an import, a tool of the agent, a post-call event.
    source text not null,
    -- The provider's conversation in which it was said.
    conversation_id text,
    created_at integer not null,
    created_by text,
    expires_at integer,
    constraint suppressions_pkey primary key (id)
) strict;
create index suppressions_phone_number_idx on suppressions (phone_number) where phone_number is not null;
create index suppressions_contact_id_idx on suppressions (contact_id) where contact_id is not null;
create index suppressions_organization_id_idx on suppressions (organization_id, created_at desc, id desc);
-- The same callee and conversation is suppressed once. Two rows without any of these are two.
create unique index suppressions_callee_key on suppressions (
    coalesce(phone_number, ''), coalesce(contact_id, ''), coalesce(conversation_id, ''), coalesce(organization_id, '')
) where phone_number is not null or contact_id is not null or conversation_id is not null;

create table do_not_call_lists (
    organization_id text not null,
    name text not null,
    -- The date of the copy, YYYY-MM-DD.
    dated text not null,
    constraint do_not_call_lists_pkey primary key (organization_id, name)
) strict;
create table do_not_call_numbers (
    organization_id text not null,
    list text not null,
    phone_number text not null,
    -- The copy that had it last. An older one than the list's is no longer on the list.
    dated text not null,
    constraint do_not_call_numbers_pkey primary key (phone_number, organization_id, list)
) strict;

create table consents (
    id text not null,
    organization_id text not null,
    phone_number text,
    contact_id text,
    kind text not null,
    given_at integer not null,
    -- How it was given, and a reference to the evidence.
    method text,
    evidence text,
    expires_at integer,
    revoked_at integer,
    revoked_by text,
    created_at integer not null,
    created_by text,
    constraint consents_pkey primary key (id)
) strict;
create index consents_phone_number_idx on consents (organization_id, phone_number) where phone_number is not null;
create index consents_contact_id_idx on consents (organization_id, contact_id) where contact_id is not null;
create index consents_organization_id_idx on consents (organization_id, created_at desc, id desc);
create unique index consents_callee_key on consents (
    organization_id, coalesce(phone_number, ''), coalesce(contact_id, ''), kind, given_at
);

-- The attempts to reach a callee about a subject ('' for none). As in the other store, one row.
create table call_attempts (
    organization_id text not null,
    phone_number text not null,
    subject text not null,
    -- JSON: an array with the time and the id of the call of each attempt, in the order of booking.
    attempts text not null,
    -- How long an entry is kept: the longest time that any of the bookings asked for.
    remember_millis integer not null,
    constraint call_attempts_pkey primary key (organization_id, phone_number, subject)
) strict;

-- Who changed what, and when. detail is JSON without personal data.
create table audit_records (
    seq integer not null,
    organization_id text not null,
    at integer not null,
    user_id text,
    action text not null,
    object_id text,
    detail text,
    constraint audit_records_pkey primary key (seq)
) strict;
create index audit_records_organization_id_idx on audit_records (organization_id, seq desc);

-- How many requests each limit of a day has counted. scope is user or organization; day is the time at which the day begins. A row of
-- another boot does not count: a power failure may have lost what was counted after it.
create table call_day_counts (
    scope text not null,
    scope_id text not null,
    day integer not null,
    revision integer not null,
    calls integer not null,
    boot_id text,
    expires_at integer not null,
    constraint call_day_counts_pkey primary key (scope, scope_id, day, revision)
) strict;
create index call_day_counts_expires_at_idx on call_day_counts (expires_at);

-- Refused requests, by the hour.
create table refusal_counts (
    organization_id text not null,
    code text not null,
    hour integer not null,
    refusals integer not null,
    constraint refusal_counts_pkey primary key (organization_id, hour, code)
) strict;
