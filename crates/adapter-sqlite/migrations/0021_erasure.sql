-- What is kept of an erased person: that the number is suppressed, and which recordings are to be removed.

-- The key of the hashes of erased numbers, made here. It is in the file that it is for: it keeps a hash from being found in a table of
-- the hashes of all numbers, and not from a reader of this file.
create table number_hash_key (
    id integer not null constraint number_hash_key_pkey primary key,
    key blob not null,
    constraint number_hash_key_id_check check (id = 1)
) strict;
insert into number_hash_key (id, key) values (1, randomblob(32));

-- In the place of phone_number and contact_id.
alter table suppressions add column number_hash blob;
create index suppressions_number_hash_idx on suppressions (number_hash) where number_hash is not null;

-- Recordings of erased calls that are still in the recording store.
create table erased_recordings (
    call_id text not null,
    format text not null,
    constraint erased_recordings_pkey primary key (call_id, format)
) strict, without rowid;
