-- Any carrier can be named: the adapter of the voice provider states which ones serve its calls. The previous release reads
-- only the three names of the old constraint. A request to it that names a number of another carrier gets 500, until the release
-- that brings this migration has replaced it.

set local lock_timeout = '5s';

alter table caller_numbers
    drop constraint caller_numbers_carrier_check,
    add constraint caller_numbers_carrier_check check (carrier ~ '^[a-z][a-z0-9-]{0,31}$')
        -- Every existing row has one of the three names. It is not read while the table is locked.
        not valid;
