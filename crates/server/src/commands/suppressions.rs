//! The opt-outs that belong to no organization: an operator finds out whom they are about.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use domain::ports::Clock as _;
use domain::{CalleeFilter, ChangeOfRecord, PhoneNumber, SuppressionId};

use super::{print, run};
use crate::config::Settings;
use crate::system::SystemClock;
use crate::telemetry;
use crate::wiring::Stores;

pub(crate) fn unmatched(settings: Settings, limit: u32) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let filter = CalleeFilter { limit, ..CalleeFilter::default() };
        let listed = stores.database().list_suppressions(None, &filter).await;
        stores.close().await;
        let mut text = String::from("ID\tRECORDED\tSOURCE\tCONVERSATION\tNUMBER (SUPPRESSED FOR ALL)\n");
        for suppression in listed? {
            let conversation = suppression.conversation_id.as_ref().map_or("-", |id| id.as_str());
            let recorded = u64::try_from(suppression.created_at.unix_millis()).unwrap_or_default();
            let recorded = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(recorded));
            let number = suppression.phone_number.as_ref().map(PhoneNumber::as_e164);
            let number = number.unwrap_or(if suppression.number_is_erased { "erased" } else { "-" });
            writeln!(
                text,
                "{}\t{recorded}\t{}\t{conversation}\t{number}",
                suppression.id,
                suppression.source.as_str()
            )
            .expect("writing to a string does not fail");
        }
        print(&text)
    })
}

pub(crate) fn remove(settings: Settings, id: &SuppressionId) -> anyhow::Result<()> {
    telemetry::start(&settings);
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check().await?;
        let change = ChangeOfRecord { by: None, at: SystemClock.now() };
        let removed = stores.database().remove_suppression(None, id, &change).await;
        stores.close().await;
        anyhow::ensure!(removed?, "there is no suppression without an organization with this id");
        print("removed\n")
    })
}
