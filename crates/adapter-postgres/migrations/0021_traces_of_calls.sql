-- The place of a booking in a trace, as W3C Trace Context writes it: null, unless calls are traced. The previous release neither reads nor
-- writes this column.

set local lock_timeout = '5s';

alter table calls add column trace_parent text collate "C";
