with live as materialized (
    select status_rank, booked_at
      from calls
     where status_rank < 4 and given_up_at is null
     order by booked_at, id
     limit $1
), postponed as materialized (
    select received_at
      from provider_events
     where closed_at is null and open_at > statement_timestamp()
     order by open_at, received_at, key
     limit $1
)
select (select count(*) from live where status_rank = $2) as "dialling!",
       (select count(*) from live where status_rank = $3) as "ringing!",
       (select count(*) from live where status_rank = $4) as "in_progress!",
       (select count(*) from live where status_rank = $5) as "unknown!",
       (select min(booked_at) from live where status_rank = $5) as oldest_unknown,
       (select count(*)
          from (select
                  from provider_events
                 where closed_at is null and open_at <= statement_timestamp()
                 order by open_at, received_at, key
                 limit $1) as due)
           as "inbox!",
       (select open_at
          from provider_events
         where closed_at is null and open_at <= statement_timestamp()
         order by open_at, received_at, key
         limit 1)
           as oldest_in_inbox,
       (select count(*) from postponed) as "postponed!",
       (select min(received_at) from postponed) as oldest_postponed,
       (select count(*) from (select from call_events where position is null order by written_order limit $1) as written)
           as "outbox!",
       (select happened_at from call_events where position is null order by written_order limit 1)
           as oldest_in_outbox,
       (select count(*)
          from (select from webhook_deliveries where state = 'pending' order by queued_at limit $1) as pending)
           as "deliveries!",
       (select queued_at from webhook_deliveries where state = 'pending' order by queued_at limit 1)
           as oldest_delivery,
       (select count(*)
          from (select
                  from webhook_endpoints
                 cross join lateral (
                       select
                         from webhook_deliveries
                        where endpoint_id = webhook_endpoints.id and state = 'dead'
                        limit $1) as letters
                 limit $1) as dead)
           as "dead!"
