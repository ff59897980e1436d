//! The suite of [`WebhookSender`].

mod addresses;
mod responses;

use std::time::Duration;

use domain::ports::{SendOutcome, UrlRefusal, WebhookSender};
use domain::{DeliveryFailure, DueDelivery, Timestamp, WebhookUrl};

use crate::fixtures::due_delivery;
use crate::harness::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};

pub use addresses::{
    a_name_is_resolved_once_for_each_connection, a_name_that_changes_after_its_check_is_refused,
    a_name_with_a_private_address_is_refused, a_name_without_addresses_is_unresolved,
    a_private_address_is_refused_in_every_notation, an_unencrypted_url_is_refused,
    an_unusable_url_is_refused,
};
pub use responses::{
    a_delivery_is_signed_with_every_secret, a_redirect_is_not_followed, a_requested_pause_is_returned,
    a_response_body_is_not_read, a_slow_receiver_times_out, a_test_event_is_sent_like_a_delivery,
    an_attempt_is_one_request, an_unreachable_receiver_has_failed, only_a_success_status_is_accepted,
};

suite! {
    $ webhook_sender_suite of webhook_sender:
    a_delivery_is_signed_with_every_secret,
    an_attempt_is_one_request,
    a_test_event_is_sent_like_a_delivery,
    a_redirect_is_not_followed,
    only_a_success_status_is_accepted,
    a_requested_pause_is_returned,
    a_slow_receiver_times_out,
    an_unreachable_receiver_has_failed,
    a_response_body_is_not_read,
    an_unencrypted_url_is_refused,
    an_unusable_url_is_refused,
    a_private_address_is_refused_in_every_notation,
    a_name_with_a_private_address_is_refused,
    a_name_that_changes_after_its_check_is_refused,
    a_name_is_resolved_once_for_each_connection,
    a_name_without_addresses_is_unresolved,
}

const NOW: Timestamp = Timestamp::from_unix_millis(1_760_000_000_900);
/// How much longer than its limit an attempt may take on a busy machine.
const MARGIN: Duration = Duration::from_secs(2);

fn url(text: &str) -> WebhookUrl {
    WebhookUrl::parse(text).expect("a URL")
}

const fn failed(failure: DeliveryFailure) -> SendOutcome {
    SendOutcome::Failed { failure, retry_after: None }
}

/// Sends an event to a receiver on the loopback.
async fn send(harness: &impl WebhookSenderHarness, to: &str) -> SendOutcome {
    send_delivery(harness, &due_delivery(url(to))).await
}

async fn send_delivery(harness: &impl WebhookSenderHarness, delivery: &DueDelivery) -> SendOutcome {
    let names = ScriptedNames::resolving_to(&[&["127.0.0.1"]]);
    let sender = harness.sender(AllowedReceivers::Any, &names);
    let limit = harness.attempt_limit() + MARGIN;
    tokio::time::timeout(limit, sender.send(delivery, NOW)).await.expect("an attempt has a time limit")
}

/// Checks a URL and sends to it in spite of the result.
async fn check_and_send(sender: &dyn WebhookSender, to: &str) -> (Result<(), UrlRefusal>, SendOutcome) {
    (sender.check(&url(to)).await, sender.send(&due_delivery(url(to)), NOW).await)
}
