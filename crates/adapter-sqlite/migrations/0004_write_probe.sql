-- The probe of readiness: a row is inserted and the previous one is deleted, so that the file and its log must have room for
-- about as many pages as a booking writes. There is at most one row between two probes.
create table write_probe (
    id integer not null constraint write_probe_pkey primary key,
    filler blob not null
) strict;
