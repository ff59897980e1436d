-- Whose trunk it is: the numbers of this carrier that are on a trunk are on this one. The previous release knows trunks of Sinch alone,
-- and does not write this column.

set local lock_timeout = '5s';

alter table trunks add column carrier text collate "C" not null default 'sinch';
