use super::*;

#[test]
fn the_readers_of_an_organization_are_woken_and_no_others() {
    let id = |text| OrganizationId::parse(text).expect("an id");
    let wakeups = Wakeups::default();
    let (mut ours, theirs) = (wakeups.subscribe(&id("ours")), wakeups.subscribe(&id("theirs")));
    let also_ours = wakeups.subscribe(&id("ours"));
    let is_woken = |receiver: &watch::Receiver<()>| receiver.has_changed().expect("the store is open");
    assert!(!is_woken(&ours), "nothing was published since");
    wakeups.wake(&id("ours"));
    assert!(is_woken(&ours) && is_woken(&also_ours) && !is_woken(&theirs));
    ours.mark_unchanged();
    assert!(!is_woken(&ours));

    wakeups.end();
    assert!(
        ours.has_changed().is_err() && theirs.has_changed().is_err(),
        "a closed store has no waiting readers"
    );
}

#[test]
fn an_organization_without_readers_has_no_entry() {
    let id = OrganizationId::parse("ours").expect("an id");
    let wakeups = Wakeups::default();
    drop(wakeups.subscribe(&id));
    wakeups.wake(&id);
    assert!(wakeups.lock().is_empty());
    wakeups.wake(&id);
}
