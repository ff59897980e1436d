use super::*;

fn user(n: usize) -> UserId {
    UserId::parse(&format!("u{n}")).expect("an id")
}

fn organization(n: usize) -> OrganizationId {
    OrganizationId::parse(&format!("o{n}")).expect("an id")
}

/// A stream of this user, of an organization of its own.
fn open(permits: &StreamPermits, n: usize) -> Option<StreamPermit> {
    permits.take(&user(n))?.charged_to(&organization(n))
}

#[test]
fn a_user_has_at_most_20_streams_and_a_closed_one_makes_room() {
    let permits = StreamPermits::new(MaxShare::default());
    let mut held: Vec<_> = (0..MAX_STREAMS_PER_USER).map(|_| open(&permits, 1).expect("a permit")).collect();
    assert!(open(&permits, 1).is_none());
    let other = open(&permits, 2);
    assert!(other.is_some());
    held.pop();
    assert!(open(&permits, 1).is_some());
    drop((held, other));
    assert_eq!((permits.users.held(), permits.organizations.held()), (0, 0));
}

#[test]
fn a_process_has_at_most_1000_streams() {
    let permits = StreamPermits::new(MaxShare::default());
    let mut held: Vec<_> = (0..MAX_STREAMS).map(|n| open(&permits, n).expect("a permit")).collect();
    assert!(open(&permits, MAX_STREAMS).is_none());
    held.pop();
    assert!(open(&permits, MAX_STREAMS).is_some());
}

#[test]
fn an_organization_has_at_most_three_quarters_of_the_streams() {
    let permits = StreamPermits::new(MaxShare::default());
    let of_a = |n| permits.take(&user(n))?.charged_to(&organization(1));
    let mut held: Vec<_> = (0..750).map(|n| of_a(n).expect("a permit")).collect();
    assert!(of_a(750).is_none());
    assert_eq!(permits.users.held(), 750, "a refused stream gives its permit back");
    let other = permits.take(&user(751)).and_then(|permit| permit.charged_to(&organization(2)));
    assert!(other.is_some());
    held.pop();
    assert!(of_a(750).is_some());
}
