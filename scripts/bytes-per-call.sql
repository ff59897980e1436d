-- What a call takes in Postgres, with its indexes, for docs/scaling.md. Run it in an empty database that was migrated:
--   psql "$OUTDIAL_DATABASE_URL" -f scripts/bytes-per-call.sql
-- Each call was decided on (512 bytes), placed and ended, has a conversation of 1 KiB, and its three events are published.
insert into organizations (id, name) values ('o1', 'Acme');
insert into users (id, organization_id, full_name) values ('u1', 'o1', 'Ada Lovelace');
insert into contacts (id, organization_id, first_name, last_name, phone_number)
select 'contact-' || n, 'o1', 'Ada', 'Lovelace', '+1416' || (5550000 + n) from generate_series(1, 20000) n;
insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, status_rank, conversation_id,
                   reason, decision, conversation, booked_at, settled_at)
select 'call_' || md5(n::text), 'o1', 'u1', 'contact-' || n, 'agent-1', '+14165550100', '+1416' || (5550000 + n), 'placed', 7,
       'conv_' || md5(n::text), 'renewal',
       (select string_agg(md5(n || ' ' || part), '') from generate_series(1, 16) part),
       jsonb_build_object('transcript', (select string_agg(md5(part || ' ' || n), '') from generate_series(1, 32) part)),
       now() - interval '1 second' * n, now()
  from generate_series(1, 20000) n;
insert into call_events (call_id, kind, status_rank, organization_id, conversation_id, happened_at, position)
select id, kind, rank, 'o1', conversation_id, booked_at, row_number() over (order by booked_at, rank)
  from calls, (values ('call_initiated', 0), ('call_answered', 7), ('call_ended', 7)) as event (kind, rank);
insert into dial_guards (key, token, call_id, blocked_until)
select encode(sha256(id::bytea), 'hex'), md5(id), id, now() from calls;
vacuum (analyze);
select relname as "table", pg_total_relation_size(oid) / 20000 as "bytes per call", pg_indexes_size(oid) / 20000 as "of these, indexes"
  from pg_class where relname in ('contacts', 'calls', 'call_events', 'dial_guards') order by relname;
