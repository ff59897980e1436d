//! The suite of [`UserRepo`](domain::ports::UserRepo).

use domain::UserId;

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, user_id};
use crate::harness::UserRepoHarness;

suite! {
    $ user_repo_suite of user_repo:
    a_user_is_found_with_its_organization,
    an_unknown_user_is_absent,
    a_lost_user_store_is_unavailable,
}

/// A user is found by id alone, with every field and with the id and name of its organization.
pub async fn a_user_is_found_with_its_organization(harness: &impl UserRepoHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    let mut without_role = Tenant::new();
    without_role.user.access_role = None;
    harness.store(&[ours.records(), theirs.records(), without_role.records()].concat()).await;
    for tenant in [ours, theirs, without_role] {
        let found = harness.users().find(&tenant.user.id).await.expect("store is up");
        assert!(found == Some(tenant.stored_user()), "stored {:?}, found {found:?}", tenant.stored_user());
    }
}

/// No user is found by an id that is not stored.
pub async fn an_unknown_user_is_absent(harness: &impl UserRepoHarness) {
    harness.store(&Tenant::new().records()).await;
    let odd =
        ["0", "%", "' OR '1'='1", "{}", "ÿ"].map(|text| UserId::parse(text).expect("an id may be any text"));
    for id in odd.into_iter().chain([user_id()]) {
        let found = harness.users().find(&id).await;
        assert_eq!(found.expect("an unknown id is no error"), None, "{id}");
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the id.
pub async fn a_lost_user_store_is_unavailable(harness: &impl UserRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let users = harness.users();
    harness.lose().await;
    let private = [tenant.user.id.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, users.find(&tenant.user.id), &private).await;
}
