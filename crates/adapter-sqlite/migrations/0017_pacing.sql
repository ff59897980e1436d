-- Whose trunk it is: the numbers of this carrier that are on a trunk are on this one. A file of the previous release has trunks of
-- Sinch alone.
alter table trunks add column carrier text not null default 'sinch';

-- The last slot that a call got over a trunk or from a caller number. `taken_at` is in milliseconds since 1970, which the time since
-- boot judges, as it does the locks.
create table call_slots (
    scope text not null,
    scope_id text not null,
    taken_at integer not null,
    boot_id text,
    boot_offset integer not null,
    constraint call_slots_pkey primary key (scope, scope_id)
) strict, without rowid;
