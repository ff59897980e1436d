//! Merging an account into a call: the one operation that reads, decides in the domain, and writes.

use domain::ports::PortUnavailable;
use domain::{CallEventKind, CallId, CallProgress, CallUpdate, CarrierCallId, ConversationId, UpdateContent};
use sqlx::{Connection, PgConnection};

use super::conversation::write_conversation;
use super::row::ProgressRow;
use crate::PostgresStore;
use crate::failure::{breaks_connection, passes_when_repeated, unavailable};
use crate::moment::database_time;
use crate::statement::Lease;

/// Why an account was not merged.
enum Unmerged {
    Statement(sqlx::Error),
    Books(PortUnavailable),
}

impl PostgresStore {
    /// Merges an account into a call. Merging it twice is merging it once: repeated where a connection broke.
    pub(super) async fn merge_update(
        &self,
        call_id: &CallId,
        update: &CallUpdate,
    ) -> Result<(), PortUnavailable> {
        self.bounded(async {
            let merged = match self.try_merge(call_id, update).await {
                Err(Unmerged::Statement(error)) if passes_when_repeated(&error) => {
                    self.try_merge(call_id, update).await
                }
                merged => merged,
            };
            merged.map_err(|unmerged| match unmerged {
                Unmerged::Statement(error) => unavailable(&error),
                Unmerged::Books(error) => error,
            })
        })
        .await
    }

    async fn try_merge(&self, call_id: &CallId, update: &CallUpdate) -> Result<(), Unmerged> {
        let mut lease_for = Lease::take(self).await?;
        let merged = merge_locked(lease_for.connection(), call_id, update).await;
        if !matches!(&merged, Err(Unmerged::Statement(error)) if breaks_connection(error)) {
            lease_for.give_back();
        }
        merged
    }
}

/// The call's row is locked from the reading to the writing, so that accounts come one after the other. The call's id is
/// ours, and was found by `locate`: no tenant stands beside it.
async fn merge_locked(
    connection: &mut PgConnection,
    call_id: &CallId,
    update: &CallUpdate,
) -> Result<(), Unmerged> {
    let mut transaction = connection.begin().await?;
    let locked = sqlx::query_as!(
        ProgressRow,
        "select status_rank, conversation_id, carrier_call_id, failure_reason, failed_at, \
                conversation::text as conversation \
           from calls where id = $1 for no key update",
        call_id.as_str()
    );
    if let Some(row) = locked.fetch_optional(&mut *transaction).await? {
        let mut progress = CallProgress::try_from(row)?;
        let before = progress.status;
        if progress.merge(update) {
            let steps = match (before, progress.status) {
                (Some(before), Some(after)) => CallEventKind::between(before, after),
                _ => Vec::new(),
            };
            store(&mut transaction, call_id, update, &progress, &steps).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

async fn store(
    connection: &mut PgConnection,
    call_id: &CallId,
    update: &CallUpdate,
    progress: &CallProgress,
    steps: &[CallEventKind],
) -> Result<(), Unmerged> {
    // Written where it is the one that was kept; any other is in the row, and may be megabytes.
    let conversation = match &update.content {
        UpdateContent::Conversation(offered) if progress.conversation.as_ref() == Some(offered) => {
            Some(write_conversation(offered)?)
        }
        _ => None,
    };
    let steps: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
    sqlx::query!(
        "with merged as ( \
             update calls \
                set status_rank = coalesce($2, status_rank), conversation_id = $3, carrier_call_id = $4, \
                    failure_reason = $5, failed_at = $6, \
                    conversation = coalesce($7::text::jsonb, conversation) \
              where id = $1 \
             returning id, organization_id, conversation_id, status_rank \
         ) \
         insert into call_events (call_id, organization_id, conversation_id, kind, status_rank) \
         select id, organization_id, conversation_id, step.kind, status_rank \
           from merged cross join unnest($8::text[]) with ordinality as step (kind, place) \
          order by step.place \
         on conflict do nothing",
        call_id.as_str(),
        progress.status.map(|status| i16::from(status.rank())),
        progress.conversation_id.as_ref().map(ConversationId::as_str),
        progress.carrier_call_id.as_ref().map(CarrierCallId::as_str),
        progress.failure.map(|failure| failure.reason.as_str()),
        progress.failure.map(|failure| database_time(failure.at)).transpose()?,
        conversation,
        &steps as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl From<sqlx::Error> for Unmerged {
    fn from(error: sqlx::Error) -> Self {
        Self::Statement(error)
    }
}

impl From<PortUnavailable> for Unmerged {
    fn from(error: PortUnavailable) -> Self {
        Self::Books(error)
    }
}
