-- The times before `taken_at` in which slots may begin: how long before it each one begins and ends, in milliseconds, as `7000-2000,500-0`.
-- Null if there is none.
alter table call_slots add column gaps text;

-- The limits of a day that have counted a request: user, organization, or both with a comma. It outlives the lock of the request, so that
-- a release after the end of the lock gives the counts back. It takes the place of call_locks.counted.
create table counted_requests (
    key text not null,
    token text not null,
    counted text not null,
    expires_at integer not null,
    constraint counted_requests_pkey primary key (key, token)
) strict, without rowid;
create index counted_requests_expires_at_idx on counted_requests (expires_at);
