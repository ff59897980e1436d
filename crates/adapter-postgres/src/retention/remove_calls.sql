-- `offset 0` keeps each subquery one look into an index for each row, also if its table was small when the plan was made.
with old as (
    select oldest.id
      from organizations
      cross join lateral (
          select calls.id
            from calls
           where calls.organization_id = organizations.id and booked_at < $1
             and (status_rank >= 4 or given_up_at is not null)
             and recording_key is null
             and calls.id not in (select call_id from dial_guards)
             and not exists (
                 select from call_events as event
                  where event.call_id = calls.id
                    and (coalesce(event.position, 0) = 0
                         or exists (
                             select from webhook_deliveries as delivery
                              where delivery.position = event.position and delivery.state = 'pending' offset 0))
                 offset 0)
           order by booked_at, id
           limit $2
             for update skip locked
      ) as oldest
     limit $2
), removed as (
    delete from calls using old where calls.id = old.id returning 1
)
select count(*) as "removed!" from removed
