use std::sync::Arc;

use domain::ports::PersonalData;

use super::{CalleeRecordsHarness, IdempotencyKeysHarness, LedgerMeterHarness};

/// What the suite of [`PersonalData`] needs: also the ports that store what is exported and erased. The
/// store belongs to this harness alone, because its events are published.
pub trait PersonalDataHarness: CalleeRecordsHarness + IdempotencyKeysHarness + LedgerMeterHarness {
    /// The adapter.
    fn personal_data(&self) -> Arc<dyn PersonalData>;
}
