use std::time::Duration;

use domain::ports::{HistoryPage, HistoryQuery};
use domain::{
    Booking, CallRecord, CallStatus, CallUpdate, ContactIdentity, DialOutcome, DirectoryRecord,
    NotDialledReason, UpdateContent,
};

use super::LONG;
use super::updates::{booked, conversation, everything, find, merge, record, settle};
use crate::call_ledger::books::{book, tenant};
use crate::fixtures::{Tenant, call_id, contact, long_contact_id, moment, name, user};
use crate::harness::CallBooksHarness;

/// A booked call is read with its user and its contact, every field, with and without what may be lacking.
pub async fn a_booked_call_is_read(harness: &impl CallBooksHarness) {
    let whole = tenant(harness).await;
    let mut nameless = Tenant::new();
    (nameless.contact.first_name, nameless.contact.last_name) = (None, None);
    nameless.contact.identity = ContactIdentity::Known(long_contact_id());
    harness.store(&nameless.records()).await;
    for tenant in [whole, nameless] {
        for booking in [tenant.booking(LONG), Booking { reason: None, ..tenant.booking(LONG) }] {
            book(harness, &booking).await;
            let read = find(harness, &booking).await;
            let expected = record(&tenant, &booking, booked());
            assert!(read == expected, "booked {booking:?}, in the books is {read:?}");
        }
    }
}

/// A call of another tenant is not there, and neither is one that nobody booked.
pub async fn another_tenants_call_is_absent(harness: &impl CallBooksHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let booking = theirs.booking(LONG);
    book(harness, &booking).await;
    for id in [&booking.call_id, &call_id()] {
        let found = harness.books().find(&ours.organization.id, id).await;
        assert_eq!(found.expect("store is up"), None);
    }
    assert_eq!(find(harness, &booking).await.call_id, booking.call_id);
}

/// The newest calls come first, of one moment those with the greater id, without their transcripts; filters narrow them
/// down, alone and together; and whatever the page is, the number is that of all that match.
pub async fn history_is_filtered_and_paged(harness: &impl CallBooksHarness) {
    let (tenant, expected) = past(harness).await;
    let all = everything(&tenant);
    let total = expected.len();
    assert!(page(harness, &all).await.calls == expected, "the newest first, each as it was told");

    let cursor = |last: &CallRecord| Some((last.booked_at, last.call_id.clone()));
    let pages = [
        (HistoryQuery { limit: 3, ..all.clone() }, &expected[..3]),
        (HistoryQuery { limit: 3, offset: 3, ..all.clone() }, &expected[3..6]),
        (HistoryQuery { limit: 3, offset: 7, ..all.clone() }, &expected[7..]),
        (HistoryQuery { offset: 200, ..all.clone() }, &[]),
        // These two were booked in one moment.
        (HistoryQuery { limit: 3, before: cursor(&expected[3]), ..all.clone() }, &expected[4..7]),
        (HistoryQuery { before: cursor(&expected[7]), ..all.clone() }, &[]),
    ];
    for (query, calls) in pages {
        let page = page(harness, &query).await;
        assert!(page.calls == calls, "{query:?} gives {:?}", ids(&page.calls));
        assert_eq!(page.total, u64::try_from(total).expect("a few"), "the total does not depend on the page");
    }

    let (user, contact) = (&expected[0].user_id, &expected[0].contact.id);
    let filters = [
        HistoryQuery { user_id: Some(user.clone()), ..all.clone() },
        HistoryQuery { contact_id: Some(contact.clone()), ..all.clone() },
        HistoryQuery { status: Some(CallStatus::Completed), ..all.clone() },
        HistoryQuery { status: Some(CallStatus::Initiated), ..all.clone() },
        HistoryQuery { status: Some(CallStatus::Ringing), ..all.clone() },
        HistoryQuery { user_id: Some(user.clone()), contact_id: Some(contact.clone()), ..all.clone() },
        HistoryQuery { user_id: Some(user.clone()), status: Some(CallStatus::Failed), ..all.clone() },
    ];
    for query in filters {
        let matching: Vec<CallRecord> =
            expected.iter().filter(|call| matches(&query, call)).cloned().collect();
        assert!(matching.len() < total, "a filter that filters nothing shows nothing");
        let page = page(harness, &HistoryQuery { limit: 1, ..query.clone() }).await;
        assert_eq!(page.total, u64::try_from(matching.len()).expect("a few"), "{query:?}");
        assert!(page.calls == matching[..matching.len().min(1)], "{query:?} gives {:?}", ids(&page.calls));
        let whole = harness.books().history(&query).await.expect("store is up").calls;
        assert!(whole == matching, "{query:?} gives {:?}", ids(&whole));
    }
}

/// Nothing of another tenant is listed or counted, whoever is asked for.
pub async fn history_is_the_tenants_own(harness: &impl CallBooksHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let (our_call, their_call) = (ours.booking(LONG), theirs.booking(LONG));
    book(harness, &our_call).await;
    book(harness, &their_call).await;
    let all = everything(&ours);
    let page_of_all = page(harness, &all).await;
    assert_eq!((ids(&page_of_all.calls), page_of_all.total), (vec![our_call.call_id.to_string()], 1));
    let of_theirs = [
        HistoryQuery { user_id: Some(theirs.user.id.clone()), ..all.clone() },
        HistoryQuery { contact_id: Some(theirs.contact_id()), ..all },
    ];
    for query in of_theirs {
        assert_eq!(page(harness, &query).await, HistoryPage { calls: Vec::new(), total: 0 });
    }
}

/// A tenant with eight calls of two users and two contacts that stand differently, and its history as it is to be read.
async fn past(harness: &impl CallBooksHarness) -> (Tenant, Vec<CallRecord>) {
    let tenant = tenant(harness).await;
    let mut colleague = tenant.clone();
    colleague.user = user(&tenant.organization.id);
    colleague.user.full_name = name("Åse 2");
    colleague.contact = contact(&tenant.organization.id);
    let records =
        [DirectoryRecord::User(colleague.user.clone()), DirectoryRecord::Contact(colleague.contact.clone())];
    harness.store(&records).await;
    let mixed = Tenant { contact: colleague.contact.clone(), ..tenant.clone() };

    let undialled = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let told = conversation(CallStatus::Completed);
    let mut history = Vec::new();
    // How long after the first it was booked, in seconds: not in this order, and twice in one moment.
    let calls = [(&tenant, 6), (&colleague, 0), (&mixed, 5), (&tenant, 4), (&colleague, 4), (&mixed, 7)];
    for (place, (caller, secs)) in calls.into_iter().chain([(&colleague, 1), (&tenant, 2)]).enumerate() {
        let booked_at = moment().after(Duration::from_secs(secs));
        let booking = Booking { booked_at, ..caller.booking(LONG) };
        book(harness, &booking).await;
        let mut progress = booked();
        match place % 4 {
            0 => {
                settle(harness, &booking, &undialled).await;
                progress.status = Some(CallStatus::Failed);
            }
            1 | 2 => {
                merge(harness, &booking, &told).await;
                progress.merge(&without_transcript(&told));
            }
            _ => {}
        }
        history.push(record(caller, &booking, progress));
    }
    history.sort_by(|a, b| (b.booked_at, &b.call_id).cmp(&(a.booked_at, &a.call_id)));
    (tenant, history)
}

fn without_transcript(update: &CallUpdate) -> CallUpdate {
    let mut update = update.clone();
    if let UpdateContent::Conversation(conversation) = &mut update.content {
        conversation.transcript.clear();
    }
    update
}

fn matches(query: &HistoryQuery, call: &CallRecord) -> bool {
    query.user_id.as_ref().is_none_or(|id| *id == call.user_id)
        && query.contact_id.as_ref().is_none_or(|id| *id == call.contact.id)
        && query.status.is_none_or(|status| Some(status) == call.progress.status)
}

async fn page(harness: &impl CallBooksHarness, query: &HistoryQuery) -> HistoryPage {
    harness.books().history(query).await.expect("store is up")
}

fn ids(calls: &[CallRecord]) -> Vec<String> {
    calls.iter().map(|call| call.call_id.to_string()).collect()
}
