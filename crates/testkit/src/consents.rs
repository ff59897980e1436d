//! The suite of [`Consents`](domain::ports::Consents).

use std::time::Duration;

use domain::ports::Recipient;
use domain::{
    AuditAction, CalleeFilter, ChangeOfRecord, Consent, ConsentId, ConsentKind, ConsentRecord,
    OrganizationId, RecordNote,
};

use crate::call_events::now;
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, consent, consent_id, contact_id, phone_number, user_id};
use crate::harness::CalleeRecordsHarness;
use crate::suppressions::{Audited, audited, facts, number_of, tenant};

suite! {
    $ consents_suite of consents:
    an_added_consent_is_listed_whole,
    consents_are_filtered_and_paged,
    another_tenants_consents_are_absent,
    a_consent_added_again_is_one,
    an_added_consent_counts_for_the_next_call,
    a_consent_is_revoked_once,
    another_tenants_consent_is_not_revoked,
    changes_of_consents_are_audited,
    lost_consents_are_unavailable,
}

const LONG: Duration = Duration::from_hours(1);

/// A consent is listed with every field, and one without any that it may lack, newest first.
pub async fn an_added_consent_is_listed_whole(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let whole = ConsentRecord {
        contact_id: Some(tenant.contact_id()),
        consent: Consent {
            kind: ConsentKind::Written,
            given_at: now().before(LONG),
            expires_at: Some(now().after(LONG)),
            revoked_at: None,
        },
        method: Some(RecordNote::parse("formulaire « oui »").expect("a note")),
        evidence: Some(RecordNote::parse("s3://consents/4711").expect("a note")),
        created_by: Some(tenant.user.id.clone()),
        ..consent(home)
    };
    let bare = ConsentRecord {
        phone_number: None,
        contact_id: Some(contact_id()),
        created_at: whole.created_at.after(LONG),
        ..consent(home)
    };
    for one in [&whole, &bare] {
        assert_eq!(add(harness, one).await, *one);
    }
    assert_eq!(list(harness, home, &CalleeFilter::default()).await, [bare, whole]);
}

/// Only consents with the number or the contact are listed, in pages that neither repeat nor miss one,
/// also if several have the same time.
pub async fn consents_are_filtered_and_paged(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let (number, contact) = (phone_number(), contact_id());
    let mut all = Vec::new();
    for index in 0..7_u32 {
        let given_at = now().before(LONG * index);
        let one = ConsentRecord {
            phone_number: Some(if index % 2 == 0 { number.clone() } else { phone_number() }),
            contact_id: (index % 3 == 0).then(|| contact.clone()),
            created_at: now().before(LONG * (index / 3)),
            consent: Consent { given_at, ..consent(home).consent },
            ..consent(home)
        };
        all.push(add(harness, &one).await);
    }
    all.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    let mut paged = Vec::new();
    let mut filter = CalleeFilter { limit: 2, ..CalleeFilter::default() };
    loop {
        let page = list(harness, home, &filter).await;
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
    assert_eq!(list(harness, home, &of_number).await, expected);
    let expected: Vec<_> =
        all.iter().filter(|it| it.contact_id.as_ref() == Some(&contact)).cloned().collect();
    assert_eq!(list(harness, home, &of_contact).await, expected);
}

/// Each organization lists its own consents.
pub async fn another_tenants_consents_are_absent(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    for tenant in [&ours, &theirs] {
        let home = &tenant.organization.id;
        let added = add(harness, &consent(home)).await;
        assert_eq!(list(harness, home, &CalleeFilter::default()).await, [added]);
    }
}

/// The same consent, added fifty times at the same time, is one, which stays as it is. Another kind,
/// time, contact or number is another one, and so is that of another organization.
pub async fn a_consent_added_again_is_one(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let first = consent(&ours.organization.id);
    let crowd = (0..CROWD).map(|_| {
        let (consents, one) = (harness.consents(), ConsentRecord { id: consent_id(), ..first.clone() });
        async move { consents.add_consent(&one).await.expect("store is up") }
    });
    let answers = all_at_once(crowd).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let expires_at = Some(now().after(LONG));
    let longer = Consent { expires_at, ..first.consent };
    let again = ConsentRecord { id: consent_id(), consent: longer, ..first.clone() };
    assert_eq!(add(harness, &again).await, answers[0], "it stays as it is");
    for other in [
        ConsentRecord { consent: Consent { kind: ConsentKind::Written, ..first.consent }, ..first.clone() },
        ConsentRecord {
            consent: Consent { given_at: first.consent.given_at.after(LONG), ..first.consent },
            ..first.clone()
        },
        ConsentRecord { contact_id: Some(contact_id()), ..first.clone() },
        ConsentRecord { phone_number: Some(phone_number()), ..first.clone() },
        ConsentRecord { organization_id: theirs.organization.id.clone(), ..first.clone() },
    ] {
        let other = ConsentRecord { id: consent_id(), ..other };
        assert_eq!(add(harness, &other).await, other);
    }
}

/// A consent of the number and one of the contact are returned for the next call, also revoked ones,
/// and no other organization's.
pub async fn an_added_consent_counts_for_the_next_call(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let (number, contact_id) = (number_of(&ours), ours.contact_id());
    let of_number = ConsentRecord { phone_number: Some(number.clone()), ..consent(&ours.organization.id) };
    let of_contact = ConsentRecord {
        phone_number: None,
        contact_id: Some(contact_id.clone()),
        consent: Consent { kind: ConsentKind::Written, ..of_number.consent },
        ..consent(&ours.organization.id)
    };
    add(harness, &ConsentRecord { phone_number: Some(number.clone()), ..consent(&theirs.organization.id) })
        .await;
    add(harness, &consent(&ours.organization.id)).await;
    let revoked = add(harness, &of_number).await;
    let of_contact = add(harness, &of_contact).await;
    let revoked = revoke(harness, &ours, &revoked.id).await.expect("it is stored");
    for recipient in [Recipient::Number(&number), Recipient::Contact(&contact_id)] {
        let mut found = facts(harness, &ours, recipient).await.consents;
        found.sort_by_key(|consent| consent.kind);
        assert_eq!(found, [revoked.consent, of_contact.consent]);
    }
}

/// A revocation is stored with its user and time, and a second one changes nothing. There is nothing to
/// revoke under an unknown id.
pub async fn a_consent_is_revoked_once(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let (added, other) = (add(harness, &consent(home)).await, add(harness, &consent(home)).await);
    let change = ChangeOfRecord { by: Some(user_id()), at: now() };
    let revoked = ConsentRecord {
        consent: Consent { revoked_at: Some(change.at), ..added.consent },
        revoked_by: change.by.clone(),
        ..added.clone()
    };
    let consents = harness.consents();
    assert_eq!(consents.revoke_consent(home, &added.id, &change).await, Ok(Some(revoked.clone())));
    assert_eq!(revoke(harness, &tenant, &added.id).await, Some(revoked.clone()), "the first one counts");
    let listed = list(harness, home, &CalleeFilter::default()).await;
    assert!(listed.contains(&revoked) && listed.contains(&other), "{listed:?}");
    assert_eq!(add(harness, &ConsentRecord { id: consent_id(), ..added }).await, revoked, "it stays revoked");
    assert_eq!(revoke(harness, &tenant, &consent_id()).await, None);
}

/// Another organization's consent is not found, and stays the same.
pub async fn another_tenants_consent_is_not_revoked(harness: &impl CalleeRecordsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let added = add(harness, &consent(&theirs.organization.id)).await;
    assert_eq!(revoke(harness, &ours, &added.id).await, None);
    assert_eq!(list(harness, &theirs.organization.id, &CalleeFilter::default()).await, [added]);
}

/// A new consent and its revocation are audited once each, with the user and without personal data.
pub async fn changes_of_consents_are_audited(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let one = ConsentRecord { created_by: Some(tenant.user.id.clone()), ..consent(home) };
    let added = add(harness, &one).await;
    add(harness, &ConsentRecord { id: consent_id(), ..one }).await;
    let by = user_id();
    for _ in 0..2 {
        let change = ChangeOfRecord { by: Some(by.clone()), at: now() };
        harness.consents().revoke_consent(home, &added.id, &change).await.expect("store is up");
    }
    let entry = |action: AuditAction, user_id: &str| Audited {
        action: action.as_str().to_owned(),
        user_id: Some(user_id.to_owned()),
        object_id: Some(added.id.to_string()),
        detail: Some(r#"{"kind":"express"}"#.to_owned()),
    };
    let expected = [
        entry(AuditAction::ConsentAdded, tenant.user.id.as_str()),
        entry(AuditAction::ConsentRevoked, by.as_str()),
    ];
    assert_eq!(audited(harness, home).await, expected);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number or
/// evidence.
pub async fn lost_consents_are_unavailable(harness: &impl CalleeRecordsHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let (consents, number) = (harness.consents(), phone_number());
    let one = ConsentRecord {
        phone_number: Some(number.clone()),
        evidence: Some(RecordNote::parse("private evidence").expect("a note")),
        ..consent(home)
    };
    let filter = CalleeFilter { phone_number: Some(number.clone()), ..CalleeFilter::default() };
    let change = ChangeOfRecord { by: None, at: now() };
    harness.lose().await;
    let private = [number.as_e164(), "private evidence"];
    unavailable_within(LOST_DATABASE_BOUND, consents.add_consent(&one), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, consents.list_consents(home, &filter), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, consents.revoke_consent(home, &one.id, &change), &private).await;
}

pub(crate) async fn list(
    harness: &impl CalleeRecordsHarness,
    organization_id: &OrganizationId,
    filter: &CalleeFilter<ConsentId>,
) -> Vec<ConsentRecord> {
    harness.consents().list_consents(organization_id, filter).await.expect("store is up")
}

async fn add(harness: &impl CalleeRecordsHarness, consent: &ConsentRecord) -> ConsentRecord {
    harness.consents().add_consent(consent).await.expect("store is up")
}

async fn revoke(
    harness: &impl CalleeRecordsHarness,
    tenant: &Tenant,
    id: &ConsentId,
) -> Option<ConsentRecord> {
    let change = ChangeOfRecord { by: Some(tenant.user.id.clone()), at: now() };
    harness.consents().revoke_consent(&tenant.organization.id, id, &change).await.expect("store is up")
}
