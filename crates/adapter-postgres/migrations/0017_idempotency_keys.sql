-- What makes a repeated request get the call of the first one. The previous release neither reads nor writes this table.

set local lock_timeout = '5s';

-- Only hashes: a client's key may contain an order number or a name. No foreign key, as in every table that a booking writes to: a
-- trigger below removes the keys of a call with it.
create table idempotency_keys (
    user_id text collate "C" not null,
    key_hash text collate "C" not null,
    -- What the request said. Another request with the key is refused.
    request_digest text collate "C" not null,
    call_id text collate "C" not null,
    -- The intent of the call, under which its reservation is found.
    intent_key text collate "C" not null,
    -- By this server's clock. A key is removed some time after the last `call_ended` of its call.
    created_at timestamptz not null default clock_timestamp(),
    constraint idempotency_keys_pkey primary key (user_id, key_hash)
);
create index idempotency_keys_call_id_idx on idempotency_keys (call_id);
create index idempotency_keys_created_at_idx on idempotency_keys (created_at);

create or replace function remove_what_belongs_to_calls() returns trigger language plpgsql as $$
begin
    delete from dial_guards using removed where dial_guards.call_id = removed.id;
    delete from idempotency_keys using removed where idempotency_keys.call_id = removed.id;
    delete from call_events using removed where call_events.call_id = removed.id;
    return null;
end
$$;
