-- What is kept of an erased person: that the number is suppressed, and which recordings are to be removed. The previous release reads
-- the suppression of an erased number as one without a number. Until it has been replaced, it may call the number again, it takes no lock
-- against an erasure, and it merges late reports into erased calls: erase when it has been replaced.

set local lock_timeout = '5s';

-- The key of the hashes of erased numbers, made here, as the two blocks of HMAC (RFC 2104). It is in the database that it is for: it
-- keeps a hash from being found in a table of the hashes of all numbers, and not from a reader of this table.
create table number_hash_key (
    is_the_only_one boolean not null default true,
    inner_block bytea not null,
    outer_block bytea not null,
    constraint number_hash_key_pkey primary key (is_the_only_one),
    constraint number_hash_key_is_the_only_one_check check (is_the_only_one)
);

insert into number_hash_key (inner_block, outer_block)
with random as materialized (
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) || decode(repeat('00', 32), 'hex') as padded
)
select string_agg(set_byte('\x00', 0, get_byte(padded, at) # 54), '' order by at),
       string_agg(set_byte('\x00', 0, get_byte(padded, at) # 92), '' order by at)
  from random cross join generate_series(0, 63) as at;

-- In the place of phone_number and contact_id.
alter table suppressions add column number_hash bytea;
create index suppressions_number_hash_idx on suppressions (number_hash) where number_hash is not null;

-- Recordings of erased calls that are still in the recording store.
create table erased_recordings (
    call_id text collate "C" not null,
    format text collate "C" not null,
    constraint erased_recordings_pkey primary key (call_id, format)
);

-- Whether a booking may name this contact: it has a number, which an erasure takes from it. The lock is shared by bookings, and kept
-- from them by an erasure until its commit. The query sees what was committed while this waited, unlike the statement that calls it.
create function contact_can_be_booked(organization text, contact text) returns boolean language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(23, hashtext(contact));
    return exists (select from contacts where organization_id = organization and id = contact and phone_number is not null);
end
$$;
