use super::*;

fn user(id: &str) -> UserId {
    UserId::parse(id).expect("an id")
}

fn entries(permits: &RecordingPermits) -> usize {
    permits.by_user.lock().expect("no panic").len()
}

#[tokio::test(start_paused = true)]
async fn a_user_reads_4_recordings_at_the_same_time_and_takes_none_from_others() {
    let permits = RecordingPermits::new(MaxShare::default());
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(permits.acquire(&user("u1")).await.expect("a free permit"));
    }
    assert!(permits.acquire(&user("u1")).await.is_none(), "a fifth recording");
    let of_another = permits.acquire(&user("u2")).await;
    assert!(of_another.is_some());
    let user = user("u1");
    let (waiting, ()) = tokio::join!(permits.acquire(&user), async { drop(held.pop()) });
    assert!(waiting.is_some(), "the end of a recording makes room");
    drop((held, of_another, waiting));
    assert_eq!(entries(&permits), 0, "users who read nothing");
}

#[tokio::test(start_paused = true)]
async fn a_process_reads_256_recordings_at_the_same_time() {
    let permits = RecordingPermits::new(MaxShare::default());
    let mut held = Vec::new();
    for number in 0..256 {
        held.push(permits.acquire(&user(&format!("u{}", number / 4))).await.expect("a free permit"));
    }
    assert!(permits.acquire(&user("another")).await.is_none());
    held.pop();
    assert!(permits.acquire(&user("another")).await.is_some());
    drop(held);
    assert_eq!(entries(&permits), 0, "users who read nothing");
}

#[tokio::test(start_paused = true)]
async fn an_organization_reads_three_quarters_of_the_recordings() {
    let permits = RecordingPermits::new(MaxShare::default());
    let [one, other] = ["o1", "o2"].map(|id| OrganizationId::parse(id).expect("an id"));
    let mut held = Vec::new();
    for number in 0..192 {
        let permit = permits.acquire(&user(&format!("u{number}"))).await.expect("a free permit");
        held.push(permit.charged_to(&one).expect("within its share"));
    }
    let [of_one, of_other] = ["of-one", "of-other"].map(user);
    assert!(permits.acquire(&of_one).await.expect("a free permit").charged_to(&one).is_none());
    assert!(permits.acquire(&of_other).await.expect("a free permit").charged_to(&other).is_some());
    held.pop();
    assert!(permits.acquire(&of_one).await.expect("a free permit").charged_to(&one).is_some());
}
