-- Apart from the migration before, whose locks let nobody read: while an index is built, calls can be read and not booked, for a
-- second or so for each million of them. Not concurrently: that waits for everybody who waits to migrate.

set local lock_timeout = '5s';

-- Whose recording is to be fetched: a small part of a large table.
create index calls_unrecorded_idx on calls (booked_at, id)
    where status_rank = 7 and recording_key is null and conversation @> '{"has_recording": true}';
