-- The wall clock can be set while a phone rings. A lock and a reservation therefore also have the boot in which they were
-- written, and boot_offset: by how many milliseconds the wall clock was then ahead of the time since that boot. The end by the
-- clock of the boot is the end by the wall clock minus this offset. A release that writes the end alone leaves a row that is
-- judged as before.
alter table call_locks add column boot_id text;
alter table call_locks add column boot_offset integer;
alter table dial_guards add column boot_id text;
alter table dial_guards add column boot_offset integer;
