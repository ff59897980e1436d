-- The dead letters, which are counted for metrics: a small part of a large table.
create index webhook_deliveries_dead_idx on webhook_deliveries (queued_at) where state = 'dead';
