use std::collections::BTreeSet;

use async_trait::async_trait;

use super::VendorFailure;
use crate::{Carrier, PhoneNumber, TrunkId};

/// Reads the carrier's trunk over which the voice provider places calls.
///
/// - MUST read the limit, the domain and the numbers of the trunk
///   (`the_trunk_and_its_numbers_are_read`), on however many pages the carrier lists them
///   (`every_page_of_the_trunk_is_read`).
/// - MUST NOT return a number of another trunk, whatever the carrier lists
///   (`a_number_of_another_trunk_is_left_out`).
/// - MUST fail if it cannot read all numbers (`a_part_of_the_trunk_is_a_failure`): a number that is
///   not returned is taken out of service.
/// - MUST tell the refusals of [`VendorFailure`] apart (`a_carriers_refusal_says_what_to_change`).
/// - MUST return `Unavailable` within 45 s if the carrier is not reachable or responds with
///   something else (`an_unreachable_carrier_is_unavailable`).
/// - MUST NOT show a key in an error or in the log (`a_carriers_error_and_the_log_show_no_key`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait TrunkDirectory: Send + Sync {
    /// The carrier of the trunk, by its name in the directory.
    fn carrier(&self) -> Carrier;

    /// Reads the configured trunk. It changes nothing.
    async fn read(&self) -> Result<TrunkListing, VendorFailure>;
}

/// A trunk and the numbers that are assigned to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkListing {
    /// The trunk.
    pub trunk: Trunk,
    /// Its numbers.
    pub numbers: BTreeSet<PhoneNumber>,
}

/// A trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// The carrier's id.
    pub id: TrunkId,
    /// The host that the voice provider sends calls to, in lower case, if the carrier names it.
    pub domain: Option<String>,
    /// How many calls may start in a second. The carrier refuses more as if the callee declined.
    pub calls_per_second: u32,
}
