//! The suite of [`CallReader`](domain::ports::CallReader).

use std::time::Duration;

use domain::ports::{HistoryPage, HistoryQuery, Total};
use domain::{
    Booking, BookingConditions, CallIdentity, CallRecord, CallStatus, CallUpdate, ContactIdentity,
    DialOutcome, DirectoryRecord, DynamicVariables, HistoryFilter, NotDialled, NotDialledReason,
    OrganizationId, UpdateContent,
};

use crate::call_ledger::booking::{book, tenant};
use crate::call_updates::{
    booked, conversation, dialled_record, everything, find, given_up, merge, outcomes, record, settle,
    settled_at,
};
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{
    Tenant, agent, call_id, contact, long_contact_id, moment, name, provider_reference, user,
};
use crate::harness::CallsHarness;

suite! {
    $ call_reader_suite of call_reader:
    a_booked_call_is_read,
    another_tenants_call_is_absent,
    history_is_filtered_and_paged,
    matches_are_counted_up_to_a_limit,
    history_is_the_tenants_own,
    the_outcome_of_the_dial_is_read,
    a_given_up_call_is_listed_as_unknown,
    a_lost_call_reader_is_unavailable,
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(120);

/// A booked call is read with its user and its contact, with every field, with and without the
/// optional ones.
pub async fn a_booked_call_is_read(harness: &impl CallsHarness) {
    let whole = tenant(harness).await;
    let mut nameless = Tenant::new();
    (nameless.contact.first_name, nameless.contact.last_name) = (None, None);
    nameless.contact.identity = ContactIdentity::Known(long_contact_id());
    harness.store(&nameless.records()).await;
    for tenant in [whole, nameless] {
        let whole = tenant.booking(LONG);
        let variables = DynamicVariables::default();
        let conditions = BookingConditions::default();
        let bare = Booking { reason: None, variables, metadata: None, conditions, ..tenant.booking(LONG) };
        for booking in [whole, bare] {
            book(harness, &booking).await;
            let read = find(harness, &booking).await;
            let expected = record(&tenant, &booking, booked());
            assert!(read == expected, "booked {booking:?}, in the ledger is {read:?}");
        }
    }
}

/// Neither another tenant's call nor a call that was never booked is found.
pub async fn another_tenants_call_is_absent(harness: &impl CallsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let booking = theirs.booking(LONG);
    book(harness, &booking).await;
    for id in [&booking.identity.call_id, &call_id()] {
        let found = harness.reader().find(&ours.organization.id, id).await;
        assert_eq!(found.expect("store is up"), None);
    }
    assert_eq!(find(harness, &booking).await.identity.call_id, booking.identity.call_id);
}

/// The newest calls come first, and of one time those with the greater id, without their
/// transcripts, the lists of the analysis and their decisions. Filters apply alone and together. The total counts all matches, whatever the page.
pub async fn history_is_filtered_and_paged(harness: &impl CallsHarness) {
    let (tenant, expected) = past(harness).await;
    let HistoryQuery { organization_id, filter: all, .. } = everything(&tenant);
    let total = expected.len();
    assert!(
        page(harness, &organization_id, &all).await.calls == expected,
        "the newest first, with every update"
    );

    let cursor = |last: &CallRecord| Some((last.booked_at, last.identity.call_id.clone()));
    let pages = [
        (HistoryFilter { limit: 3, ..all.clone() }, &expected[..3]),
        (HistoryFilter { limit: 3, offset: 3, ..all.clone() }, &expected[3..6]),
        (HistoryFilter { limit: 3, offset: 7, ..all.clone() }, &expected[7..]),
        (HistoryFilter { offset: 200, ..all.clone() }, &[]),
        // These two were booked at the same time.
        (HistoryFilter { limit: 3, before: cursor(&expected[3]), ..all.clone() }, &expected[4..7]),
        (HistoryFilter { before: cursor(&expected[7]), ..all.clone() }, &[]),
    ];
    for (filter, calls) in pages {
        let page = page(harness, &organization_id, &filter).await;
        assert!(page.calls == calls, "{filter:?} gives {:?}", ids(&page.calls));
        assert_eq!(page.total, exactly(total), "the total does not depend on the page");
    }

    let (user, contact) = (&expected[0].identity.user_id, &expected[0].contact.id);
    let (agent, to) = (&expected[0].identity.agent_id, &expected[0].identity.to);
    let (newer, older) = (Some(expected[2].booked_at), Some(expected[5].booked_at));
    let both = vec![CallStatus::Completed, CallStatus::Failed];
    let filters = [
        HistoryFilter { user_id: Some(user.clone()), ..all.clone() },
        HistoryFilter { contact_id: Some(contact.clone()), ..all.clone() },
        HistoryFilter { agent_id: Some(agent.clone()), ..all.clone() },
        HistoryFilter { to: Some(to.clone()), ..all.clone() },
        HistoryFilter { statuses: vec![CallStatus::Completed], ..all.clone() },
        HistoryFilter { statuses: vec![CallStatus::Initiated], ..all.clone() },
        HistoryFilter { statuses: vec![CallStatus::Ringing], ..all.clone() },
        HistoryFilter { statuses: both.clone(), ..all.clone() },
        // From its own time on, and until before its own time.
        HistoryFilter { from: older, ..all.clone() },
        HistoryFilter { until: newer, ..all.clone() },
        HistoryFilter { from: older, until: newer, statuses: both, ..all.clone() },
        HistoryFilter { agent_id: Some(agent.clone()), to: Some(to.clone()), from: older, ..all.clone() },
        HistoryFilter { user_id: Some(user.clone()), contact_id: Some(contact.clone()), ..all.clone() },
        HistoryFilter { user_id: Some(user.clone()), statuses: vec![CallStatus::Failed], ..all.clone() },
    ];
    for filter in filters {
        let matching: Vec<CallRecord> =
            expected.iter().filter(|call| matches(&filter, call)).cloned().collect();
        assert!(matching.len() < total, "the filter excludes no call");
        let first = page(harness, &organization_id, &HistoryFilter { limit: 1, ..filter.clone() }).await;
        assert_eq!(first.total, exactly(matching.len()), "{filter:?}");
        assert!(first.calls == matching[..matching.len().min(1)], "{filter:?} gives {:?}", ids(&first.calls));
        let whole = page(harness, &organization_id, &filter).await.calls;
        assert!(whole == matching, "{filter:?} gives {:?}", ids(&whole));
    }
}

/// A count ends after one call more than the limit, whatever the page.
pub async fn matches_are_counted_up_to_a_limit(harness: &impl CallsHarness) {
    let (tenant, calls) = past(harness).await;
    for (count_up_to, total) in [(9, exactly(8)), (8, exactly(8)), (7, Total::MoreThan(7))] {
        let query = HistoryQuery { count_up_to, ..everything(&tenant) };
        let page = harness.reader().history(&query).await.expect("store is up");
        assert_eq!((page.total, ids(&page.calls)), (total, ids(&calls)), "up to {count_up_to}");
    }
}

/// No call of another tenant is listed or counted, also if the filter names its user or contact.
pub async fn history_is_the_tenants_own(harness: &impl CallsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let (our_call, their_call) = (ours.booking(LONG), theirs.booking(LONG));
    book(harness, &our_call).await;
    book(harness, &their_call).await;
    let HistoryQuery { organization_id, filter: all, .. } = everything(&ours);
    let page_of_all = page(harness, &organization_id, &all).await;
    assert_eq!(
        (ids(&page_of_all.calls), page_of_all.total),
        (vec![our_call.identity.call_id.to_string()], exactly(1))
    );
    let of_theirs = [
        HistoryFilter { user_id: Some(theirs.user.id.clone()), ..all.clone() },
        HistoryFilter { contact_id: Some(theirs.contact_id()), ..all.clone() },
        HistoryFilter { to: Some(their_call.identity.to.clone()), ..all.clone() },
    ];
    for filter in of_theirs {
        assert_eq!(
            page(harness, &organization_id, &filter).await,
            HistoryPage { calls: Vec::new(), total: exactly(0) }
        );
    }
}

/// Every outcome of a dial is read immediately, with the code of a refusal.
pub async fn the_outcome_of_the_dial_is_read(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    for outcome in outcomes() {
        let booking = tenant.booking(LONG);
        book(harness, &booking).await;
        settle(harness, &booking, &outcome).await;
        let read = find(harness, &booking).await;
        assert_eq!(read, dialled_record(&tenant, &booking, &outcome), "dialled {outcome:?}");
    }
}

/// Of the calls in progress, one is given up: the filter by status finds it as unknown. After a
/// later report it is found by the status of that.
pub async fn a_given_up_call_is_listed_as_unknown(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let (lost, running) = (tenant.booking(LONG), tenant.booking(LONG));
    for booking in [&lost, &running] {
        book(harness, booking).await;
        settle(harness, booking, &DialOutcome::Placed(provider_reference())).await;
    }
    merge(harness, &lost, &given_up()).await;
    let progress = find(harness, &lost).await.progress;
    assert_eq!(progress.status, Some(CallStatus::InProgress), "the stored status stays");
    let HistoryQuery { organization_id, filter: all, .. } = everything(&tenant);
    let (lost_id, running_id) = (&lost.identity.call_id, &running.identity.call_id);
    let completed = conversation(CallStatus::Completed);
    for (update, shown) in [(given_up(), CallStatus::Unknown), (completed, CallStatus::Completed)] {
        merge(harness, &lost, &update).await;
        for status in CallStatus::ALL {
            let filter = HistoryFilter { statuses: vec![status], ..all.clone() };
            let page = page(harness, &organization_id, &filter).await;
            let of_lost = Some(lost_id.to_string()).filter(|_| status == shown);
            let of_running = Some(running_id.to_string()).filter(|_| status == CallStatus::InProgress);
            let expected: Vec<String> = of_lost.into_iter().chain(of_running).collect();
            assert_eq!(ids(&page.calls), expected, "{status:?}");
            assert_eq!(page.total, exactly(expected.len()), "{status:?}");
        }
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number or
/// a name.
pub async fn a_lost_call_reader_is_unavailable(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let (reader, booking) = (harness.reader(), tenant.booking(LONG));
    book(harness, &booking).await;
    harness.lose().await;
    let CallIdentity { organization_id, call_id, from, to, .. } = &booking.identity;
    let private = [from.as_e164(), to.as_e164(), tenant.user.full_name.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, reader.find(organization_id, call_id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, reader.history(&everything(&tenant)), &private).await;
}

/// A tenant with eight calls of two users and two contacts in different states, and its expected
/// history.
async fn past(harness: &impl CallsHarness) -> (Tenant, Vec<CallRecord>) {
    let tenant = tenant(harness).await;
    let mut colleague = tenant.clone();
    colleague.user = user(&tenant.organization.id);
    colleague.user.full_name = name("Åse 2");
    colleague.contact = contact(&tenant.organization.id);
    colleague.agent = agent(&tenant.organization.id);
    let records = [
        DirectoryRecord::User(colleague.user.clone()),
        DirectoryRecord::Contact(colleague.contact.clone()),
        DirectoryRecord::Agent(colleague.agent.clone()),
    ];
    harness.store(&records).await;
    let mixed = Tenant { contact: colleague.contact.clone(), ..tenant.clone() };

    let unreached = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let withdrawn = DialOutcome::NotDialled(NotDialledReason::Withdrawn);
    let completed = conversation(CallStatus::Completed);
    let mut history = Vec::new();
    // Seconds between the first booking and this one: not in order, and two at the same time.
    let calls = [(&tenant, 6), (&colleague, 0), (&mixed, 5), (&tenant, 4), (&colleague, 4), (&mixed, 7)];
    for (index, (caller, secs)) in calls.into_iter().chain([(&colleague, 1), (&tenant, 2)]).enumerate() {
        let booked_at = moment().after(Duration::from_secs(secs));
        let booking = Booking { booked_at, ..caller.booking(LONG) };
        book(harness, &booking).await;
        let (mut progress, mut not_dialled) = (booked(), None);
        match index % 4 {
            0 => {
                let undialled = if index == 0 { &unreached } else { &withdrawn };
                settle(harness, &booking, undialled).await;
                progress.status = Some(CallStatus::Failed);
                not_dialled = NotDialled::of_dial(undialled, settled_at());
            }
            1 | 2 => {
                merge(harness, &booking, &completed).await;
                progress.merge(&without_transcript(&completed));
            }
            _ => {}
        }
        history.push(CallRecord { not_dialled, decision: None, ..record(caller, &booking, progress) });
    }
    history.sort_by(|a, b| (b.booked_at, &b.identity.call_id).cmp(&(a.booked_at, &a.identity.call_id)));
    (tenant, history)
}

fn without_transcript(update: &CallUpdate) -> CallUpdate {
    let mut update = update.clone();
    if let UpdateContent::Conversation(conversation) = &mut update.content {
        *conversation = conversation.in_short();
    }
    update
}

fn matches(filter: &HistoryFilter, call: &CallRecord) -> bool {
    filter.user_id.as_ref().is_none_or(|id| *id == call.identity.user_id)
        && filter.contact_id.as_ref().is_none_or(|id| *id == call.contact.id)
        && filter.agent_id.as_ref().is_none_or(|id| *id == call.identity.agent_id)
        && filter.to.as_ref().is_none_or(|number| *number == call.identity.to)
        && filter.from.is_none_or(|from| call.booked_at >= from)
        && filter.until.is_none_or(|until| call.booked_at < until)
        && (filter.statuses.is_empty()
            || call.progress.status.is_some_and(|status| filter.statuses.contains(&status)))
}

fn exactly(calls: usize) -> Total {
    Total::Exactly(u32::try_from(calls).expect("a few"))
}

async fn page(
    harness: &impl CallsHarness,
    organization_id: &OrganizationId,
    filter: &HistoryFilter,
) -> HistoryPage {
    let query = HistoryQuery {
        organization_id: organization_id.clone(),
        filter: filter.clone(),
        count_up_to: 10_000,
    };
    harness.reader().history(&query).await.expect("store is up")
}

fn ids(calls: &[CallRecord]) -> Vec<String> {
    calls.iter().map(|call| call.identity.call_id.to_string()).collect()
}
