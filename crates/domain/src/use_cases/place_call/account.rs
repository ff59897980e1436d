use std::sync::Arc;

use super::{PlaceCall, PlaceCallError};
use crate::OrganizationId;
use crate::ports::VendorAccounts;

impl PlaceCall {
    /// Refuses the calls of an organization whose stored credentials cannot be used.
    #[must_use]
    pub fn with_accounts(self, accounts: Arc<dyn VendorAccounts>) -> Self {
        Self { accounts: Some(accounts), ..self }
    }

    /// Before anything is written: the dial would be refused after the booking otherwise.
    pub(super) async fn check_account(&self, organization_id: &OrganizationId) -> Result<(), PlaceCallError> {
        match &self.accounts {
            Some(accounts) => Ok(accounts.check(organization_id).await?),
            None => Ok(()),
        }
    }
}
