-- Why nothing is sent to an endpoint, and since when.
alter table webhook_endpoints add column suspension text
    constraint webhook_endpoints_suspension_check check (suspension in ('paused', 'gone'));
alter table webhook_endpoints add column suspended_at integer
    constraint webhook_endpoints_suspended_at_check check ((suspension is null) = (suspended_at is null));
