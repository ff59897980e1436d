use async_trait::async_trait;
use domain::ports::{Backlog, LedgerFigures, LedgerMeter, PortUnavailable};
use domain::{CallStatus, DeliveryState, EventSequence, Timestamp};

use super::Memory;

#[async_trait]
impl LedgerMeter for Memory {
    async fn measure(&self, limit: u32) -> Result<LedgerFigures, PortUnavailable> {
        let tables = self.open()?;
        let mut live: Vec<(Timestamp, CallStatus)> = Vec::new();
        for call in tables.calls.iter().filter(|call| call.progress.given_up.is_none()) {
            let status = call.progress.status.unwrap_or(CallStatus::Initiated);
            if !status.is_final() {
                live.push((call.booking.booked_at, status));
            }
        }
        live.sort();
        live.truncate(limit as usize);
        let with = |wanted| live.iter().filter(move |(_, status)| *status == wanted).map(|(at, _)| *at);
        let now = self.now();
        let open = || tables.inbox.iter().filter(|event| event.closed.is_none());
        let due = open().filter(|event| event.open_at <= now).map(|event| event.open_at);
        let postponed = open().filter(|event| event.open_at > now).map(|event| event.event.received_at);
        let unpublished = tables.events.iter().filter(|event| event.sequence == EventSequence::START);
        let deliveries = |state| tables.deliveries.iter().filter(move |it| it.state == state);
        let limited = |mut backlog: Backlog| {
            backlog.pending = backlog.pending.min(limit.into());
            backlog
        };
        Ok(LedgerFigures {
            dialling: backlog(with(CallStatus::Initiated)).pending,
            ringing: backlog(with(CallStatus::Ringing)).pending,
            in_progress: backlog(with(CallStatus::InProgress)).pending,
            unknown: backlog(with(CallStatus::Unknown)),
            inbox: limited(backlog(due)),
            postponed: limited(backlog(postponed)),
            outbox: limited(backlog(unpublished.map(|event| event.happened_at))),
            deliveries: limited(backlog(deliveries(DeliveryState::Pending).map(|it| it.queued_at))),
            dead: limited(backlog(deliveries(DeliveryState::Dead).map(|it| it.queued_at))).pending,
        })
    }
}

fn backlog(times: impl Iterator<Item = Timestamp>) -> Backlog {
    times.fold(Backlog::default(), |Backlog { pending, oldest }, time| Backlog {
        pending: pending + 1,
        oldest: Some(oldest.map_or(time, |oldest| oldest.min(time))),
    })
}
