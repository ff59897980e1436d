-- The indexes that 0007 has replaced. The statements of the previous release do not use the new ones: they find the same calls, more
-- slowly. Dropping locks the table for a moment.

set local lock_timeout = '5s';

drop index calls_unended_idx;
drop index calls_unrecorded_idx;
