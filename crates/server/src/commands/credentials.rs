//! `outdial credentials`.

use std::sync::Arc;

use domain::{OrganizationId, RotateCredentials};

use super::{print, run};
use crate::config::Settings;
use crate::system::SystemClock;
use crate::telemetry;
use crate::wiring::Stores;

/// Seals all stored credentials with the first key.
pub(crate) fn rotate(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings);
    let keys = settings.credentials.keys.clone();
    anyhow::ensure!(!keys.is_empty(), "OUTDIAL_CREDENTIALS_KEY is not set: there is no key to seal with");
    run(async {
        let stores = Stores::open(&settings.storage).await?;
        stores.check_schema().await?;
        let rotate = RotateCredentials::new(stores.database(), Arc::new(keys), Arc::new(SystemClock));
        let rotation = rotate.run().await;
        stores.close().await;
        let rotation = rotation?;
        let (resealed, current) = (rotation.resealed, rotation.current);
        print(&format!(
            "{resealed} organizations sealed with the first key, {current} had nothing to seal\n"
        ))?;
        let unopened: Vec<&str> = rotation.unopened.iter().map(OrganizationId::as_str).collect();
        anyhow::ensure!(
            unopened.is_empty(),
            "the credentials of these organizations do not open and were left as they are: {}; list the key that \
             sealed them in OUTDIAL_CREDENTIALS_KEY, or let a superadmin store them again",
            unopened.join(", ")
        );
        Ok(())
    })
}
