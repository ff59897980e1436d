//! Merging an update into a call: the one operation that reads, decides in the domain, and writes.

use domain::{CallEventKind, CallId, CallUpdate, PhoneNumber};
use sql_common::{ConversationForm, MergedColumns, ProgressColumns};
use sqlx::{Connection, PgConnection};

use crate::statement::{Failure, Work};
use crate::timestamp::PgTime;

type ProgressRow = ProgressColumns<PgTime>;

/// Merging an update twice changes nothing, so that it may be repeated.
pub(super) struct Merge<'a> {
    pub(super) call_id: &'a CallId,
    pub(super) update: &'a CallUpdate,
}

impl Work for Merge<'_> {
    type Output = ();

    /// The call's row is locked from the read to the write, so that updates of a call are merged
    /// one at a time. A call whose callee was erased stays as it is. No organization is in the predicate, since the call's id is ours, and
    /// `locate` found it.
    async fn run(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        let mut transaction = connection.begin().await?;
        let locked = sqlx::query_as!(
            ProgressRow,
            "select status_rank, conversation_id, carrier_call_id, failure_reason, failed_at, \
                    failure_code, failure_carrier_status::bigint as failure_carrier_status, \
                    conversation::text as conversation, given_up_at, given_up_reason, recording_report \
               from calls where id = $1 and to_number <> $2 for no key update",
            self.call_id.as_str(),
            PhoneNumber::ERASED
        );
        if let Some(stored) = locked.fetch_optional(&mut *transaction).await?
            && let Some(merged) = MergedColumns::merge(stored, self.update, ConversationForm::Postgres)?
        {
            write(&mut transaction, self.call_id, &merged).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn write(
    connection: &mut PgConnection,
    call_id: &CallId,
    merged: &MergedColumns,
) -> Result<(), Failure> {
    let events: Vec<&str> = merged.events.iter().copied().map(CallEventKind::as_str).collect();
    let end_reasons: Vec<Option<&str>> = merged
        .events
        .iter()
        .map(|kind| merged.end_reason.filter(|_| *kind == CallEventKind::Ended))
        .collect();
    sqlx::query!(
        "with merged as ( \
             update calls \
                set status_rank = coalesce($2, status_rank), conversation_id = $3, carrier_call_id = $4, \
                    failure_reason = $5, failed_at = $6, \
                    conversation = coalesce($7::text::jsonb, conversation), \
                    given_up_at = $9, given_up_reason = $10, recording_report = $12, \
                    failure_code = $13, failure_carrier_status = $14 \
              where id = $1 \
             returning id, organization_id, conversation_id \
         ) \
         insert into call_events (call_id, organization_id, conversation_id, kind, status_rank, end_reason) \
         select id, organization_id, conversation_id, event.kind, $11, event.end_reason \
           from merged \
                cross join unnest($8::text[], $15::text[]) with ordinality as event (kind, end_reason, sequence) \
          order by event.sequence \
         on conflict do nothing",
        call_id.as_str(),
        merged.status_rank,
        merged.conversation_id.as_deref(),
        merged.carrier_call_id.as_deref(),
        merged.failure_reason,
        merged.failed_at.map(PgTime::stored).transpose()?,
        merged.conversation.as_deref(),
        &events as _,
        merged.given_up_at.map(PgTime::stored).transpose()?,
        merged.given_up_reason,
        merged.event_rank,
        merged.recording_report,
        merged.failure_code,
        merged.failure_carrier_status,
        &end_reasons as _
    )
    .execute(connection)
    .await?;
    Ok(())
}
