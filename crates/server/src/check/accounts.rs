//! What the vendors' accounts have, each part read alone, so that the failure of one hides no other.

use std::future::Future;

use domain::Carrier;
use domain::ports::{
    TrunkListing, VendorFailure, VoiceWorkspace, WorkspaceAgent, WorkspaceNumber, WorkspaceWebhook,
};
use tokio::time::timeout;

use super::{LIMIT, no_answer};
use crate::config::Settings;
use crate::vendor_failure::{Explanation, of_trunk, of_workspace};
use crate::wiring;

/// What a vendor said, or why it said nothing.
pub(super) type Answer<T> = Result<T, Explanation>;

/// The accounts, as far as they could be read.
pub(super) struct AccountsRead {
    pub(super) workspace: Answer<(Vec<WorkspaceAgent>, Vec<WorkspaceNumber>)>,
    /// `None` if the carrier's account is not configured.
    pub(super) trunk: Option<Answer<(Carrier, TrunkListing)>>,
    pub(super) webhook: Answer<Option<WorkspaceWebhook>>,
}

/// `None` if the voice provider has no account that can be read.
pub(super) async fn read(settings: &Settings) -> Option<AccountsRead> {
    let accounts = match wiring::Accounts::of(settings) {
        Ok(accounts) => accounts?,
        Err(error) => {
            let unusable = Explanation { problem: format!("{error:#}"), remedy: "correct the setting" };
            return Some(AccountsRead {
                workspace: Err(unusable.clone()),
                trunk: Some(Err(unusable.clone())),
                webhook: Err(unusable),
            });
        }
    };
    let workspace = accounts.workspace.as_ref();
    let trunk = async {
        let port = accounts.trunk.as_deref()?;
        let listing = in_time(port.read(), of_trunk).await;
        Some(listing.map(|listing| (port.carrier(), listing)))
    };
    let (workspace, trunk, webhook) =
        tokio::join!(read_workspace(workspace), trunk, in_time(workspace.active_webhook(), of_workspace));
    Some(AccountsRead { workspace, trunk, webhook })
}

async fn read_workspace(
    workspace: &dyn VoiceWorkspace,
) -> Answer<(Vec<WorkspaceAgent>, Vec<WorkspaceNumber>)> {
    let both = async { tokio::try_join!(workspace.agents(), workspace.numbers()) };
    in_time(both, of_workspace).await
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, VendorFailure>>,
    explain: fn(&VendorFailure) -> Explanation,
) -> Answer<T> {
    match timeout(LIMIT, work).await {
        Ok(answer) => answer.map_err(|failure| explain(&failure)),
        Err(_) => Err(Explanation { problem: no_answer(), remedy: "" }),
    }
}
