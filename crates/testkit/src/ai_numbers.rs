//! The suite of [`AiNumbers`](domain::ports::AiNumbers).

use std::time::Duration;

use domain::ports::{HeldNumber, HoldNumber, NumberOfUser, NumberToggle, StoreToggleResult};
use domain::{AuditAction, AuditRecord, CallerNumber, DirectoryRecord, NumberRecord, OrganizationId, UserId};

use crate::calling_policies::audited;
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, agent_id, moment, number, phone_number, provider_number_id, user};
use crate::harness::AiNumbersHarness;

suite! {
    $ ai_numbers_suite of ai_numbers:
    a_held_number_is_returned_whole,
    a_number_of_another_user_or_tenant_is_absent,
    a_number_is_held_for_one_change,
    a_number_of_two_tenants_is_held_for_one_change,
    a_number_that_another_tenant_uses_is_reported,
    a_released_number_is_held_again,
    an_expired_hold_is_taken_over,
    a_change_is_stored_and_audited,
    no_other_number_is_changed,
    an_import_keeps_the_agent_of_a_number,
    lost_ai_numbers_are_unavailable,
}

const MINUTE: Duration = Duration::from_mins(1);

/// Numbers with every field and with few, before and after a change.
pub async fn a_held_number_is_returned_whole(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let full = &tenant.number.number;
    let bare = CallerNumber {
        phone_number: phone_number(),
        ai_enabled: false,
        on_trunk: false,
        provider_number_id: None,
        ..full.clone()
    };
    harness.store(&[record(&bare)]).await;
    for stored in [full, &bare] {
        let held = hold(harness, stored).await;
        assert_eq!((&held.number, &held.agent_id, held.is_used_by_others), (stored, &None, false));
        let toggle = toggle(&held, !stored.ai_enabled);
        assert_eq!(harness.ai_numbers().store(&toggle).await, Ok(StoreToggleResult::Stored));
        let again = hold(harness, stored).await;
        assert_eq!((&again.number, &again.agent_id), (&after(stored, &toggle), &toggle.agent_id));
    }
}

/// Neither a colleague's number, nor one of another organization, nor one that is not stored.
pub async fn a_number_of_another_user_or_tenant_is_absent(harness: &impl AiNumbersHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let colleague = user(&ours.organization.id);
    harness.store(&[DirectoryRecord::User(colleague.clone())]).await;
    let own = of_user(&ours.number.number);
    for absent in [
        NumberOfUser { user_id: colleague.id, ..own.clone() },
        NumberOfUser { phone_number: theirs.number.number.phone_number.clone(), ..own.clone() },
        NumberOfUser { organization_id: theirs.organization.id.clone(), ..own.clone() },
        NumberOfUser { phone_number: phone_number(), ..own.clone() },
    ] {
        assert_eq!(harness.ai_numbers().hold(&absent, MINUTE).await, Ok(HoldNumber::Absent));
    }
    hold(harness, &ours.number.number).await;
}

/// Of many changes at the same time, one holds the number, and no other until it ends.
pub async fn a_number_is_held_for_one_change(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let number = of_user(&tenant.number.number);
    let holds = (0..CROWD).map(|_| {
        let (port, number) = (harness.ai_numbers(), number.clone());
        async move { port.hold(&number, MINUTE).await.expect("store is up") }
    });
    let results = all_at_once(holds).await;
    let held = results.iter().filter(|result| matches!(result, HoldNumber::Held(_))).count();
    assert_eq!(held, 1, "holds of one number");
    assert!(!results.contains(&HoldNumber::Absent));
    assert_eq!(harness.ai_numbers().hold(&number, MINUTE).await, Ok(HoldNumber::HeldByOther));
    let other = NumberRecord {
        number: CallerNumber { phone_number: phone_number(), ..tenant.number.number.clone() },
        position: 1,
    };
    harness.store(&[DirectoryRecord::Number(other.clone())]).await;
    hold(harness, &other.number).await;
}

/// The voice provider has a number once, also if two organizations have it in the directory.
pub async fn a_number_of_two_tenants_is_held_for_one_change(harness: &impl AiNumbersHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let shared = shared(&ours, &theirs);
    harness.store(&[record(&shared)]).await;
    let held = hold(harness, &ours.number.number).await;
    let other = of_user(&shared);
    assert_eq!(harness.ai_numbers().hold(&other, MINUTE).await, Ok(HoldNumber::HeldByOther));
    harness.ai_numbers().release(&shared.phone_number, held.hold).await.expect("store is up");
    hold(harness, &shared).await;
}

/// Another organization uses the number if it has it enabled, and not if it only has it.
pub async fn a_number_that_another_tenant_uses_is_reported(harness: &impl AiNumbersHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    for (is_enabled, expected) in [(true, true), (false, false)] {
        let shared = CallerNumber { ai_enabled: is_enabled, ..shared(&ours, &theirs) };
        harness.store(&[record(&shared)]).await;
        let held = hold(harness, &ours.number.number).await;
        assert_eq!(held.is_used_by_others, expected);
        harness.ai_numbers().release(&shared.phone_number, held.hold).await.expect("store is up");
    }
}

/// A release ends the hold that it names, and changes nothing.
pub async fn a_released_number_is_held_again(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let stored = &tenant.number.number;
    let (port, first) = (harness.ai_numbers(), hold(harness, stored).await);
    for _ in 0..2 {
        port.release(&stored.phone_number, first.hold).await.expect("store is up");
    }
    let toggle = toggle(&first, false);
    assert_eq!(port.store(&toggle).await, Ok(StoreToggleResult::HoldEnded));
    let second = hold(harness, stored).await;
    assert_eq!(second.number, *stored);
    assert!(audited(harness, &tenant.organization.id).await.is_empty(), "nothing was changed");
}

/// A hold ends after its time, and not earlier. What the earlier one does then has no effect.
pub async fn an_expired_hold_is_taken_over(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let stored = &tenant.number.number;
    let (port, first) = (harness.ai_numbers(), hold(harness, stored).await);
    harness.pass(MINUTE / 2).await;
    assert_eq!(port.hold(&of_user(stored), MINUTE).await, Ok(HoldNumber::HeldByOther));
    harness.pass(MINUTE).await;
    assert_eq!(port.store(&toggle(&first, false)).await, Ok(StoreToggleResult::HoldEnded), "it expired");
    let second = hold(harness, stored).await;
    assert_eq!(second.number, *stored);
    assert_eq!(port.store(&toggle(&first, false)).await, Ok(StoreToggleResult::HoldEnded));
    port.release(&stored.phone_number, first.hold).await.expect("store is up");
    assert_eq!(port.hold(&of_user(stored), MINUTE).await, Ok(HoldNumber::HeldByOther));
    assert!(audited(harness, &tenant.organization.id).await.is_empty(), "nothing was changed");
    assert_eq!(port.store(&toggle(&second, false)).await, Ok(StoreToggleResult::Stored));
}

/// Each change is stored with its record, once, and ends its hold.
pub async fn a_change_is_stored_and_audited(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let mut stored = tenant.number.number.clone();
    for is_enabled in [true, false, true] {
        let held = hold(harness, &stored).await;
        let toggle = toggle(&held, is_enabled);
        assert_eq!(harness.ai_numbers().store(&toggle).await, Ok(StoreToggleResult::Stored));
        assert_eq!(harness.ai_numbers().store(&toggle).await, Ok(StoreToggleResult::HoldEnded));
        stored = after(&stored, &toggle);
        let records = audited(harness, &tenant.organization.id).await;
        let detail = records[0]
            .detail
            .as_deref()
            .map(|detail| serde_json::from_str::<serde_json::Value>(detail).expect("a JSON object"));
        let expected = toggle.agent_id.as_ref().map(|id| serde_json::json!({ "agentId": id.as_str() }));
        assert_eq!(detail, expected);
        let action = if is_enabled { AuditAction::NumberEnabled } else { AuditAction::NumberDisabled };
        let expected = AuditRecord {
            sequence: records[0].sequence,
            organization_id: tenant.organization.id.clone(),
            at: toggle.at,
            user_id: Some(toggle.changed_by.clone()),
            action: action.as_str().into(),
            object_id: Some(stored.phone_number.as_e164().into()),
            detail: records[0].detail.clone(),
        };
        assert_eq!(records[0], expected);
    }
    assert_eq!(audited(harness, &tenant.organization.id).await.len(), 3);
    let held = hold(harness, &stored).await;
    assert_eq!(held.number, stored);
}

/// The other numbers of the user, and the same number of another organization, stay as they are.
pub async fn no_other_number_is_changed(harness: &impl AiNumbersHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let (shared, second) = (shared(&ours, &theirs), number(&ours.user, 7));
    harness.store(&[record(&shared), DirectoryRecord::Number(second.clone())]).await;
    let held = hold(harness, &ours.number.number).await;
    let toggle = toggle(&held, false);
    assert_eq!(harness.ai_numbers().store(&toggle).await, Ok(StoreToggleResult::Stored));
    let changed = NumberRecord { number: after(&ours.number.number, &toggle), ..ours.number.clone() };
    let mut expected = vec![changed, second];
    expected.sort_by_key(|record| record.number.phone_number.clone());
    assert_eq!(numbers(harness, &ours.organization.id).await, expected);
    let mut expected = vec![NumberRecord { number: shared, position: 0 }, theirs.number.clone()];
    expected.sort_by_key(|record| record.number.phone_number.clone());
    assert_eq!(numbers(harness, &theirs.organization.id).await, expected);
}

/// An import knows no agents of numbers.
pub async fn an_import_keeps_the_agent_of_a_number(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let stored = &tenant.number.number;
    let toggle = toggle(&hold(harness, stored).await, true);
    assert_eq!(harness.ai_numbers().store(&toggle).await, Ok(StoreToggleResult::Stored));
    harness.store(&[record(stored)]).await;
    let held = hold(harness, stored).await;
    assert_eq!((held.number, held.agent_id), (stored.clone(), toggle.agent_id));
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the request.
pub async fn lost_ai_numbers_are_unavailable(harness: &impl AiNumbersHarness) {
    let tenant = tenant(harness).await;
    let stored = &tenant.number.number;
    let (port, held) = (harness.ai_numbers(), hold(harness, stored).await);
    let toggle = toggle(&held, true);
    let agent_id = toggle.agent_id.as_ref().expect("it is enabled");
    let private = [tenant.organization.id.as_str(), stored.phone_number.as_e164(), agent_id.as_str()];
    harness.lose().await;
    unavailable_within(LOST_DATABASE_BOUND, port.hold(&of_user(stored), MINUTE), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, port.store(&toggle), &private).await;
    let released = port.release(&stored.phone_number, held.hold);
    unavailable_within(LOST_DATABASE_BOUND, released, &private).await;
}

/// A new tenant in the store.
async fn tenant(harness: &impl AiNumbersHarness) -> Tenant {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    tenant
}

/// The number of `ours` as a number of `theirs`.
fn shared(ours: &Tenant, theirs: &Tenant) -> CallerNumber {
    let phone_number = ours.number.number.phone_number.clone();
    CallerNumber { phone_number, ..theirs.number.number.clone() }
}

fn record(number: &CallerNumber) -> DirectoryRecord {
    DirectoryRecord::Number(NumberRecord { number: number.clone(), position: 0 })
}

fn of_user(number: &CallerNumber) -> NumberOfUser {
    NumberOfUser {
        organization_id: number.organization_id.clone(),
        user_id: number.user_id.clone(),
        phone_number: number.phone_number.clone(),
    }
}

async fn hold(harness: &impl AiNumbersHarness, number: &CallerNumber) -> HeldNumber {
    match harness.ai_numbers().hold(&of_user(number), MINUTE).await {
        Ok(HoldNumber::Held(held)) => *held,
        result => panic!("the number is free, and not {result:?}"),
    }
}

/// A change of a number that is held. With an agent if it is enabled.
fn toggle(held: &HeldNumber, ai_enabled: bool) -> NumberToggle {
    NumberToggle {
        organization_id: held.number.organization_id.clone(),
        phone_number: held.number.phone_number.clone(),
        ai_enabled,
        on_trunk: !held.number.on_trunk,
        provider_number_id: ai_enabled.then(provider_number_id),
        agent_id: ai_enabled.then(agent_id),
        changed_by: UserId::parse("a \"superadmin\"").expect("an id may be any text"),
        at: moment(),
        hold: held.hold,
    }
}

fn after(number: &CallerNumber, toggle: &NumberToggle) -> CallerNumber {
    CallerNumber {
        ai_enabled: toggle.ai_enabled,
        on_trunk: toggle.on_trunk,
        provider_number_id: toggle.provider_number_id.clone(),
        ..number.clone()
    }
}

/// The numbers of an organization, in the order of the numbers.
async fn numbers(harness: &impl AiNumbersHarness, organization_id: &OrganizationId) -> Vec<NumberRecord> {
    let (port, mut numbers) = (harness.provisioning(), Vec::<NumberRecord>::new());
    loop {
        let last = numbers.last().map(|it| &it.number);
        let after = last.map(|it| (it.organization_id.clone(), it.phone_number.clone()));
        let page = port.numbers(after, 500).await.expect("store is up");
        if page.is_empty() {
            numbers.retain(|it| it.number.organization_id == *organization_id);
            return numbers;
        }
        numbers.extend(page);
    }
}
