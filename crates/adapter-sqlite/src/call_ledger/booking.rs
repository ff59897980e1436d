//! Bookings.

use std::time::Duration;

use domain::ports::{HoldResult, KeyBinding, PortUnavailable};
use domain::{
    AttemptCount, Booking, CallEventKind, CallMetadata, CallReason, CallStatus, CallSubject, RefusalCode,
    TakeOver, TraceParent,
};
use sql_common::{
    DIALLING, HoldColumns, NOT_CONNECTED_RANKS, Table, UNDECIDED_STATES, cap_millis, caps_to_json,
    write_decision, write_variables,
};
use sqlx::SqliteConnection;

use crate::clock::HostTime;
use crate::failure::unreadable;
use crate::idempotency_keys::{find_keyed_call, write_key};
use crate::number_hash::NumberHash;
use crate::statement::{execute, row};

pub(super) async fn book(
    connection: &mut SqliteConnection,
    booking: &Booking,
    number_hash: &NumberHash,
) -> Result<HoldResult, PortUnavailable> {
    let now = HostTime::now();
    if let Some(request) = &booking.keyed {
        let call = find_keyed_call(connection, &booking.identity.user_id, &request.key, now).await?;
        if call.is_some() {
            return Ok(HoldResult::KeyTaken);
        }
    }
    if write_booking(connection, booking, number_hash, now).await? == 0 {
        return find_hold(connection, booking, number_hash, now).await;
    }
    if let Some(request) = &booking.keyed {
        let identity = &booking.identity;
        let (user, call_id, intent) = (&identity.user_id, &identity.call_id, &booking.key);
        write_key(connection, &KeyBinding { user, request, call_id, intent }, now).await?;
    }
    Ok(HoldResult::Granted)
}

/// Writes the reservation if the conditions of the booking hold, and if there was no reservation or it
/// had expired; then the call, and then its event. Each statement writes only if the one before it did.
///
/// They are one query, because each query is handed to the connection's thread, which costs more than
/// its work. In such a query a `?` cannot have a number. `$within_caps` and `$count` are empty, or
/// compare and count the attempt.
macro_rules! write_booking {
    (
        $booking:ident, $number_hash:ident, $now:ident,
        $within_caps:tt, [$($cap:expr),*],
        $count:tt, [$($counted:expr),*]
    ) => {
        sqlx::query!(
            "insert into dial_guards (key, token, call_id, blocked_until, boot_id, boot_offset)
             select ?, ?, ?, ?, ?, ?
             where not (? and exists
                        (select 1 from suppressions
                         where phone_number = ? and (organization_id = ? or organization_id is null)
                             and (expires_at is null or expires_at > ?)))
                 and not (? and exists
                          (select 1 from suppressions
                           where contact_id = ? and (organization_id = ? or organization_id is null)
                               and (expires_at is null or expires_at > ?)))
                 and not (? and exists
                          (select 1 from suppressions
                           where number_hash = ? and (organization_id = ? or organization_id is null)
                               and (expires_at is null or expires_at > ?)))
                 and not exists (select 1 from contacts where id = ? and phone_number is null)"
                + $within_caps
                + "
             on conflict (key) do update
                 set token = excluded.token, call_id = excluded.call_id, blocked_until = excluded.blocked_until,
                     boot_id = excluded.boot_id, boot_offset = excluded.boot_offset
                 where dial_guards.blocked_until
                         <= iif(dial_guards.boot_id = excluded.boot_id, ? + dial_guards.boot_offset, ?)
                     and (? or not exists
                         (select 1 from calls as undecided
                          where undecided.id = dial_guards.call_id and undecided.state in (?, ?)
                              and undecided.status_rank not in (?, ?, ?) and undecided.given_up_at is null));
             insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason, variables,
                                metadata, purpose, subject, decision, trace_parent, state, booked_at)
             select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? where changes() = 1;
             insert into call_events (call_id, kind, status_rank, organization_id, happened_at)
             select ?, ?, ?, ?, ? where changes() = 1"
                + $count,
            $booking.key.as_str(),
            $booking.token.as_str(),
            $booking.identity.call_id.as_str(),
            $now.wall.after($booking.reserve_for).unix_millis(),
            $now.boot_id,
            $now.boot_offset(),
            $booking.conditions.refuse_suppressed,
            $booking.identity.to.as_e164(),
            $booking.identity.organization_id.as_str(),
            $booking.booked_at.unix_millis(),
            $booking.conditions.refuse_suppressed,
            $booking.identity.contact_id.as_str(),
            $booking.identity.organization_id.as_str(),
            $booking.booked_at.unix_millis(),
            $booking.conditions.refuse_suppressed,
            $number_hash.as_slice(),
            $booking.identity.organization_id.as_str(),
            $booking.booked_at.unix_millis(),
            $booking.identity.contact_id.as_str(),
            $($cap,)*
            $now.since_boot,
            $now.wall_millis(),
            $booking.take_over == TakeOver::Expired,
            UNDECIDED_STATES[0],
            UNDECIDED_STATES[1],
            NOT_CONNECTED_RANKS[0],
            NOT_CONNECTED_RANKS[1],
            NOT_CONNECTED_RANKS[2],
            $booking.identity.call_id.as_str(),
            $booking.identity.organization_id.as_str(),
            $booking.identity.user_id.as_str(),
            $booking.identity.contact_id.as_str(),
            $booking.identity.agent_id.as_str(),
            $booking.identity.from.as_e164(),
            $booking.identity.to.as_e164(),
            $booking.reason.as_ref().map(CallReason::as_str),
            write_variables(&$booking.variables),
            $booking.metadata.as_ref().map(CallMetadata::as_json),
            $booking.conditions.purpose.as_str(),
            $booking.conditions.subject.as_ref().map(CallSubject::as_str),
            $booking.conditions.decision.as_deref().map(write_decision),
            $booking.trace.as_ref().map(TraceParent::as_str),
            DIALLING,
            $booking.booked_at.unix_millis(),
            $booking.identity.call_id.as_str(),
            CallEventKind::Initiated.as_str(),
            i16::from(CallStatus::Initiated.rank()),
            $booking.identity.organization_id.as_str(),
            $now.wall_millis()
            $(, $counted)*
        )
    };
}

/// Returns the number of rows.
async fn write_booking(
    connection: &mut SqliteConnection,
    booking: &Booking,
    number_hash: &NumberHash,
    now: HostTime,
) -> Result<u64, PortUnavailable> {
    let Some(attempt) = &booking.conditions.attempt else {
        return execute(connection, write_booking!(booking, number_hash, now, "", [], "", [])).await;
    };
    let (caps, remember_millis) = (caps_to_json(&attempt.caps), cap_millis(attempt.remember_for));
    let (tenant, number) = (booking.identity.organization_id.as_str(), booking.identity.to.as_e164());
    let (subject, booked_at) = (subject(booking), booking.booked_at.unix_millis());
    let call_id = booking.identity.call_id.as_str();
    let written = write_booking!(
        booking,
        number_hash,
        now,
        "
                 and not exists
                     (select 1 from json_each(?) as cap
                      where (select count(*) from call_attempts, json_each(call_attempts.attempts) as attempt
                             where organization_id = ? and phone_number = ? and subject = ?
                                 and attempt.value ->> 0 > ? - (cap.value ->> 'within'))
                          >= cap.value ->> 'attempts')",
        [caps, tenant, number, subject, booked_at],
        ";
             insert into call_attempts (organization_id, phone_number, subject, attempts, remember_millis)
             select ?, ?, ?, json_array(json_array(?, ?)), ? where changes() = 1
             on conflict (organization_id, phone_number, subject) do update
                 set attempts = json_insert(
                         (select json_group_array(json(attempt.value))
                          from (select json_array_length(call_attempts.attempts) - ? as first) as kept
                          cross join json_each(call_attempts.attempts) as attempt
                          where attempt.key > kept.first
                              and attempt.value ->> 0
                              > ? - max(call_attempts.remember_millis, excluded.remember_millis)),
                         '$[#]', json_array(?, ?)),
                     remember_millis = max(call_attempts.remember_millis, excluded.remember_millis)",
        [
            tenant,
            number,
            subject,
            booked_at,
            call_id,
            remember_millis,
            AttemptCount::KEPT,
            booked_at,
            booked_at,
            call_id
        ]
    );
    execute(connection, written).await
}

/// The column `subject` of an attempt.
fn subject(booking: &Booking) -> &str {
    booking.conditions.subject.as_ref().map_or("", CallSubject::as_str)
}

/// What blocks a booking, or why it is refused.
async fn find_hold(
    connection: &mut SqliteConnection,
    booking: &Booking,
    number_hash: &NumberHash,
    now: HostTime,
) -> Result<HoldResult, PortUnavailable> {
    let hold = sqlx::query_as!(
        HoldColumns,
        r#"select calls.id as call_id, state, outcome_detail, conversation_id, carrier_call_id,
                  blocked_until - iif(boot_id = ?1, ?2 + boot_offset, ?3) as "remaining_millis: i64"
           from dial_guards join calls on calls.id = dial_guards.call_id
           where key = ?4"#,
        now.boot_id,
        now.since_boot,
        now.wall_millis(),
        booking.key.as_str()
    );
    let hold = row(connection, hold).await?;
    let result = hold.map(|hold| hold.read(Table("calls"))).transpose().map_err(unreadable)?.flatten();
    match result {
        Some(result) => Ok(result),
        None => find_refusal(connection, booking, number_hash).await,
    }
}

async fn find_refusal(
    connection: &mut SqliteConnection,
    booking: &Booking,
    number_hash: &NumberHash,
) -> Result<HoldResult, PortUnavailable> {
    let conditions = &booking.conditions;
    let broken = sqlx::query!(
        r#"select ?1 and exists
                      (select 1 from suppressions
                       where (phone_number = ?2 or contact_id = ?3 or number_hash = ?8)
                           and (organization_id = ?4 or organization_id is null)
                           and (expires_at is null or expires_at > ?5)) as "is_suppressed!: bool",
                  exists (select 1 from json_each(?6) as cap
                          where (select count(*) from call_attempts, json_each(call_attempts.attempts) as attempt
                                 where organization_id = ?4 and phone_number = ?2 and subject = ?7
                                     and attempt.value ->> 0 > ?5 - (cap.value ->> 'within'))
                              >= cap.value ->> 'attempts') as "is_beyond_a_cap!: bool""#,
        conditions.refuse_suppressed,
        booking.identity.to.as_e164(),
        booking.identity.contact_id.as_str(),
        booking.identity.organization_id.as_str(),
        booking.booked_at.unix_millis(),
        caps_to_json(conditions.attempt.as_ref().map_or(&[], |attempt| &attempt.caps)),
        subject(booking),
        number_hash.as_slice()
    );
    let broken = row(connection, broken).await?;
    Ok(match broken {
        Some(broken) if broken.is_suppressed => HoldResult::Refused(RefusalCode::CalleeOptedOut),
        Some(broken) if broken.is_beyond_a_cap => HoldResult::Refused(RefusalCode::AttemptCap),
        // An undecided call blocks the booking, or the contact was erased.
        _ => HoldResult::InFlight { remaining: Duration::from_millis(1) },
    })
}
