-- What is stored of the carrier's trunks.
create table trunks (
    id text collate "C" not null,
    -- How many calls may start on it in a second. The carrier refuses more as if the callee declined.
    calls_per_second integer not null,
    updated_at timestamptz not null default now(),
    constraint trunks_pkey primary key (id),
    constraint trunks_calls_per_second_check check (calls_per_second > 0)
);

-- Work that one replica does for all, by its name.
create table job_leases (
    job text collate "C" not null,
    leased_until timestamptz not null,
    constraint job_leases_pkey primary key (job)
);
