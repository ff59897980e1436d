-- What is stored of the carrier's trunks.
create table trunks (
    id text not null primary key,
    -- How many calls may start on it in a second. The carrier refuses more as if the callee declined.
    calls_per_second integer not null check (calls_per_second > 0)
) strict, without rowid;

-- Work that one process does for all, by its name. Times are milliseconds since 1970.
create table job_leases (
    job text not null primary key,
    leased_until integer not null
) strict, without rowid;
