use super::Stores;
use crate::metrics::{Metrics, POOL_CONNECTIONS, POOL_MOST, POOL_WAITING};

impl Stores {
    /// Shows how this process uses its connections. The embedded file has no pool that runs out.
    pub(crate) fn sample_pools(&self, metrics: &Metrics) {
        let Self::Services { postgres, redis, .. } = self else { return };
        let registry = metrics.registry();
        let connections = |pool, state| registry.gauge(&POOL_CONNECTIONS, &[pool, state]);
        let most = |pool| registry.gauge(&POOL_MOST, &[pool]);
        let (open, idle) = (connections("postgres", "open"), connections("postgres", "idle"));
        let waiting = registry.gauge(&POOL_WAITING, &["postgres"]);
        let postgres_most = most("postgres");
        let (redis_open, redis_most) = (connections("redis", "open"), most("redis"));
        let (postgres, redis) = (postgres.clone(), redis.clone());
        metrics.sample(move || {
            let status = postgres.pool_status();
            open.set(status.open as f64);
            idle.set(status.idle as f64);
            waiting.set(status.waiting as f64);
            postgres_most.set(status.most as f64);
            let (now_open, may_be_open) = redis.open_connections();
            redis_open.set(now_open as f64);
            redis_most.set(may_be_open as f64);
        });
    }
}
