use std::time::Duration;

use domain::ports::{HoldResult, Ownership, PortUnavailable};
use domain::{
    DialOutcome, NotConnectedReason, NotDialledReason, PlaceCallError, PlacedCall, ProviderCode, SettledCall,
    UnknownCause,
};

use crate::world::{World, call_id, earlier, provider_reference, reference, unavailable};

/// One row: what fails, what the client gets, and every write and dial in order. The steps show the
/// state of the lock (held unless released or settled) and of the reservation (held from the
/// booking unless settled as not dialled).
struct Row {
    what: &'static str,
    world: World,
    answer: Result<PlacedCall, PlaceCallError>,
    steps: &'static [&'static str],
}

const IN_FLIGHT: PlaceCallError = PlaceCallError::InFlight { retry_after: Duration::from_secs(17) };
const REMAINING: Duration = Duration::from_secs(17);

fn service_unavailable() -> Result<PlacedCall, PlaceCallError> {
    Err(PlaceCallError::ServiceUnavailable(unavailable()))
}

fn placed() -> Result<PlacedCall, PlaceCallError> {
    Ok(PlacedCall { reference: reference(), deduplicated: false, replayed: false })
}

fn earlier_call(reason: Option<NotConnectedReason>) -> SettledCall {
    match reason {
        None => SettledCall::Placed(earlier()),
        Some(reason) => SettledCall::NotConnected { reference: earlier(), reason },
    }
}

fn before_the_dial() -> Vec<Row> {
    vec![
        Row {
            what: "the lock is unavailable: fail closed, and release the key, which the failed request may hold",
            world: World { acquired: Err(unavailable()), ..World::working() },
            answer: service_unavailable(),
            steps: &["lock: acquire", "lock: release"],
        },
        Row {
            what: "the lock stays unavailable",
            world: World { acquired: Err(unavailable()), released: Err(unavailable()), ..World::working() },
            answer: service_unavailable(),
            steps: &["lock: acquire", "lock: release"],
        },
        Row {
            what: "another request holds the lock",
            world: World { acquired: Ok(HoldResult::InFlight { remaining: REMAINING }), ..World::working() },
            answer: Err(IN_FLIGHT),
            steps: &["lock: acquire"],
        },
        Row {
            what: "an earlier request placed the call",
            world: World { acquired: Ok(HoldResult::Settled(earlier_call(None))), ..World::working() },
            answer: Ok(PlacedCall { reference: earlier(), deduplicated: true, replayed: false }),
            steps: &["lock: acquire"],
        },
        Row {
            what: "an earlier request was not connected",
            world: World {
                acquired: Ok(HoldResult::Settled(earlier_call(Some(NotConnectedReason::Busy)))),
                ..World::working()
            },
            answer: Err(PlaceCallError::NotConnected {
                reference: earlier(),
                reason: NotConnectedReason::Busy,
            }),
            steps: &["lock: acquire"],
        },
        Row {
            what: "the ledger is unavailable: no dial, and lock and reservation are released",
            world: World { booked: Err(unavailable()), ..World::working() },
            answer: service_unavailable(),
            steps: &["lock: acquire", "ledger: book", "ledger: settle not-dialled", "lock: release"],
        },
        Row {
            what: "the ledger stays unavailable",
            world: World {
                booked: Err(unavailable()),
                ledger_settled: Err(unavailable()),
                ..World::working()
            },
            answer: service_unavailable(),
            steps: &[
                "lock: acquire",
                "ledger: book",
                "ledger: settle not-dialled",
                "ledger: settle not-dialled",
                "lock: release",
            ],
        },
        Row {
            what: "the lock was lost, and the reservation blocks: a call is in flight",
            world: World { booked: Ok(HoldResult::InFlight { remaining: REMAINING }), ..World::working() },
            answer: Err(IN_FLIGHT),
            steps: &["lock: acquire", "ledger: book", "lock: release"],
        },
        Row {
            what: "the lock was lost, and the reservation has the result",
            world: World { booked: Ok(HoldResult::Settled(earlier_call(None))), ..World::working() },
            answer: Ok(PlacedCall { reference: earlier(), deduplicated: true, replayed: false }),
            steps: &["lock: acquire", "ledger: book", "lock: release"],
        },
        Row {
            what: "the process was paused until the lock expired",
            world: World { pauses_for: Duration::from_secs(31), ..World::working() },
            answer: Err(PlaceCallError::ServiceUnavailable(PortUnavailable::new(
                "gateway",
                "stalled between the lock and the dial",
            ))),
            steps: &["lock: acquire", "ledger: book", "ledger: settle not-dialled", "lock: release"],
        },
    ]
}

fn outcomes() -> Vec<Row> {
    let code = ProviderCode::from_untrusted("insufficient_credits");
    let busy = NotConnectedReason::Busy;
    let rejected = |retry_after| PlaceCallError::ProviderRejected {
        call_id: call_id(),
        code: code.clone(),
        retry_after,
    };
    let for_now = |retry_after| {
        let code = code.clone();
        DialOutcome::NotDialled(NotDialledReason::RejectedForNow { code, retry_after })
    };
    let mut rows = vec![
        Row {
            what: "not connected: the result is held",
            world: World {
                outcome: DialOutcome::NotConnected {
                    reference: provider_reference(),
                    reason: busy,
                    code: None,
                },
                ..World::working()
            },
            answer: Err(PlaceCallError::NotConnected { reference: reference(), reason: busy }),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-connected", "lock: settle"],
        },
        Row {
            what: "refused by the provider: a retry may dial immediately",
            world: World {
                outcome: DialOutcome::NotDialled(NotDialledReason::Rejected(code.clone())),
                ..World::working()
            },
            answer: Err(rejected(None)),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-dialled", "lock: release"],
        },
        Row {
            what: "refused for now: the client gets the wait, and a retry may dial immediately",
            world: World { outcome: for_now(Duration::from_secs(7)), ..World::working() },
            answer: Err(rejected(Some(Duration::from_secs(7)))),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-dialled", "lock: release"],
        },
        Row {
            what: "refused for years: the wait is limited to a day",
            world: World { outcome: for_now(Duration::MAX), ..World::working() },
            answer: Err(rejected(Some(Duration::from_hours(24)))),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-dialled", "lock: release"],
        },
        Row {
            what: "the provider is not reached: a retry may dial immediately",
            world: World {
                outcome: DialOutcome::NotDialled(NotDialledReason::Unavailable),
                ..World::working()
            },
            answer: Err(PlaceCallError::ProviderUnavailable { call_id: call_id() }),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-dialled", "lock: release"],
        },
    ];
    for cause in [UnknownCause::TimedOut, UnknownCause::ConnectionLost, UnknownCause::UnclearAnswer] {
        rows.push(Row {
            what: "unknown: the lock is held for its whole time again, and the reservation stays",
            world: World { outcome: DialOutcome::Unknown(cause), ..World::working() },
            answer: Err(PlaceCallError::OutcomeUnknown { call_id: call_id(), cause }),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle unknown", "lock: renew"],
        });
    }
    rows
}

fn after_the_dial() -> Vec<Row> {
    let unknown = DialOutcome::Unknown(UnknownCause::TimedOut);
    let refused = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    vec![
        Row {
            what: "placed, and the ledger is unavailable: the call is real",
            world: World { ledger_settled: Err(unavailable()), ..World::working() },
            answer: placed(),
            steps: &[
                "lock: acquire",
                "ledger: book",
                "dial",
                "ledger: settle placed",
                "ledger: settle placed",
                "lock: settle",
            ],
        },
        Row {
            what: "placed, and the lock is unavailable: the context goes to the cache",
            world: World { lock_settled: Err(unavailable()), ..World::working() },
            answer: placed(),
            steps: &[
                "lock: acquire",
                "ledger: book",
                "dial",
                "ledger: settle placed",
                "lock: settle",
                "lock: settle",
                "context: store",
            ],
        },
        Row {
            what: "placed, and lock and cache are unavailable: the call is real",
            world: World {
                lock_settled: Err(unavailable()),
                context_stored: Err(unavailable()),
                ..World::working()
            },
            answer: placed(),
            steps: &[
                "lock: acquire",
                "ledger: book",
                "dial",
                "ledger: settle placed",
                "lock: settle",
                "lock: settle",
                "context: store",
            ],
        },
        Row {
            what: "unknown, and the lock is unavailable: it stays unknown",
            world: World { outcome: unknown.clone(), renewed: Err(unavailable()), ..World::working() },
            answer: Err(PlaceCallError::OutcomeUnknown { call_id: call_id(), cause: UnknownCause::TimedOut }),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle unknown", "lock: renew"],
        },
        Row {
            what: "unknown, and the ledger is unavailable: it stays unknown",
            world: World { outcome: unknown, ledger_settled: Err(unavailable()), ..World::working() },
            answer: Err(PlaceCallError::OutcomeUnknown { call_id: call_id(), cause: UnknownCause::TimedOut }),
            steps: &[
                "lock: acquire",
                "ledger: book",
                "dial",
                "ledger: settle unknown",
                "ledger: settle unknown",
                "lock: renew",
            ],
        },
        Row {
            what: "not dialled, and another request has the lock by now",
            world: World { outcome: refused.clone(), released: Ok(Ownership::Lost), ..World::working() },
            answer: Err(PlaceCallError::ProviderUnavailable { call_id: call_id() }),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-dialled", "lock: release"],
        },
        Row {
            what: "not dialled, and the lock is unavailable",
            world: World { outcome: refused, released: Err(unavailable()), ..World::working() },
            answer: Err(PlaceCallError::ProviderUnavailable { call_id: call_id() }),
            steps: &["lock: acquire", "ledger: book", "dial", "ledger: settle not-dialled", "lock: release"],
        },
    ]
}

#[tokio::test]
async fn each_port_in_each_way_it_can_fail() {
    for row in before_the_dial().into_iter().chain(outcomes()).chain(after_the_dial()) {
        let run = row.world.call_the_contact().await;
        assert_eq!(run.answer, row.answer, "{}", row.what);
        assert_eq!(run.steps(), row.steps, "{}", row.what);
        assert_eq!(run.dials(), row.steps.iter().filter(|step| **step == "dial").count(), "{}", row.what);
    }
}
