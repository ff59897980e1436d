//! The suite of [`TrunkDirectory`](domain::ports::TrunkDirectory).

use std::collections::BTreeSet;
use std::time::Duration;

use domain::PhoneNumber;
use domain::ports::{TrunkListing, VendorFailure};

use crate::fixtures::phone_number;
use crate::harness::{TrunkDirectoryHarness, VendorBehaviour};
use crate::secrets::{Search, api_key};

suite! {
    $ trunk_directory_suite of trunk_directory:
    the_trunk_and_its_numbers_are_read,
    every_page_of_the_trunk_is_read,
    a_number_of_another_trunk_is_left_out,
    a_part_of_the_trunk_is_a_failure,
    a_carriers_refusal_says_what_to_change,
    an_unreachable_carrier_is_unavailable,
    a_carriers_error_and_the_log_show_no_key,
}

/// The time within which reading must end.
const LIMIT: Duration = Duration::from_secs(45);
/// More numbers than any carrier lists on one page.
const MANY: usize = 230;

/// The limit, the domain and the numbers are those of the trunk, and a change is seen.
pub async fn the_trunk_and_its_numbers_are_read(harness: &impl TrunkDirectoryHarness) {
    for (calls_per_second, count) in [(1, 0), (7, 3), (2, 1)] {
        let numbers = numbers(count);
        harness.set_trunk(calls_per_second, &numbers, &[]).await;
        let listing = read(harness).await.expect("the carrier responds");
        assert_eq!(listing.trunk.calls_per_second, calls_per_second);
        assert_eq!(listing.trunk.domain.as_deref(), Some("trunk.example.com"));
        assert_eq!(listing.numbers, BTreeSet::from_iter(numbers));
    }
}

/// A trunk with more numbers than a page has is read to its end.
pub async fn every_page_of_the_trunk_is_read(harness: &impl TrunkDirectoryHarness) {
    let numbers = numbers(MANY);
    harness.set_trunk(1, &numbers, &[]).await;
    assert_eq!(read(harness).await.expect("the carrier responds").numbers, BTreeSet::from_iter(numbers));
}

/// A carrier that lists the numbers of all trunks does not put them on this one.
pub async fn a_number_of_another_trunk_is_left_out(harness: &impl TrunkDirectoryHarness) {
    let (own, of_other) = (numbers(3), numbers(3));
    harness.set_trunk(1, &own, &of_other).await;
    for behaviour in [VendorBehaviour::Responds, VendorBehaviour::IgnoresFilter] {
        harness.behave(behaviour).await;
        let listing = read(harness).await.expect("the carrier responds");
        assert_eq!(listing.numbers, BTreeSet::from_iter(own.clone()), "{behaviour:?}");
    }
}

/// A list that cannot be read to its end is a failure, and not a shorter list.
pub async fn a_part_of_the_trunk_is_a_failure(harness: &impl TrunkDirectoryHarness) {
    harness.set_trunk(1, &numbers(MANY), &[]).await;
    for behaviour in [VendorBehaviour::FailsOnSecondPage, VendorBehaviour::RepeatsFirstPage] {
        harness.behave(behaviour).await;
        let read = read(harness).await;
        assert!(matches!(read, Err(VendorFailure::Unavailable(_))), "{behaviour:?}");
    }
}

/// Each refusal has a remedy of its own.
pub async fn a_carriers_refusal_says_what_to_change(harness: &impl TrunkDirectoryHarness) {
    harness.set_trunk(1, &numbers(1), &[]).await;
    for (behaviour, expected) in refusals() {
        harness.behave(behaviour).await;
        assert_eq!(read(harness).await.expect_err("the carrier refuses"), expected, "{behaviour:?}");
    }
    harness.behave(VendorBehaviour::Responds).await;
    read(harness).await.expect("the carrier responds again");
}

/// Without a usable response there is no listing, not even an empty one.
pub async fn an_unreachable_carrier_is_unavailable(harness: &impl TrunkDirectoryHarness) {
    harness.set_trunk(1, &numbers(1), &[]).await;
    for behaviour in UNAVAILABLE {
        harness.behave(behaviour).await;
        let read = tokio::time::timeout(LIMIT, read(harness)).await.expect("reading ends");
        assert!(matches!(read, Err(VendorFailure::Unavailable(_))), "{behaviour:?}");
    }
}

/// Whatever the carrier responds, no error and no line of the log has the key.
pub async fn a_carriers_error_and_the_log_show_no_key(harness: &impl TrunkDirectoryHarness) {
    let key = api_key();
    let search = Search::start(&key, &[]);
    harness.set_trunk(1, &numbers(1), &[]).await;
    for behaviour in ALL {
        harness.behave(behaviour).await;
        let directory = harness.trunk_directory(&key);
        if let Err(error) = directory.read().await {
            search.error(&format!("the error of a carrier that {behaviour:?}"), &error);
        }
    }
    search.log();
}

/// Each refusal of a vendor, and the failure that it is.
pub(crate) fn refusals() -> [(VendorBehaviour, VendorFailure); 4] {
    [
        (VendorBehaviour::RefusesKey, VendorFailure::KeyRefused),
        (VendorBehaviour::Forbids, VendorFailure::NotAllowed),
        (VendorBehaviour::HasNoSuchThing, VendorFailure::NotFound),
        (VendorBehaviour::LimitsRequests, VendorFailure::RateLimited),
    ]
}

/// The behaviours of a vendor that is not available.
pub(crate) const UNAVAILABLE: [VendorBehaviour; 3] =
    [VendorBehaviour::ServerError, VendorBehaviour::ForeignResponse, VendorBehaviour::RefusesConnection];

/// Every behaviour in which a vendor quotes something.
pub(crate) const ALL: [VendorBehaviour; 6] = [
    VendorBehaviour::Responds,
    VendorBehaviour::RefusesKey,
    VendorBehaviour::Forbids,
    VendorBehaviour::ServerError,
    VendorBehaviour::ForeignResponse,
    VendorBehaviour::RefusesConnection,
];

async fn read(harness: &impl TrunkDirectoryHarness) -> Result<TrunkListing, VendorFailure> {
    harness.trunk_directory("any").read().await
}

fn numbers(count: usize) -> Vec<PhoneNumber> {
    (0..count).map(|_| phone_number()).collect()
}
