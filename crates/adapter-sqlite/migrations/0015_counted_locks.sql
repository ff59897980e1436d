-- The limits of a day that have counted the request of a lock: user, organization, or both with a comma. Its release changes no other
-- count.
alter table call_locks add column counted text;
