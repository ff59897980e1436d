use super::PortUnavailable;

/// Why a vendor's account could not be read or changed, by what the operator does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VendorFailure {
    /// The vendor does not accept the key.
    #[error("the key is not accepted")]
    KeyRefused,
    /// The vendor accepts the key, and does not allow this with it.
    #[error("the key has no permission for this")]
    NotAllowed,
    /// The account has no such trunk, project or workspace.
    #[error("it does not exist in this account")]
    NotFound,
    /// The vendor limits the number of requests.
    #[error("too many requests were sent: try again in a minute")]
    RateLimited,
    /// The vendor cannot be reached, or its response is not clear.
    #[error(transparent)]
    Unavailable(#[from] PortUnavailable),
}
