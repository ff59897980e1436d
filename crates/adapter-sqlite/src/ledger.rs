use async_trait::async_trait;
use domain::ports::{CallLedger, HoldResult, PortUnavailable, Settlement};
use domain::{Booking, CallEventKind, CallStatus, DialOutcome, NotDialledReason, ProviderReference};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::events::{status, write_event, write_rise};
use crate::failure::{STORAGE_LIMIT, failed, unavailable, within};
use crate::settled::SettledColumns;
use crate::wall_clock::{now, remaining};

#[async_trait]
impl CallLedger for SqliteStore {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            if !reserve(&mut transaction, booking).await? {
                return blocking_call(&mut transaction, booking).await;
            }
            write_call(&mut transaction, booking).await?;
            write_event(&mut transaction, booking.identity.call_id.as_str(), CallEventKind::Initiated)
                .await?;
            transaction.commit().await?;
            Ok(HoldResult::Granted)
        })
        .await
    }

    /// Moves the call forward, or leaves it where it stands. The guard follows where the call moves, and by its own token.
    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_books().await?;
            let Some(Step { origin, before }) = next_step(&mut transaction, settlement).await? else {
                return Ok(());
            };
            settle_call(&mut transaction, settlement).await?;
            // An account may have come first, and have told of what the dial tells now.
            let after = before.max(settlement.status);
            write_rise(&mut transaction, settlement.call_id.as_str(), before, after).await?;
            settle_reservation(&mut transaction, settlement, origin).await?;
            transaction.commit().await
        })
        .await
    }
}

/// How a call goes forward.
struct Step {
    origin: Origin,
    /// Where it stands until then.
    before: CallStatus,
}

/// What was known of its dial.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Dialling,
    Unknown,
}

/// The step that a settlement is for its call, or nothing where the call is not in the books or what is known of it stands.
/// From *unknown* there is no way to *not dialled*: the phone may have rung.
async fn next_step(
    connection: &mut SqliteConnection,
    settlement: &Settlement<'_>,
) -> Result<Option<Step>, PortUnavailable> {
    let call_id = settlement.call_id.as_str();
    let row = sqlx::query!("select state, status_rank from calls where id = ?", call_id)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let reached = matches!(settlement.outcome, DialOutcome::Placed(_) | DialOutcome::NotConnected { .. });
    let origin = match row.state.as_str() {
        "dialling" => Origin::Dialling,
        "unknown" if reached => Origin::Unknown,
        _ => return Ok(None),
    };
    Ok(Some(Step { origin, before: status(row.status_rank)? }))
}

/// Whether the guard is the booking's now: it was free or had run out.
async fn reserve(connection: &mut SqliteConnection, booking: &Booking) -> Result<bool, PortUnavailable> {
    let (key, token, call_id) =
        (booking.key.as_str(), booking.token.as_str(), booking.identity.call_id.as_str());
    let now = now();
    let (now_millis, blocked_until) = (now.unix_millis(), now.after(booking.reserve_for).unix_millis());
    let taken = sqlx::query!(
        "insert into dial_guards (key, token, call_id, blocked_until) values (?1, ?2, ?3, ?4)
         on conflict (key) do update
             set token = excluded.token, call_id = excluded.call_id, blocked_until = excluded.blocked_until
             where dial_guards.blocked_until <= ?5",
        key,
        token,
        call_id,
        blocked_until,
        now_millis
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(taken.rows_affected() == 1)
}

async fn write_call(connection: &mut SqliteConnection, booking: &Booking) -> Result<(), PortUnavailable> {
    let call_id = booking.identity.call_id.as_str();
    let organization_id = booking.identity.organization_id.as_str();
    let user_id = booking.identity.user_id.as_str();
    let contact_id = booking.identity.contact_id.as_str();
    let agent_id = booking.identity.agent_id.as_str();
    let (from, to) = (booking.identity.from.as_e164(), booking.identity.to.as_e164());
    let reason = booking.reason.as_ref().map(|reason| reason.as_str());
    let booked_at = booking.booked_at.unix_millis();
    sqlx::query!(
        "insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason, state,
                            booked_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, 'dialling', ?)",
        call_id,
        organization_id,
        user_id,
        contact_id,
        agent_id,
        from,
        to,
        reason,
        booked_at
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// The answer to a booking whose key is blocked.
async fn blocking_call(
    connection: &mut SqliteConnection,
    booking: &Booking,
) -> Result<HoldResult, PortUnavailable> {
    let key = booking.key.as_str();
    let row = sqlx::query!(
        "select blocked_until, calls.id, state, conversation_id, carrier_call_id, outcome_detail
         from dial_guards join calls on calls.id = dial_guards.call_id
         where key = ?",
        key
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?
    .ok_or_else(|| failed("a guard in dial_guards has no call in calls"))?;
    let call = SettledColumns {
        state: row.state,
        call_id: row.id,
        conversation_id: row.conversation_id,
        carrier_call_id: row.carrier_call_id,
        outcome_detail: row.outcome_detail,
    };
    Ok(match call.read()? {
        Some(call) => HoldResult::Settled(call),
        None => HoldResult::InFlight { remaining: remaining(row.blocked_until, now()) },
    })
}

async fn settle_call(
    connection: &mut SqliteConnection,
    settlement: &Settlement<'_>,
) -> Result<(), PortUnavailable> {
    let nothing = ProviderReference::default();
    let (reference, detail) = match settlement.outcome {
        DialOutcome::Placed(reference) => (reference, None),
        DialOutcome::NotConnected { reference, reason } => (reference, Some(reason.as_str())),
        DialOutcome::NotDialled(NotDialledReason::Rejected(code)) => (&nothing, Some(code.as_str())),
        DialOutcome::NotDialled(NotDialledReason::Unavailable) => (&nothing, None),
        DialOutcome::Unknown(cause) => (&nothing, Some(cause.as_str())),
    };
    let state = settlement.outcome.as_str();
    let conversation_id = reference.conversation_id.as_ref().map(|id| id.as_str());
    let carrier_call_id = reference.carrier_call_id.as_ref().map(|id| id.as_str());
    let settled_at = settlement.settled_at.unix_millis();
    let status_rank = settlement.status.rank();
    let call_id = settlement.call_id.as_str();
    // An account of the call may have come before this answer, and what it told stays.
    sqlx::query!(
        "update calls
         set state = ?1, outcome_detail = ?2, settled_at = ?3, status_rank = max(status_rank, ?4),
             conversation_id = max(coalesce(conversation_id, ?5), coalesce(?5, conversation_id)),
             carrier_call_id = max(coalesce(carrier_call_id, ?6), coalesce(?6, carrier_call_id))
         where id = ?7",
        state,
        detail,
        settled_at,
        status_rank,
        conversation_id,
        carrier_call_id,
        call_id
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn settle_reservation(
    connection: &mut SqliteConnection,
    settlement: &Settlement<'_>,
    origin: Origin,
) -> Result<(), PortUnavailable> {
    let (key, token) = (settlement.key.as_str(), settlement.token.as_str());
    let written = match settlement.outcome {
        // It blocks to its end, as it was taken: the phone may ring for as long.
        DialOutcome::Unknown(_) => return Ok(()),
        DialOutcome::NotDialled(_) => {
            sqlx::query!("delete from dial_guards where key = ? and token = ?", key, token)
                .execute(connection)
                .await
        }
        DialOutcome::Placed(_) | DialOutcome::NotConnected { .. } => {
            let blocked_until = now().after(settlement.hold_for).unix_millis();
            // What an unknown outcome blocks is blocked to its end, whatever is learned of it later.
            let may_shorten = origin == Origin::Dialling;
            sqlx::query!(
                "update dial_guards set blocked_until = iif(?1, ?2, max(blocked_until, ?2))
                 where key = ?3 and token = ?4",
                may_shorten,
                blocked_until,
                key,
                token
            )
            .execute(connection)
            .await
        }
    };
    written.map(drop).map_err(unavailable)
}
