-- A decision reads the latest calls of a number for one organization, however many the others have made to it. This index also finds
-- the calls of a number in a time, and so replaces the one without the organization: a booking writes as many indexes as before. While
-- it is built, calls can be read and not booked, for a second or so for each million of them.

set local lock_timeout = '5s';

create index calls_to_number_organization_id_booked_at_idx on calls (to_number, organization_id, booked_at);
drop index calls_to_number_booked_at_idx;
