//! A gateway to test, and the world around it.

mod client;
mod event_stream;
mod process;
mod proxy;
mod receiver;
mod redis_server;
mod statement_counter;
mod world;

pub(crate) use client::{Answer, Client};
pub(crate) use process::{Process, outdial_in, run_outdial};
pub(crate) use proxy::{Proxy, database_behind};
pub(crate) use receiver::{Received, Receiver};
pub(crate) use redis_server::RedisServer;
pub(crate) use statement_counter::StatementCounter;
pub(crate) use world::{Backing, Gateway, TOOL_SECRET, WEBHOOK_SECRET, World};

/// Runs one test body on both backings, as `embedded::name` and `services::name`.
#[macro_export]
macro_rules! on_both_backings {
    ($($(#[$doc:meta])* async fn $name:ident($world:ident: World) $body:block)+) => {
        mod embedded {
            #[allow(unused_imports, reason = "a body need not use everything around it")]
            use super::*;
            $($(#[$doc])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::support::World::new($crate::support::Backing::Embedded).await).await; })+
        }
        mod services {
            #[allow(unused_imports, reason = "a body need not use everything around it")]
            use super::*;
            $($(#[$doc])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::support::World::new($crate::support::Backing::Services).await).await; })+
        }
        $(async fn $name($world: $crate::support::World) $body)+
    };
}
