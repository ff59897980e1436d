-- `offset 0` keeps each subquery one look into an index for each row, also if its table was small when the plan was made.
with old as (
    select position
      from call_events as event
     where position is not null and happened_at < $1
       and not exists (
           select from webhook_deliveries as delivery where delivery.position = event.position offset 0)
       and not exists (
           select from idempotency_keys as used where used.call_id = event.call_id offset 0)
       and not exists (
           select from calls
            where calls.id = event.call_id and status_rank < 4 and given_up_at is null offset 0)
     order by happened_at limit $2 for update skip locked
), removed as (
    delete from call_events as event using old where event.position = old.position returning 1
)
select count(*) as "removed!" from removed
