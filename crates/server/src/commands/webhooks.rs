use std::fmt::Write as _;

use domain::ports::{DeliveryListQuery, DeliveryQueue, ReplayQuery};

use super::{print, run};
use crate::config::Settings;
use crate::telemetry;
use crate::wiring::Stores;

pub(crate) fn list(settings: Settings, query: DeliveryListQuery) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let listed = DeliveryQueue::list(stores.database().as_ref(), &query).await;
        stores.close().await;
        let mut text = String::from("POSITION\tENDPOINT\tEVENT\tCALL\tSTATE\tATTEMPTS\tLAST FAILURE\n");
        for delivery in listed? {
            let failure = delivery.last_failure.map_or_else(|| "-".to_owned(), |failure| failure.to_string());
            writeln!(
                text,
                "{}\t{}\t{}\t{}\t{}\t{}\t{failure}",
                delivery.sequence.number(),
                delivery.endpoint_id,
                delivery.kind.as_str(),
                delivery.call_id,
                delivery.state.as_str(),
                delivery.attempts
            )
            .expect("writing to a string does not fail");
        }
        print(&text)
    })
}

/// Queues deliveries again. A running gateway sends them.
pub(crate) fn replay(settings: Settings, query: ReplayQuery) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let replayed = stores.database().replay(&query).await;
        stores.close().await;
        print(&format!("queued {} deliveries again\n", replayed?))
    })
}
