-- Why nothing is sent to an endpoint, and since when. The previous release does not read these columns: until it has been replaced,
-- its workers still send to suspended endpoints.

set local lock_timeout = '5s';

alter table webhook_endpoints
    add column suspension text collate "C",
    add column suspended_at timestamptz,
    add constraint webhook_endpoints_suspension_check check (suspension in ('paused', 'gone')),
    add constraint webhook_endpoints_suspended_at_check check ((suspension is null) = (suspended_at is null));
