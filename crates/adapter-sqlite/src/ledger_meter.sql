with live as materialized (
    select status_rank, booked_at
    from calls
    where status_rank < 4 and given_up_at is null
    order by booked_at limit ?1
), postponed as materialized (
    select received_at
    from provider_events
    where closed_at is null and open_at > ?6
    order by open_at, received_at, key limit ?1
)
select (select count(*) from live where status_rank = ?2) as "dialling!: i64",
    (select count(*) from live where status_rank = ?3) as "ringing!: i64",
    (select count(*) from live where status_rank = ?4) as "in_progress!: i64",
    (select count(*) from live where status_rank = ?5) as "unknown!: i64",
    (select min(booked_at) from live where status_rank = ?5) as "oldest_unknown: i64",
    (select count(*)
        from (select 1 from provider_events
            where closed_at is null and open_at <= ?6 order by open_at, received_at, key limit ?1))
        as "inbox!: i64",
    (select open_at from provider_events
        where closed_at is null and open_at <= ?6 order by open_at, received_at, key limit 1)
        as "oldest_in_inbox?: i64",
    (select count(*) from postponed) as "postponed!: i64",
    (select min(received_at) from postponed) as "oldest_postponed: i64",
    (select count(*) from (select 1 from call_events where position is null order by written_order limit ?1))
        as "outbox!: i64",
    (select happened_at from call_events where position is null order by written_order limit 1)
        as "oldest_in_outbox: i64",
    (select count(*) from (select 1 from webhook_deliveries where state = 'pending' order by queued_at limit ?1))
        as "deliveries!: i64",
    (select queued_at from webhook_deliveries where state = 'pending' order by queued_at limit 1)
        as "oldest_delivery: i64",
    (select count(*) from (select 1 from webhook_deliveries where state = 'dead' order by queued_at limit ?1))
        as "dead!: i64"
