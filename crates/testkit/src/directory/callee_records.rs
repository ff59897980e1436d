//! Imports of opt-outs, consents and do-not-call lists.

use std::time::Duration;

use domain::ports::{Recipient, RecordRefusal};
use domain::{
    AuditAction, CalleeFilter, Consent, ConsentRecord, DirectoryRecord, DoNotCallCopy, DoNotCallList,
    DoNotCallNumber, ListName, LocalDate, PhoneNumber, Suppression,
};

use super::{import, refusal};
use crate::call_events::now;
use crate::fixtures::{Tenant, consent, consent_id, phone_number, suppression, suppression_id};
use crate::harness::DirectoryHarness;
use crate::suppressions::{audited, facts, tenant};
use crate::{consents, suppressions};

const LONG: Duration = Duration::from_hours(1);

/// Imported opt-outs are listed. One that is stored already gets the later end. Each change is audited.
pub async fn an_imported_opt_out_is_stored_like_any_other(harness: &impl DirectoryHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let by_hand = suppression(Some(home));
    let by_hand = harness.suppressions().add_suppression(&by_hand).await.expect("store is up");
    let ends = Suppression {
        expires_at: Some(now()),
        created_at: by_hand.created_at.after(LONG),
        ..suppression(Some(home))
    };
    let again = |one: &Suppression, expires_at| {
        DirectoryRecord::Suppression(Suppression { id: suppression_id(), expires_at, ..one.clone() })
    };
    let later = now().after(LONG);
    let records =
        [DirectoryRecord::Suppression(ends.clone()), again(&by_hand, Some(now())), again(&ends, Some(later))];
    import(harness, &records).await;
    import(harness, &records).await;
    let listed = suppressions::list(harness, Some(home), &CalleeFilter::default()).await;
    assert_eq!(listed, [Suppression { expires_at: Some(later), ..ends }, by_hand]);
    let actions: Vec<_> = audited(harness, home).await.into_iter().map(|it| it.action).collect();
    assert_eq!(actions, [AuditAction::SuppressionAdded.as_str(); 3]);
}

/// Imported consents are listed. Of one that is stored already, only the revocation is added. Each
/// change is audited.
pub async fn an_imported_consent_is_stored_like_any_other(harness: &impl DirectoryHarness) {
    let tenant = tenant(harness).await;
    let home = &tenant.organization.id;
    let given = consent(home);
    let revoked_at = Some(now());
    let revoked = Consent { revoked_at, ..given.consent };
    let refused =
        ConsentRecord { consent: revoked, created_at: given.created_at.after(LONG), ..consent(home) };
    let again = |one: &ConsentRecord, consent| {
        DirectoryRecord::Consent(ConsentRecord { id: consent_id(), consent, ..one.clone() })
    };
    import(harness, &[DirectoryRecord::Consent(given.clone()), DirectoryRecord::Consent(refused.clone())])
        .await;
    let unchanged = again(&refused, Consent { revoked_at: None, ..revoked });
    import(harness, &[again(&given, revoked), unchanged]).await;
    let listed = consents::list(harness, home, &CalleeFilter::default()).await;
    assert_eq!(listed, [refused, ConsentRecord { consent: revoked, ..given }]);
    let mut actions: Vec<_> = audited(harness, home).await.into_iter().map(|it| it.action).collect();
    actions.sort();
    let (added, revoked) = (AuditAction::ConsentAdded.as_str(), AuditAction::ConsentRevoked.as_str());
    assert_eq!(actions, [added, added, revoked]);
}

/// While the numbers of a newer copy are stored, those of the older one count too. Afterwards only its
/// own do. Other lists, and the same list of another organization, are not affected.
pub async fn a_newer_copy_of_a_list_replaces_the_older(harness: &impl DirectoryHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let [leaves, stays, comes] = [(); 3].map(|()| phone_number());
    let (older, newer) = (copy(&ours, "us-national", 1), copy(&ours, "us-national", 28));
    let (other, foreign) = (copy(&ours, "own", 2), copy(&theirs, "us-national", 1));
    for it in [&older, &other, &foreign] {
        import(
            harness,
            &[number(it, &leaves), number(it, &stays), DirectoryRecord::DoNotCallCopy(it.clone())],
        )
        .await;
    }
    let listed = async |tenant: &Tenant, number: &PhoneNumber| {
        let mut lists = facts(harness, tenant, Recipient::Number(number)).await.do_not_call_lists;
        lists.sort_by(|one, other| one.name.cmp(&other.name));
        lists
    };
    let on = |copy: &DoNotCallCopy, has_number| DoNotCallList {
        name: copy.name.as_str().into(),
        dated: copy.dated,
        has_number,
    };
    let foreign_list = [on(&foreign, true)];
    assert_eq!(listed(&ours, &leaves).await, [on(&other, true), on(&older, true)]);
    assert_eq!(listed(&ours, &comes).await, [on(&other, false), on(&older, false)]);

    import(harness, &[number(&newer, &stays), number(&newer, &comes)]).await;
    for listed_now in [&leaves, &stays] {
        assert_eq!(listed(&ours, listed_now).await, [on(&other, true), on(&older, true)]);
    }
    assert_eq!(listed(&ours, &comes).await, [on(&other, false), on(&older, true)]);

    import(harness, &[DirectoryRecord::DoNotCallCopy(newer.clone())]).await;
    assert_eq!(listed(&ours, &leaves).await, [on(&other, true), on(&newer, false)]);
    assert_eq!(listed(&ours, &stays).await, [on(&other, true), on(&newer, true)]);
    assert_eq!(listed(&ours, &comes).await, [on(&other, false), on(&newer, true)]);
    assert_eq!(listed(&theirs, &leaves).await, foreign_list);
}

/// A copy that is older than the stored one is refused, and its numbers do not count. A copy of the
/// same date is no older one.
pub async fn an_older_copy_of_a_list_is_refused(harness: &impl DirectoryHarness) {
    let tenant = tenant(harness).await;
    let (older, newer) = (copy(&tenant, "us-national", 1), copy(&tenant, "us-national", 28));
    let (late, added) = (phone_number(), phone_number());
    import(harness, &[DirectoryRecord::DoNotCallCopy(newer.clone())]).await;
    import(harness, &[number(&older, &late)]).await;
    let refused = refusal(harness, &[DirectoryRecord::DoNotCallCopy(older)]).await;
    assert_eq!(refused, (0, RecordRefusal::OlderCopy));
    import(harness, &[number(&newer, &added), DirectoryRecord::DoNotCallCopy(newer.clone())]).await;
    for (number, has_number) in [(&late, false), (&added, true)] {
        let lists = facts(harness, &tenant, Recipient::Number(number)).await.do_not_call_lists;
        let expected = DoNotCallList { name: newer.name.as_str().into(), dated: newer.dated, has_number };
        assert_eq!(lists, [expected]);
    }
}

pub(super) fn copy(tenant: &Tenant, name: &str, day: u8) -> DoNotCallCopy {
    DoNotCallCopy {
        organization_id: tenant.organization.id.clone(),
        name: ListName::parse(name).expect("a name"),
        dated: LocalDate::new(2026, 2, day).expect("a date"),
    }
}

fn number(copy: &DoNotCallCopy, number: &PhoneNumber) -> DirectoryRecord {
    DirectoryRecord::DoNotCallNumber(DoNotCallNumber { copy: copy.clone(), phone_number: number.clone() })
}
