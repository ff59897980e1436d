use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{CallLedger, HoldResult, PortUnavailable, Settlement};
use domain::{
    Booking, CallId, CallReason, CallReference, CallStatus, CarrierCallId, ConversationId, DialOutcome,
    NotConnectedReason, NotDialledReason, ProviderReference, SettledCall,
};

use crate::PostgresStore;
use crate::failure::because;
use crate::moment::database_time;
use crate::row::{read, read_optional, unreadable};

// Names and ranks stand in the SQL below.
const _: () = assert!(
    CallStatus::Initiated.rank() == 0
        && CallStatus::InProgress.rank() == 3
        && CallStatus::Failed.rank() == 4
        && CallStatus::Completed.rank() == 7
);

/// Whether a call was booked; otherwise the guard that blocks it and that guard's call, as far as they could be seen.
struct BookingRow {
    recorded: bool,
    call_id: Option<String>,
    state: Option<String>,
    outcome_detail: Option<String>,
    conversation_id: Option<String>,
    carrier_call_id: Option<String>,
    remaining_millis: Option<i64>,
}

#[async_trait]
impl CallLedger for PostgresStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let booked_at = database_time(booking.booked_at)?;
        // Not repeated after a broken connection: it may have been done, and would then be blocked by itself. The times are
        // reckoned where the row is written, after any wait for a concurrent booking.
        let booked = self.once(sqlx::query_as!(
            BookingRow,
            r#"with guard as (
                   insert into dial_guards as held (key, token, call_id, blocked_until)
                   values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
                   on conflict on constraint dial_guards_pkey do update
                      set token = excluded.token, call_id = excluded.call_id,
                          blocked_until = clock_timestamp() + make_interval(secs => $4)
                    where held.blocked_until <= clock_timestamp()
                   returning call_id
               ), booked as (
                   insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                                      state, booked_at)
                   select call_id, $5, $6, $7, $8, $9, $10, $11, 'dialling', $12 from guard
                   returning id, organization_id
               ), told as (
                   insert into call_events (call_id, organization_id, kind, status_rank)
                   select id, organization_id, 'call_initiated', 0 from booked
               )
               select exists (select from booked) as "recorded!",
                      blocker.id as "call_id?", blocker.state as "state?", blocker.outcome_detail,
                      blocker.conversation_id, blocker.carrier_call_id,
                      ceil(extract(epoch from held.blocked_until - clock_timestamp()) * 1000)::bigint
                          as "remaining_millis?"
                 from (select) as always
                 left join dial_guards as held on held.key = $1
                 left join calls as blocker on blocker.id = held.call_id"#,
            booking.key.as_str(),
            booking.token.as_str(),
            booking.identity.call_id.as_str(),
            booking.reserve_for.as_secs_f64(),
            booking.identity.organization_id.as_str(),
            booking.identity.user_id.as_str(),
            booking.identity.contact_id.as_str(),
            booking.identity.agent_id.as_str(),
            booking.identity.from.as_e164(),
            booking.identity.to.as_e164(),
            booking.reason.as_ref().map(CallReason::as_str),
            booked_at
        ));
        self.bounded(async {
            let row = booked.await?.ok_or_else(|| because("a statement gave no row"))?;
            if row.recorded {
                return Ok(HoldResult::Granted);
            }
            if let Some(answer) = blocked_by(row)? {
                return Ok(answer);
            }
            // The statement saw the books as they were when it began; the guard that blocks it is younger.
            let blocker = self.find_blocker(booking).await?.map(blocked_by).transpose()?.flatten();
            // A guard that has gone in this very moment was there a moment ago: to come again is the caller's choice.
            Ok(blocker.unwrap_or(HoldResult::InFlight { remaining: Duration::from_millis(1) }))
        })
        .await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        let settled_at = database_time(settlement.settled_at)?;
        let (reference, detail) = match settlement.outcome {
            DialOutcome::Placed(reference) => (Some(reference), None),
            DialOutcome::NotConnected { reference, reason } => (Some(reference), Some(reason.as_str())),
            DialOutcome::NotDialled(NotDialledReason::Rejected(code)) => (None, Some(code.as_str())),
            DialOutcome::NotDialled(NotDialledReason::Unavailable) => (None, None),
            DialOutcome::Unknown(cause) => (None, Some(cause.as_str())),
        };
        let ProviderReference { conversation_id, carrier_call_id } = reference.cloned().unwrap_or_default();
        // The guard follows the call: it is touched where the call moves and by its own token, so that neither a second
        // settlement nor a late one of an older call does anything to it. From *unknown* a call may come to be placed or not
        // connected, its guard blocking on to its end; never to not dialled, since the phone may have rung.
        // What events told before the dial's own answer came is merged as `CallProgress::absorb` merges: the greater stays.
        // What the call rose by is told as `CallEventKind::between` names it: it was answered in progress (3) and completed
        // (7), and has ended from failed (4) on. The call's id is ours, minted for it alone: no tenant stands beside it.
        let settled = self.repeatable(|| {
            sqlx::query!(
                r#"with before as (
                       select id, state, status_rank from calls where id = $1 for no key update
                   ), moved as (
                       update calls
                          set state = $4, outcome_detail = $5, settled_at = $6,
                              conversation_id = greatest($7, calls.conversation_id),
                              carrier_call_id = greatest($8, calls.carrier_call_id),
                              status_rank = greatest($10, calls.status_rank)
                         from before
                        where calls.id = before.id
                          and (before.state = 'dialling'
                               or (before.state = 'unknown' and $4 in ('placed', 'not-connected')))
                       returning before.state = 'unknown' as was_unknown, calls.id, calls.organization_id,
                                 calls.conversation_id, before.status_rank as rank_before, calls.status_rank
                   ), told as (
                       insert into call_events (call_id, organization_id, conversation_id, kind, status_rank)
                       select moved.id, moved.organization_id, moved.conversation_id, step.kind, moved.status_rank
                         from moved
                         join (values (1, 'call_answered'), (2, 'call_ended')) as step (place, kind)
                           on case step.kind
                                  when 'call_answered' then status_rank in (3, 7) and rank_before not in (3, 7)
                                  else status_rank >= 4
                              end
                        where status_rank > rank_before
                        order by step.place
                       on conflict do nothing
                   ), freed as (
                       delete from dial_guards as held using moved
                        where held.key = $2 and held.token = $3 and $4 = 'not-dialled'
                   ), held_on as (
                       update dial_guards as held
                          set blocked_until = greatest(
                                  clock_timestamp() + make_interval(secs => $9),
                                  case when moved.was_unknown then held.blocked_until end)
                         from moved
                        where held.key = $2 and held.token = $3 and $4 in ('placed', 'not-connected')
                   )
                   select exists (select from moved) as "moved!""#,
                settlement.call_id.as_str(),
                settlement.key.as_str(),
                settlement.token.as_str(),
                settlement.outcome.as_str(),
                detail,
                settled_at,
                conversation_id.as_ref().map(ConversationId::as_str),
                carrier_call_id.as_ref().map(CarrierCallId::as_str),
                settlement.hold_for.as_secs_f64(),
                i16::from(settlement.status.rank())
            )
        });
        settled.await.map(|_| ())
    }
}

impl PostgresStore {
    async fn find_blocker(&self, booking: &Booking) -> Result<Option<BookingRow>, PortUnavailable> {
        self.repeatable(|| {
            sqlx::query_as!(
                BookingRow,
                r#"select false as "recorded!", blocker.id as "call_id?", blocker.state as "state?",
                          blocker.outcome_detail, blocker.conversation_id, blocker.carrier_call_id,
                          ceil(extract(epoch from held.blocked_until - clock_timestamp()) * 1000)::bigint
                              as "remaining_millis?"
                     from dial_guards as held join calls as blocker on blocker.id = held.call_id
                    where held.key = $1"#,
                booking.key.as_str()
            )
        })
        .await
    }
}

/// What a guard that still blocks has to say, if it was seen.
fn blocked_by(row: BookingRow) -> Result<Option<HoldResult>, PortUnavailable> {
    let (Some(call_id), Some(state), Some(remaining)) = (row.call_id, row.state, row.remaining_millis) else {
        return Ok(None);
    };
    let Some(remaining) = u64::try_from(remaining).ok().filter(|millis| *millis > 0) else {
        return Ok(None);
    };
    let reference = CallReference {
        call_id: read("calls.id", &call_id, CallId::parse)?,
        conversation_id: read_optional(
            "calls.conversation_id",
            row.conversation_id.as_deref(),
            ConversationId::parse,
        )?,
        carrier_call_id: read_optional(
            "calls.carrier_call_id",
            row.carrier_call_id.as_deref(),
            CarrierCallId::parse,
        )?,
    };
    let answer = match state.as_str() {
        "placed" => HoldResult::Settled(SettledCall::Placed(reference)),
        "not-connected" => {
            let reason = row.outcome_detail.as_deref().and_then(NotConnectedReason::from_name);
            let reason = reason.ok_or_else(|| unreadable("calls.outcome_detail"))?;
            HoldResult::Settled(SettledCall::NotConnected { reference, reason })
        }
        // A call that was not dialled leaves no guard behind, unless it was settled by a token that is not the guard's.
        "dialling" | "unknown" | "not-dialled" => {
            HoldResult::InFlight { remaining: Duration::from_millis(remaining) }
        }
        _ => return Err(unreadable("calls.state")),
    };
    Ok(Some(answer))
}
