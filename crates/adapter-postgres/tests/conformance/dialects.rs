//! Both SQL adapters go through the same random history: every result and every read must be equal.
//!
//! A history is made of a seed. A failure names the seed, the step and the operation.

mod changes;
mod keys;
mod reads;
mod world;

use world::World;

/// Runs the same operation on both stores. The results must be equal. Gives the result.
macro_rules! result_of_both {
    ($world:expr, $store:ident => $operation:expr) => {{
        let from_postgres = {
            let $store = &$world.postgres;
            $operation
        };
        let from_sqlite = {
            let $store = &$world.sqlite;
            $operation
        };
        assert_eq!(
            from_postgres,
            from_sqlite,
            "Postgres and SQLite differ, seed {} step {}: {}",
            $world.seed,
            $world.step,
            stringify!($operation)
        );
        from_postgres
    }};
}
pub(crate) use result_of_both;

/// The same where the result is only compared.
macro_rules! both {
    ($world:expr, $store:ident => $operation:expr) => {
        let _equal = $crate::dialects::result_of_both!($world, $store => $operation);
    };
}
pub(crate) use both;

#[tokio::test(flavor = "multi_thread")]
async fn both_dialects_agree_on_every_read_of_a_random_history() {
    for seed in 1..=3 {
        let mut world = World::new(seed).await;
        for _ in 0..10 {
            for _ in 0..30 {
                world.change().await;
            }
            world.read_everything().await;
        }
    }
}
