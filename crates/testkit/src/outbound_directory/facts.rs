//! What the decision on a call depends on.

use std::time::Duration;

use domain::ports::{OutboundQuery, PolicyChange, PutPolicyResult, Recipient};
use domain::{
    AttemptCount, Booking, BookingConditions, CallIdentity, CallSubject, CallingFacts, CallingPolicy, Cap,
    Consent, ConsentKind, ConsentRecord, ContactPlace, ContactRecord, DialOutcome, DirectoryRecord,
    DoNotCallCopy, DoNotCallList, DoNotCallNumber, ListName, LocalDate, NotDialledReason, PhoneNumber,
    Region, Suppression, Timestamp, VersionedPolicy, ZoneName,
};

use super::{query, resolve};
use crate::call_ledger::booking::{book, settle};
use crate::fixtures::{
    Tenant, calling_policy, consent as consent_record, moment, phone_number, subject, suppression,
    suppression_id,
};
use crate::harness::OutboundDirectoryHarness;

const LONG: Duration = Duration::from_secs(120);
const A_SECOND: Duration = Duration::from_secs(1);

/// A tenant whose records are stored.
pub(super) async fn stored_tenant(harness: &impl OutboundDirectoryHarness) -> Tenant {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    tenant
}

/// What a query finds.
pub(crate) async fn facts(
    harness: &impl OutboundDirectoryHarness,
    query: &OutboundQuery<'_>,
) -> CallingFacts {
    resolve(harness, query).await.expect("a known user").calling
}

fn called_number(tenant: &Tenant) -> &PhoneNumber {
    tenant.contact.phone_number.as_ref().expect("the fixture has a number")
}

/// Stores a policy of the organization with this revision, the next one, and returns it as it is found.
pub(super) async fn put_policy(
    harness: &impl OutboundDirectoryHarness,
    tenant: &Tenant,
    policy: CallingPolicy,
    revision: u64,
) -> VersionedPolicy {
    let change = PolicyChange {
        organization_id: tenant.organization.id.clone(),
        policy: policy.clone(),
        expected_revision: revision - 1,
        user_id: tenant.user.id.clone(),
        at: moment(),
    };
    assert_eq!(harness.policies().put(&change).await, Ok(PutPolicyResult::Stored));
    VersionedPolicy { policy, revision, changed: Some((change.user_id, change.at)) }
}

/// The organization's policy and the contact's place are found, whether the contact is called by its id
/// or by its number; both as they are by then.
pub async fn the_policy_and_the_place_are_found(harness: &impl OutboundDirectoryHarness) {
    let tenant = stored_tenant(harness).await;
    let (contact_id, number, stranger) = (tenant.contact_id(), called_number(&tenant), phone_number());
    let recipients = [Recipient::Contact(&contact_id), Recipient::Number(number)];
    for recipient in recipients {
        assert_eq!(facts(harness, &query(&tenant, recipient)).await, CallingFacts::default());
    }
    let ottawa = ContactPlace {
        zone: Some(ZoneName::parse("America/Toronto").expect("a zone")),
        region: Some(Region::parse("CA-ON").expect("a region")),
    };
    let unknown = ContactPlace { region: None, ..ottawa.clone() };
    for (revision, policy, place) in [(1, calling_policy(), ottawa), (2, CallingPolicy::default(), unknown)] {
        let policy = put_policy(harness, &tenant, policy, revision).await;
        let contact = ContactRecord { place: place.clone(), ..tenant.contact.clone() };
        harness.store(&[DirectoryRecord::Contact(contact)]).await;
        for recipient in recipients {
            let found = facts(harness, &query(&tenant, recipient)).await;
            assert_eq!((found.policy.as_ref(), &found.place), (Some(&policy), &place));
        }
        let found = facts(harness, &query(&tenant, Recipient::Number(&stranger))).await;
        assert_eq!((found.policy.as_ref(), found.place), (Some(&policy), ContactPlace::default()));
    }
}

/// A suppression is found by its number, also if another contact or none has it, and by its contact;
/// also one of no organization. It counts until it expires.
pub async fn a_suppression_is_found_by_number_and_by_contact(harness: &impl OutboundDirectoryHarness) {
    let tenant = stored_tenant(harness).await;
    let contact_id = tenant.contact_id();
    let stranger = phone_number();
    let suppress = |suppression: Suppression| async move {
        harness.suppressions().add_suppression(&suppression).await.expect("store is up");
    };
    let is_suppressed = |recipient, now: Timestamp| {
        let query = OutboundQuery { now, ..query(&tenant, recipient) };
        async move { facts(harness, &query).await.is_suppressed }
    };
    let ours = Some(&tenant.organization.id);
    let ends = Suppression { expires_at: Some(moment().after(A_SECOND)), ..suppression(ours) };
    suppress(Suppression { phone_number: Some(stranger.clone()), ..ends.clone() }).await;
    assert!(is_suppressed(Recipient::Number(&stranger), moment()).await);
    assert!(!is_suppressed(Recipient::Number(&stranger), moment().after(A_SECOND)).await, "it has expired");
    assert!(!is_suppressed(Recipient::Contact(&contact_id), moment()).await);

    let number = called_number(&tenant);
    let id = suppression_id();
    suppress(Suppression { id, phone_number: None, contact_id: Some(contact_id.clone()), ..ends }).await;
    for recipient in [Recipient::Contact(&contact_id), Recipient::Number(number)] {
        assert!(is_suppressed(recipient, moment()).await, "{recipient:?}");
        assert!(!is_suppressed(recipient, moment().after(A_SECOND)).await, "{recipient:?}");
    }
    suppress(Suppression { phone_number: Some(number.clone()), ..suppression(None) }).await;
    for recipient in [Recipient::Contact(&contact_id), Recipient::Number(number)] {
        assert!(is_suppressed(recipient, moment().after(A_SECOND)).await, "{recipient:?}");
    }
}

/// Each do-not-call list of the organization is found with its date, and whether its newest copy has the
/// number.
pub async fn do_not_call_lists_are_found_with_their_dates(harness: &impl OutboundDirectoryHarness) {
    let tenant = stored_tenant(harness).await;
    let (contact_id, number) = (tenant.contact_id(), called_number(&tenant));
    let date = |day| LocalDate::new(2026, 11, day).expect("a date");
    let copy = |name, day| copy_of_list(&tenant, name, date(day));
    let listed = |name, day| listed(copy(name, day), number);
    let records = [
        listed("us-national", 9),
        DirectoryRecord::DoNotCallCopy(copy("us-national", 9)),
        DirectoryRecord::DoNotCallCopy(copy("us-tx", 3)),
        // The newest copy no longer has the number.
        listed("ca-national", 1),
        DirectoryRecord::DoNotCallCopy(copy("ca-national", 2)),
    ];
    harness.store(&records).await;
    let list =
        |name: &str, day, has_number| DoNotCallList { name: name.into(), dated: date(day), has_number };
    let expected = [list("ca-national", 2, false), list("us-national", 9, true), list("us-tx", 3, false)];
    for recipient in [Recipient::Contact(&contact_id), Recipient::Number(number)] {
        let mut lists = facts(harness, &query(&tenant, recipient)).await.do_not_call_lists;
        lists.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(lists, expected, "{recipient:?}");
    }
    let stranger = phone_number();
    let lists = facts(harness, &query(&tenant, Recipient::Number(&stranger))).await.do_not_call_lists;
    assert_eq!(lists.len(), 3);
    assert!(lists.iter().all(|list| !list.has_number), "{lists:?}");
}

/// The consents of the number and of the contact are found whole, also those that were revoked or have
/// expired.
pub async fn consents_are_found_by_number_and_by_contact(harness: &impl OutboundDirectoryHarness) {
    let tenant = stored_tenant(harness).await;
    let (contact_id, number) = (tenant.contact_id(), called_number(&tenant));
    let consents = [
        Consent { kind: ConsentKind::Express, given_at: moment(), expires_at: None, revoked_at: None },
        Consent {
            kind: ConsentKind::Written,
            given_at: moment().after(A_SECOND),
            expires_at: Some(moment().after(A_SECOND * 2)),
            revoked_at: Some(moment().after(A_SECOND * 3)),
        },
    ];
    let stranger = phone_number();
    let record = |phone_number: Option<&PhoneNumber>, contact_id, consent| {
        let phone_number = phone_number.cloned();
        let record = consent_record(&tenant.organization.id);
        DirectoryRecord::Consent(ConsentRecord { phone_number, contact_id, consent, ..record })
    };
    let records = [
        record(Some(number), None, consents[0]),
        record(None, Some(contact_id.clone()), consents[1]),
        record(Some(&stranger), None, consents[1]),
    ];
    harness.store(&records).await;
    for (recipient, expected) in [
        (Recipient::Contact(&contact_id), &consents[..]),
        (Recipient::Number(number), &consents[..]),
        (Recipient::Number(&stranger), &consents[1..]),
    ] {
        let mut found = facts(harness, &query(&tenant, recipient)).await.consents;
        found.sort_by_key(|consent| consent.given_at);
        assert_eq!(found, expected, "{recipient:?}");
    }
}

/// The attempts are those that bookings have counted for the number and the subject, at their times. An
/// attempt that was taken back is none.
pub async fn attempts_are_found_by_number_and_subject(harness: &impl OutboundDirectoryHarness) {
    let tenant = stored_tenant(harness).await;
    let (contact_id, about) = (tenant.contact_id(), subject());
    let attempt = |seconds, subject: Option<&CallSubject>| {
        let attempt = AttemptCount {
            caps: vec![Cap { attempts: 9, within: LONG, unless_consent: false }],
            remember_for: LONG,
        };
        let conditions = BookingConditions {
            subject: subject.cloned(),
            attempt: Some(attempt),
            ..BookingConditions::default()
        };
        Booking { booked_at: moment().after(A_SECOND * seconds), conditions, ..tenant.booking(LONG) }
    };
    let bookings = [attempt(1, None), attempt(2, Some(&about)), attempt(3, None), attempt(4, None)];
    for booking in &bookings {
        book(harness, booking).await;
    }
    book(harness, &tenant.booking(LONG)).await;
    let elsewhere = attempt(5, None);
    let identity = CallIdentity { to: phone_number(), ..elsewhere.identity.clone() };
    book(harness, &Booking { identity, ..elsewhere }).await;
    settle(harness, &bookings[2], &DialOutcome::NotDialled(NotDialledReason::Unavailable), LONG).await;

    let unknown = subject();
    for (subject, expected) in [(None, &[1, 4][..]), (Some(&about), &[2][..]), (Some(&unknown), &[][..])] {
        for recipient in [Recipient::Contact(&contact_id), Recipient::Number(called_number(&tenant))] {
            let query = OutboundQuery { subject, ..query(&tenant, recipient) };
            let mut attempts = facts(harness, &query).await.attempts;
            attempts.sort_unstable();
            let expected: Vec<_> = expected.iter().map(|n| moment().after(A_SECOND * *n)).collect();
            assert_eq!(attempts, expected, "{recipient:?}");
        }
    }
}

/// What another organization stored about the same number changes nothing.
pub async fn another_tenants_facts_are_left_out(harness: &impl OutboundDirectoryHarness) {
    let (ours, theirs) = (stored_tenant(harness).await, stored_tenant(harness).await);
    let number = called_number(&ours);
    let theirs_id = &theirs.organization.id;
    put_policy(harness, &theirs, calling_policy(), 1).await;
    let of_number = Suppression { phone_number: Some(number.clone()), ..suppression(Some(theirs_id)) };
    harness.suppressions().add_suppression(&of_number).await.expect("store is up");
    let copy = copy_of_list(&theirs, "us-national", LocalDate::new(2026, 11, 9).expect("a date"));
    let consent = ConsentRecord { phone_number: Some(number.clone()), ..consent_record(theirs_id) };
    let records = [
        DirectoryRecord::Consent(consent),
        listed(copy.clone(), number),
        DirectoryRecord::DoNotCallCopy(copy),
    ];
    harness.store(&records).await;
    let booking = theirs.booking(LONG);
    let attempt = AttemptCount { caps: Vec::new(), remember_for: LONG };
    let conditions = BookingConditions { attempt: Some(attempt), ..BookingConditions::default() };
    let identity = CallIdentity { to: number.clone(), ..booking.identity.clone() };
    let booking = Booking { identity, conditions, ..booking };
    book(harness, &booking).await;
    let placed = DialOutcome::Placed(crate::fixtures::provider_reference());
    settle(harness, &booking, &placed, LONG).await;

    let contact_id = ours.contact_id();
    for recipient in [Recipient::Contact(&contact_id), Recipient::Number(number)] {
        let query = OutboundQuery { purpose: Some(domain::CallPurpose::Debt), ..query(&ours, recipient) };
        assert_eq!(facts(harness, &query).await, CallingFacts::default(), "{recipient:?}");
    }
}

fn copy_of_list(tenant: &Tenant, name: &str, dated: LocalDate) -> DoNotCallCopy {
    let name = ListName::parse(name).expect("a name");
    DoNotCallCopy { organization_id: tenant.organization.id.clone(), name, dated }
}

fn listed(copy: DoNotCallCopy, number: &PhoneNumber) -> DirectoryRecord {
    DirectoryRecord::DoNotCallNumber(DoNotCallNumber { copy, phone_number: number.clone() })
}
