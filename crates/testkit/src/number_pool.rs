//! The suite of [`NumberPool`](domain::ports::NumberPool).

use domain::ports::{CallerNumberChoice, CallerNumberQuery, Recipient};
use domain::{CallerNumber, Carrier, ContactRecord, DirectoryRecord, NumberRecord, PhoneNumber, UserRecord};

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{SERVED_CARRIERS, Tenant, contact, contact_id, number, phone_number, user};
use crate::harness::NumberPoolHarness;

suite! {
    $ number_pool_suite of number_pool:
    a_number_is_loaded_as_it_was_saved,
    the_default_number_is_the_first_that_serves_ai_calls,
    the_nearest_number_is_returned_if_none_serves,
    the_other_numbers_follow_in_their_order,
    the_requested_number_is_answered_as_it_is,
    another_users_number_is_absent,
    another_tenants_number_is_absent,
    an_own_number_is_recognized_by_number,
    an_own_number_is_recognized_by_contact,
    another_tenants_number_is_not_our_own,
    the_organizations_numbers_are_listed_if_asked,
    a_lost_number_store_is_unavailable,
}

/// A number is loaded with every field, each carrier, each flag set or not.
pub async fn a_number_is_loaded_as_it_was_saved(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    for saved in variants(&tenant.user) {
        harness.store(&[DirectoryRecord::Number(saved.clone())]).await;
        let answer = choose(harness, &tenant.user, Some(&saved.number.phone_number)).await;
        assert_eq!(answer.caller, Some(saved.number));
    }
}

/// The default is the user's first number by position that is enabled for AI calls and has one of
/// the carriers of the query, on the trunk or not. A user without numbers has no default.
pub async fn the_default_number_is_the_first_that_serves_ai_calls(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    let (alone, rich) = (user(&tenant.organization.id), user(&tenant.organization.id));
    harness.store(&tenant.records()).await;
    harness.store(&[DirectoryRecord::User(alone.clone()), DirectoryRecord::User(rich.clone())]).await;
    let at = |position, change: fn(&mut CallerNumber)| {
        let mut record = number(&rich, position);
        change(&mut record.number);
        record
    };
    let first = at(30, |number| number.on_trunk = false);
    let other = at(40, |number| number.carrier = Carrier::named("telnyx"));
    let stored = [
        at(2_000_000_000, |_| ()),
        at(200, |_| ()),
        at(0, |number| number.ai_enabled = false),
        at(1, |number| number.carrier = Carrier::named("twilio")),
        at(2, |number| number.carrier = Carrier::named("textgrid")),
        first.clone(),
        at(31, |_| ()),
        other.clone(),
    ];
    harness.store(&stored.map(DirectoryRecord::Number)).await;
    assert_eq!(choose(harness, &rich, None).await.caller, Some(first.number));
    assert_eq!(choose(harness, &alone, None).await.caller, None);
    let others = [Carrier::named("unused"), other.number.carrier.clone()];
    assert_eq!(default_of(harness, &rich, &others).await, Some(other.number), "other carriers serve");
}

/// If no number of the user serves AI calls, the first one that is enabled for them is returned, or
/// else the first one.
pub async fn the_nearest_number_is_returned_if_none_serves(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    let colleague = user(&tenant.organization.id);
    harness.store(&tenant.records()).await;
    harness.store(&[DirectoryRecord::User(colleague.clone())]).await;
    let mut numbers = [number(&colleague, 7), number(&colleague, 8), number(&colleague, 9)];
    numbers[0].number.ai_enabled = false;
    harness.store(&numbers.clone().map(DirectoryRecord::Number)).await;
    let nearest = async |carriers| default_of(harness, &colleague, carriers).await;
    assert_eq!(nearest(&[]).await.as_ref(), Some(&numbers[1].number), "no carrier serves");
    for record in &mut numbers {
        record.number.ai_enabled = false;
    }
    harness.store(&numbers.clone().map(DirectoryRecord::Number)).await;
    assert_eq!(nearest(&[]).await.as_ref(), Some(&numbers[0].number));
    assert_eq!(nearest(SERVED_CARRIERS).await.as_ref(), Some(&numbers[0].number));
}

/// The other numbers come in the order in which they would be chosen, up to a limit: those that serve AI
/// calls first, then by position. There is none beside a requested number, and none of a colleague.
pub async fn the_other_numbers_follow_in_their_order(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    let rich = user(&tenant.organization.id);
    harness.store(&tenant.records()).await;
    harness.store(&[DirectoryRecord::User(rich.clone())]).await;
    let mut numbers: Vec<_> = (0..70).map(|position| number(&rich, position)).collect();
    numbers[0].number.ai_enabled = false;
    numbers[1].number.carrier = Carrier::named("unused");
    numbers[2].number.on_trunk = false;
    numbers[3].number.provider_number_id = None;
    let first: Vec<_> = numbers[..6].iter().rev().cloned().map(DirectoryRecord::Number).collect();
    harness.store(&first).await;
    let chosen = choose(harness, &rich, None).await;
    let all: Vec<_> = chosen.caller.into_iter().chain(chosen.others).collect();
    let expected = [2, 3, 4, 5, 1, 0].map(|at: usize| numbers[at].number.clone());
    assert_eq!(all, expected);
    let requested = choose(harness, &rich, Some(&numbers[0].number.phone_number)).await;
    assert_eq!((requested.caller.as_ref(), requested.others), (Some(&numbers[0].number), Vec::new()));

    harness.store(&numbers[6..].iter().cloned().map(DirectoryRecord::Number).collect::<Vec<_>>()).await;
    let limit = CallerNumberChoice::MAX_OTHERS as usize;
    let chosen = choose(harness, &rich, None).await;
    let expected: Vec<_> = numbers[3..=limit + 2].iter().map(|record| record.number.clone()).collect();
    assert_eq!((chosen.caller, chosen.others), (Some(numbers[2].number.clone()), expected));
}

/// A requested number is returned unchanged, also if it serves no AI calls and another number does.
pub async fn the_requested_number_is_answered_as_it_is(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let mut silent = number(&tenant.user, 9);
    silent.number.ai_enabled = false;
    silent.number.carrier = Carrier::named("textgrid");
    harness.store(&[DirectoryRecord::Number(silent.clone())]).await;
    let asked = choose(harness, &tenant.user, Some(&silent.number.phone_number)).await;
    assert_eq!(asked.caller, Some(silent.number));
    let unknown = choose(harness, &tenant.user, Some(&phone_number())).await;
    assert_eq!(unknown.caller, None, "an unknown number is not replaced by another");
}

/// Another user's number of the same organization can neither be requested nor be the default.
pub async fn another_users_number_is_absent(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    let colleague = user(&tenant.organization.id);
    harness.store(&tenant.records()).await;
    harness.store(&[DirectoryRecord::User(colleague.clone())]).await;
    let asked = choose(harness, &colleague, Some(&tenant.number.number.phone_number)).await;
    assert_eq!(asked.caller, None);
    assert_eq!(choose(harness, &colleague, None).await.caller, None);
}

/// Another tenant's number can neither be requested nor be the default, also if the query names
/// that tenant's user.
pub async fn another_tenants_number_is_absent(harness: &impl NumberPoolHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&[ours.records(), theirs.records()].concat()).await;
    let their_number = &theirs.number.number.phone_number;
    let asked = choose(harness, &ours.user, Some(their_number)).await;
    assert_eq!(asked.caller, None);
    let crossed = UserRecord { organization_id: ours.organization.id, ..theirs.user };
    assert_eq!(choose(harness, &crossed, Some(their_number)).await.caller, None);
    assert_eq!(choose(harness, &crossed, None).await.caller, None);
}

/// A recipient given by number is the organization itself if any of its users has that number,
/// whatever the number serves.
pub async fn an_own_number_is_recognized_by_number(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    let colleague = user(&tenant.organization.id);
    harness.store(&tenant.records()).await;
    harness.store(&[DirectoryRecord::User(colleague.clone())]).await;
    for own in variants(&colleague) {
        harness.store(&[DirectoryRecord::Number(own.clone())]).await;
        assert!(is_own(harness, &tenant.user, Recipient::Number(&own.number.phone_number)).await);
    }
    assert!(!is_own(harness, &tenant.user, Recipient::Number(&phone_number())).await);
}

/// A recipient given by contact is the organization itself if the contact's stored number is one of
/// its numbers.
pub async fn an_own_number_is_recognized_by_contact(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    let colleague = user(&tenant.organization.id);
    let own = number(&colleague, 0);
    let ourselves = with_number(&tenant, Some(own.number.phone_number.clone()));
    let unreachable = with_number(&tenant, None);
    harness.store(&tenant.records()).await;
    harness
        .store(&[
            DirectoryRecord::User(colleague),
            DirectoryRecord::Number(own),
            DirectoryRecord::Contact(ourselves.clone()),
            DirectoryRecord::Contact(unreachable.clone()),
        ])
        .await;
    let id = |record: &ContactRecord| crate::fixtures::stored_contact(record).id;
    assert!(is_own(harness, &tenant.user, Recipient::Contact(&id(&ourselves))).await);
    for somebody_else in [id(&unreachable), tenant.contact_id(), contact_id()] {
        assert!(!is_own(harness, &tenant.user, Recipient::Contact(&somebody_else)).await);
    }
}

/// A recipient at another tenant's number is not the organization itself. Another tenant's contact
/// is no recipient.
pub async fn another_tenants_number_is_not_our_own(harness: &impl NumberPoolHarness) {
    let (ours, mut theirs) = (Tenant::new(), Tenant::new());
    let (our_number, their_number) = (&ours.number.number.phone_number, &theirs.number.number.phone_number);
    theirs.contact.phone_number = Some(our_number.clone());
    let our_contact = with_number(&ours, Some(their_number.clone()));
    harness.store(&[ours.records(), theirs.records()].concat()).await;
    harness.store(&[DirectoryRecord::Contact(our_contact.clone())]).await;
    let our_contact = crate::fixtures::stored_contact(&our_contact).id;
    let recipients = [
        Recipient::Number(their_number),
        Recipient::Contact(&our_contact),
        Recipient::Contact(&theirs.contact_id()),
    ];
    for recipient in recipients {
        assert!(!is_own(harness, &ours.user, recipient).await, "{recipient:?}");
    }
}

/// All numbers of the organization are listed, those of every user and with every flag and carrier,
/// if the query asks for them. An organization without numbers has none, and another one's are not
/// listed.
pub async fn the_organizations_numbers_are_listed_if_asked(harness: &impl NumberPoolHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    let colleague = user(&ours.organization.id);
    harness.store(&ours.records()).await;
    harness.store(&theirs.records()).await;
    harness.store(&[DirectoryRecord::User(colleague.clone())]).await;
    let mut expected = vec![ours.number.number.phone_number.clone()];
    for record in variants(&colleague) {
        expected.push(record.number.phone_number.clone());
        harness.store(&[DirectoryRecord::Number(record)]).await;
    }
    expected.sort();
    let stranger = phone_number();
    for requested in [None, Some(&stranger)] {
        let asked = CallerNumberQuery {
            list_numbers: true,
            ..query(&ours.user, requested, Recipient::Number(&stranger))
        };
        let choice = harness.numbers().choose(&asked).await.expect("store is up");
        let mut listed = choice.organization_numbers;
        listed.sort();
        assert_eq!(listed, expected);
    }
    assert_eq!(choose(harness, &ours.user, None).await.organization_numbers, []);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number or
/// an id.
pub async fn a_lost_number_store_is_unavailable(harness: &impl NumberPoolHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (numbers, requested, recipient) = (harness.numbers(), phone_number(), phone_number());
    harness.lose().await;
    let query = query(&tenant.user, Some(&requested), Recipient::Number(&recipient));
    let private = [requested.as_e164(), recipient.as_e164(), tenant.user.id.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, numbers.choose(&query), &private).await;
}

const fn query<'a>(
    user: &'a UserRecord,
    requested: Option<&'a PhoneNumber>,
    recipient: Recipient<'a>,
) -> CallerNumberQuery<'a> {
    CallerNumberQuery {
        organization_id: &user.organization_id,
        user_id: &user.id,
        requested,
        carriers: SERVED_CARRIERS,
        recipient,
        list_numbers: false,
    }
}

async fn choose(
    harness: &impl NumberPoolHarness,
    user: &UserRecord,
    requested: Option<&PhoneNumber>,
) -> CallerNumberChoice {
    let stranger = phone_number();
    let query = query(user, requested, Recipient::Number(&stranger));
    harness.numbers().choose(&query).await.expect("store is up")
}

/// The user's default number for a provider that serves these carriers.
async fn default_of(
    harness: &impl NumberPoolHarness,
    user: &UserRecord,
    carriers: &[Carrier],
) -> Option<CallerNumber> {
    let stranger = phone_number();
    let query = CallerNumberQuery { carriers, ..query(user, None, Recipient::Number(&stranger)) };
    harness.numbers().choose(&query).await.expect("store is up").caller
}

/// The user's default number.
pub(crate) async fn default_number(
    harness: &impl NumberPoolHarness,
    user: &UserRecord,
) -> Option<CallerNumber> {
    choose(harness, user, None).await.caller
}

/// Whether the recipient is the organization itself, with and without a requested number.
async fn is_own(harness: &impl NumberPoolHarness, user: &UserRecord, recipient: Recipient<'_>) -> bool {
    let (numbers, unknown) = (harness.numbers(), phone_number());
    let answers = [
        numbers.choose(&query(user, None, recipient)).await.expect("store is up"),
        numbers.choose(&query(user, Some(&unknown), recipient)).await.expect("store is up"),
    ];
    let [by_default, by_request] = answers.map(|answer| answer.recipient_is_own_number);
    assert_eq!(by_default, by_request, "the recipient does not depend on the requested number");
    by_default
}

fn with_number(tenant: &Tenant, phone_number: Option<PhoneNumber>) -> ContactRecord {
    ContactRecord { phone_number, ..contact(&tenant.organization.id) }
}

/// Numbers of this user, by and by with each field at each of its kinds of values.
fn variants(user: &UserRecord) -> Vec<NumberRecord> {
    let change = |place: usize, record: &mut NumberRecord| {
        let number = &mut record.number;
        match place {
            0 => {}
            1 => number.ai_enabled = false,
            2 => number.on_trunk = false,
            3 => number.provider_number_id = None,
            4 => number.carrier = Carrier::named("twilio"),
            _ => number.carrier = Carrier::named("textgrid"),
        }
    };
    let variant = |place: usize| {
        let mut record = number(user, 10 + u32::try_from(place).expect("there are six"));
        change(place, &mut record);
        record
    };
    (0..6).map(variant).collect()
}
