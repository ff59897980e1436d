-- What makes a repeated request get the call of the first one. Only hashes: a client's key may contain an order number or a name.
create table idempotency_keys (
    user_id text not null,
    key_hash text not null,
    -- What the request said. Another request with the key is refused.
    request_digest text not null,
    call_id text not null,
    -- The intent of the call, under which its reservation is found.
    intent_key text not null,
    -- A key is removed some time after the last `call_ended` of its call.
    created_at integer not null,
    constraint idempotency_keys_pkey primary key (user_id, key_hash),
    constraint idempotency_keys_call_id_fkey foreign key (call_id) references calls (id) on delete cascade
) strict;
create index idempotency_keys_call_id_idx on idempotency_keys (call_id);
create index idempotency_keys_created_at_idx on idempotency_keys (created_at);
