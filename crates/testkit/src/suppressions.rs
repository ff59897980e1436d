//! The suite of [`Suppressions`](domain::ports::Suppressions).

use std::time::Duration;

use domain::ports::{AuditQuery, OutboundQuery, Recipient};
use domain::{
    AuditAction, CalleeFilter, ChangeOfRecord, OrganizationId, PhoneNumber, RecordNote, Suppression,
    SuppressionSource,
};

use crate::call_events::now;
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{
    SERVED_CARRIERS, Tenant, contact_id, conversation_id, phone_number, suppression, suppression_id, user_id,
};
use crate::harness::CalleeRecordsHarness;

suite! {
    $ suppressions_suite of suppressions:
    an_added_suppression_is_listed_whole,
    suppressions_are_filtered_and_paged,
    another_tenants_suppressions_are_absent,
    a_suppression_added_again_is_one,
    suppressions_of_no_one_are_all_kept,
    an_added_suppression_counts_for_the_next_call,
    a_suppression_counts_until_its_end,
    another_tenants_suppression_is_not_removed,
    changes_of_suppressions_are_audited,
    lost_suppressions_are_unavailable,
}

const LONG: Duration = Duration::from_hours(1);

/// A suppression is listed with every field, and one without any that it may lack, newest first.
pub async fn an_added_suppression_is_listed_whole(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let whole = Suppression {
        contact_id: Some(tenant.contact_id()),
        reason: Some(RecordNote::parse("„Nie wieder!“\nsagte er").expect("a note")),
        source: SuppressionSource::parse("letter").expect("a word"),
        conversation_id: Some(conversation_id()),
        created_by: Some(tenant.user.id.clone()),
        expires_at: Some(now().after(LONG)),
        ..suppression(Some(home))
    };
    let bare = Suppression {
        phone_number: None,
        contact_id: Some(contact_id()),
        created_at: whole.created_at.after(LONG),
        ..suppression(Some(home))
    };
    for one in [&whole, &bare] {
        assert_eq!(add(harness, one).await, *one);
    }
    assert_eq!(list(harness, Some(home), &CalleeFilter::default()).await, [bare, whole]);
}

/// Only suppressions with the number or the contact are listed, in pages that neither repeat nor miss
/// one, also if several have the same time.
pub async fn suppressions_are_filtered_and_paged(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let (number, contact) = (phone_number(), contact_id());
    let mut all = Vec::new();
    for index in 0..7_u64 {
        let one = Suppression {
            phone_number: Some(if index % 2 == 0 { number.clone() } else { phone_number() }),
            contact_id: (index % 3 == 0).then(|| contact.clone()),
            conversation_id: Some(conversation_id()),
            created_at: now().before(LONG * u32::try_from(index / 3).expect("small")),
            ..suppression(Some(home))
        };
        all.push(add(harness, &one).await);
    }
    all.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    let mut paged = Vec::new();
    let mut filter = CalleeFilter { limit: 2, ..CalleeFilter::default() };
    loop {
        let page = list(harness, Some(home), &filter).await;
        assert!(page.len() <= 2, "a page is longer than its limit");
        let Some(last) = page.last() else { break };
        filter.before = Some((last.created_at, last.id.clone()));
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let of_number = CalleeFilter { phone_number: Some(number.clone()), ..CalleeFilter::default() };
    let of_contact = CalleeFilter { contact_id: Some(contact.clone()), ..CalleeFilter::default() };
    let expected: Vec<_> =
        all.iter().filter(|it| it.phone_number.as_ref() == Some(&number)).cloned().collect();
    assert_eq!(list(harness, Some(home), &of_number).await, expected);
    let expected: Vec<_> =
        all.iter().filter(|it| it.contact_id.as_ref() == Some(&contact)).cloned().collect();
    assert_eq!(list(harness, Some(home), &of_contact).await, expected);
    let of_both = CalleeFilter { contact_id: Some(contact.clone()), limit: 1, ..of_number };
    let expected: Vec<_> =
        expected.into_iter().filter(|it| it.phone_number.as_ref() == Some(&number)).take(1).collect();
    assert_eq!(list(harness, Some(home), &of_both).await, expected, "the limit counts what is listed");
}

/// Each organization lists its own suppressions, and no one lists those without an organization
/// except who asks for them.
pub async fn another_tenants_suppressions_are_absent(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let number = phone_number();
    let of = |organization_id| Suppression {
        phone_number: Some(number.clone()),
        conversation_id: Some(conversation_id()),
        ..suppression(organization_id)
    };
    let filter = CalleeFilter { phone_number: Some(number.clone()), ..CalleeFilter::default() };
    for organization_id in [Some(&ours.organization.id), Some(&theirs.organization.id), None] {
        let added = add(harness, &of(organization_id)).await;
        assert_eq!(list(harness, organization_id, &filter).await, [added]);
    }
}

/// The same callee and conversation, added fifty times at the same time, are one suppression, with the
/// later end. Another conversation, contact or number is another one.
pub async fn a_suppression_added_again_is_one(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    for home in [Some(&tenant.organization.id), None] {
        let end = now().after(LONG);
        let first = Suppression { expires_at: Some(end), ..suppression(home) };
        let crowd = (0..CROWD).map(|_| {
            let (suppressions, one) =
                (harness.suppressions(), Suppression { id: suppression_id(), ..first.clone() });
            async move { suppressions.add_suppression(&one).await.expect("store is up") }
        });
        let answers = all_at_once(crowd).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let kept = answers[0].clone();
        for (expires_at, expected) in [
            (Some(end.before(LONG)), Some(end)),
            (Some(end.after(LONG)), Some(end.after(LONG))),
            (None, None),
            (Some(end), None),
        ] {
            let again = Suppression { id: suppression_id(), expires_at, ..first.clone() };
            let expected = Suppression { expires_at: expected, ..kept.clone() };
            assert_eq!(add(harness, &again).await, expected);
        }
        for other in [
            Suppression { conversation_id: Some(conversation_id()), ..first.clone() },
            Suppression { contact_id: Some(contact_id()), ..first.clone() },
            Suppression { phone_number: Some(phone_number()), ..first.clone() },
        ] {
            let other = Suppression { id: suppression_id(), ..other };
            assert_eq!(add(harness, &other).await, other);
        }
    }
}

/// Two suppressions that name no number, contact or conversation are two: a person must look at both.
pub async fn suppressions_of_no_one_are_all_kept(harness: &impl CalleeRecordsHarness) {
    let of_no_one = || Suppression { phone_number: None, ..suppression(None) };
    for one in [of_no_one(), of_no_one()] {
        assert_eq!(add(harness, &one).await, one);
    }
}

/// A suppression counts for the next call to its number, of whichever contact, and to its contact, with
/// whichever number: of its organization, or of every one if it has none.
pub async fn an_added_suppression_counts_for_the_next_call(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let number = number_of(&ours);
    let other_number = phone_number();
    let their_number = number_of(&theirs);
    let is_suppressed = async |tenant: &Tenant, recipient| is_suppressed(harness, tenant, recipient).await;
    let contact_id = ours.contact_id();
    for recipient in
        [Recipient::Number(&number), Recipient::Contact(&contact_id), Recipient::Number(&other_number)]
    {
        assert!(!is_suppressed(&ours, recipient).await, "nothing is added");
    }
    add(
        harness,
        &Suppression { phone_number: Some(number.clone()), ..suppression(Some(&ours.organization.id)) },
    )
    .await;
    assert!(is_suppressed(&ours, Recipient::Number(&number)).await);
    assert!(is_suppressed(&ours, Recipient::Contact(&contact_id)).await, "the contact has the number");
    assert!(!is_suppressed(&theirs, Recipient::Number(&number)).await, "another organization's");

    let their_contact = theirs.contact_id();
    let of_contact = Suppression {
        phone_number: None,
        contact_id: Some(their_contact.clone()),
        ..suppression(Some(&theirs.organization.id))
    };
    add(harness, &of_contact).await;
    assert!(is_suppressed(&theirs, Recipient::Contact(&their_contact)).await);
    assert!(is_suppressed(&theirs, Recipient::Number(&their_number)).await, "the contact's number");

    add(harness, &Suppression { phone_number: Some(other_number.clone()), ..suppression(None) }).await;
    for tenant in [&ours, &theirs] {
        assert!(is_suppressed(tenant, Recipient::Number(&other_number)).await, "it counts for all");
    }
}

/// A suppression that has ended or was removed does not count any more.
pub async fn a_suppression_counts_until_its_end(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let (ended, ends, removed) = (phone_number(), phone_number(), phone_number());
    for (number, expires_at) in [(&ended, Some(now().before(LONG))), (&ends, Some(now().after(LONG)))] {
        add(
            harness,
            &Suppression { phone_number: Some(number.clone()), expires_at, ..suppression(Some(home)) },
        )
        .await;
    }
    assert!(!is_suppressed(harness, &tenant, Recipient::Number(&ended)).await);
    assert!(is_suppressed(harness, &tenant, Recipient::Number(&ends)).await);
    let added =
        add(harness, &Suppression { phone_number: Some(removed.clone()), ..suppression(Some(home)) }).await;
    assert!(is_suppressed(harness, &tenant, Recipient::Number(&removed)).await);
    assert!(remove(harness, Some(home), &added).await);
    assert!(!is_suppressed(harness, &tenant, Recipient::Number(&removed)).await);
    assert!(!remove(harness, Some(home), &added).await, "it is removed already");
}

/// A suppression of another organization, or of none, is not removed.
pub async fn another_tenants_suppression_is_not_removed(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let owners = [Some(&ours.organization.id), Some(&theirs.organization.id), None];
    for owner in owners {
        let added = add(harness, &suppression(owner)).await;
        for other in owners.into_iter().filter(|other| *other != owner) {
            assert!(!remove(harness, other, &added).await);
        }
        assert!(remove(harness, owner, &added).await, "its owner removes it");
    }
}

/// A new suppression, a later end and a removal are audited once each, with the user and without
/// personal data. What changes nothing is not audited.
pub async fn changes_of_suppressions_are_audited(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let home = &ours.organization.id;
    let first = Suppression {
        expires_at: Some(now().after(LONG)),
        created_by: Some(ours.user.id.clone()),
        reason: Some(RecordNote::parse("asked").expect("a note")),
        ..suppression(Some(home))
    };
    let added = add(harness, &first).await;
    add(harness, &Suppression { id: suppression_id(), ..first.clone() }).await;
    add(harness, &Suppression { id: suppression_id(), expires_at: None, created_by: None, ..first }).await;
    assert!(!remove(harness, Some(&theirs.organization.id), &added).await);
    let by = user_id();
    let change = ChangeOfRecord { by: Some(by.clone()), at: now() };
    let removed = harness.suppressions().remove_suppression(Some(home), &added.id, &change).await;
    assert_eq!(removed, Ok(true));
    let entry = |action: AuditAction, user_id: Option<&str>| Audited {
        action: action.as_str().to_owned(),
        user_id: user_id.map(str::to_owned),
        object_id: Some(added.id.to_string()),
        detail: Some(r#"{"source":"api"}"#.to_owned()),
    };
    let expected = [
        entry(AuditAction::SuppressionAdded, Some(ours.user.id.as_str())),
        entry(AuditAction::SuppressionAdded, None),
        entry(AuditAction::SuppressionRemoved, Some(by.as_str())),
    ];
    assert_eq!(audited(harness, home).await, expected);
    assert_eq!(audited(harness, &theirs.organization.id).await, []);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number or a
/// reason.
pub async fn lost_suppressions_are_unavailable(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = Some(&tenant.organization.id);
    let (suppressions, number) = (harness.suppressions(), phone_number());
    let one = Suppression {
        phone_number: Some(number.clone()),
        reason: Some(RecordNote::parse("a private reason").expect("a note")),
        ..suppression(home)
    };
    let filter = CalleeFilter { phone_number: Some(number.clone()), ..CalleeFilter::default() };
    let change = ChangeOfRecord { by: None, at: now() };
    harness.lose().await;
    let private = [number.as_e164(), "a private reason"];
    unavailable_within(LOST_DATABASE_BOUND, suppressions.add_suppression(&one), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, suppressions.list_suppressions(home, &filter), &private).await;
    let removal = suppressions.remove_suppression(home, &one.id, &change);
    unavailable_within(LOST_DATABASE_BOUND, removal, &private).await;
}

/// A record of the audit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Audited {
    pub(crate) action: String,
    pub(crate) user_id: Option<String>,
    pub(crate) object_id: Option<String>,
    pub(crate) detail: Option<String>,
}

/// The audit of an organization, oldest first.
pub(crate) async fn audited(
    harness: &impl CalleeRecordsHarness,
    organization_id: &OrganizationId,
) -> Vec<Audited> {
    let query =
        AuditQuery { organization_id: organization_id.clone(), before: None, action: None, limit: 100 };
    let records = harness.audit().list(&query).await.expect("store is up");
    let oldest_first = records.into_iter().rev().map(|record| Audited {
        action: record.action.into(),
        user_id: record.user_id.map(|id| id.to_string()),
        object_id: record.object_id.map(String::from),
        detail: record.detail.map(String::from),
    });
    oldest_first.collect()
}

pub(crate) async fn tenant(harness: &impl CalleeRecordsHarness) -> Tenant {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    tenant
}

pub(crate) fn number_of(tenant: &Tenant) -> PhoneNumber {
    tenant.contact.phone_number.clone().expect("the fixture has a number")
}

/// What the next decision on a call of the tenant knows.
pub(crate) async fn facts(
    harness: &impl CalleeRecordsHarness,
    tenant: &Tenant,
    recipient: Recipient<'_>,
) -> domain::CallingFacts {
    let query = OutboundQuery {
        user_id: &tenant.user.id,
        recipient,
        agent_id: None,
        requested_number: None,
        carriers: SERVED_CARRIERS,
        list_numbers: false,
        purpose: None,
        subject: None,
        now: now(),
        count_calls: None,
    };
    let parties = harness.outbound().resolve(&query).await.expect("store is up");
    parties.expect("the user is stored").calling
}

pub(crate) async fn is_suppressed(
    harness: &impl CalleeRecordsHarness,
    tenant: &Tenant,
    recipient: Recipient<'_>,
) -> bool {
    facts(harness, tenant, recipient).await.is_suppressed
}

pub(crate) async fn list(
    harness: &impl CalleeRecordsHarness,
    organization_id: Option<&OrganizationId>,
    filter: &CalleeFilter<domain::SuppressionId>,
) -> Vec<Suppression> {
    harness.suppressions().list_suppressions(organization_id, filter).await.expect("store is up")
}

async fn add(harness: &impl CalleeRecordsHarness, suppression: &Suppression) -> Suppression {
    harness.suppressions().add_suppression(suppression).await.expect("store is up")
}

async fn remove(
    harness: &impl CalleeRecordsHarness,
    organization_id: Option<&OrganizationId>,
    suppression: &Suppression,
) -> bool {
    let change = ChangeOfRecord { by: None, at: now() };
    let removed = harness.suppressions().remove_suppression(organization_id, &suppression.id, &change).await;
    removed.expect("store is up")
}
