-- Any carrier can be named: the adapter of the voice provider states which ones serve its calls. The previous release reads
-- only the three names of the old constraint. A request to it that names a number of another carrier gets 500, until the release
-- that brings this migration has replaced it.
--
-- A constraint cannot be changed, so the table is written again. No other table refers to it.
create table caller_numbers_by_carrier_name (
    organization_id text not null,
    phone_number text not null,
    user_id text not null,
    carrier text not null,
    ai_enabled integer not null,
    on_trunk integer not null,
    provider_number_id text,
    position integer not null,
    constraint caller_numbers_pkey primary key (organization_id, phone_number),
    constraint caller_numbers_user_fkey foreign key (organization_id, user_id) references users (organization_id, id),
    constraint caller_numbers_carrier_check
        check (carrier glob '[a-z]*' and carrier not glob '*[^a-z0-9-]*' and length(carrier) <= 32),
    constraint caller_numbers_ai_enabled_check check (ai_enabled in (0, 1)),
    constraint caller_numbers_on_trunk_check check (on_trunk in (0, 1)),
    constraint caller_numbers_position_check check (position >= 0)
) strict;

insert into caller_numbers_by_carrier_name
    (organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk, provider_number_id, position)
    select organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk, provider_number_id, position
      from caller_numbers;

drop table caller_numbers;
alter table caller_numbers_by_carrier_name rename to caller_numbers;

create index caller_numbers_user_idx on caller_numbers (organization_id, user_id, position, phone_number);
create index caller_numbers_phone_number_idx on caller_numbers (phone_number);
