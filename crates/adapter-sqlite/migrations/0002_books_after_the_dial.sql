-- What becomes known of a call after its dial. state, outcome_detail and settled_at stay the dial's own; status_rank is the
-- greatest status of any account, the dial's answer among them (the places of domain::CallStatus::ALL). The failure is the
-- one of accounts alone. conversation is JSON of a form that the program keeps to itself.
alter table calls add column status_rank integer not null default 0
    constraint calls_status_rank_check check (status_rank >= 0);
alter table calls add column failure_reason text;
alter table calls add column failed_at integer
    constraint calls_failure_check check ((failure_reason is null) = (failed_at is null));
alter table calls add column conversation text;
alter table calls add column claimed_until integer;

update calls
set status_rank = case state
    when 'unknown' then 2
    when 'placed' then 3
    when 'not-dialled' then 4
    when 'not-connected' then case outcome_detail when 'failed' then 4 when 'no-answer' then 5 else 6 end
    else 0
end;

-- What reconciliation looks for, now that the status says what has ended: a small part of a large table.
drop index calls_open_idx;

create index calls_unended_idx on calls (booked_at) where status_rank < 4;

-- By which an account finds its call that names nothing but the numbers.
create index calls_to_number_booked_at_idx on calls (to_number, booked_at);

-- The provider's events: open while closed_at is null, and handed out from open_at on. An event is kept whatever becomes of
-- its call, and closed for calls of which a cache alone knows: no foreign key.
create table provider_events (
    key text not null,
    kind text not null,
    body blob not null,
    received_at integer not null,
    open_at integer not null,
    closed_at integer,
    call_id text,
    constraint provider_events_pkey primary key (key),
    constraint provider_events_call_id_check check (call_id is null or closed_at is not null)
) strict;

create index provider_events_open_idx on provider_events (received_at, open_at) where closed_at is null;
