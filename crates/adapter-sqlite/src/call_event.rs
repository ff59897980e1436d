//! Writing call events, in the transaction of the change that they report.

use domain::CallEventKind;
use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;

use crate::clock::now;
use crate::statement::execute;

/// Writes an event with this status of its call, and the event of its end with this reason. Does nothing if the event is there already: only
/// the end of a call is written again, with another status. The condition comes before the insert,
/// since an insert that conflicts would leave a gap in the positions.
pub(crate) async fn write_event(
    connection: &mut SqliteConnection,
    call_id: &str,
    kind: CallEventKind,
    status_rank: i16,
    end_reason: Option<&'static str>,
) -> Result<(), PortUnavailable> {
    let event = sqlx::query!(
        "insert into call_events
             (call_id, kind, status_rank, organization_id, conversation_id, happened_at, end_reason)
         select id, ?1, ?5, organization_id, conversation_id, ?2, iif(?4, ?6, null) from calls
         where id = ?3 and not exists
             (select 1 from call_events
              where call_id = calls.id and kind = ?1 and (not ?4 or call_events.status_rank = ?5))
         on conflict do nothing",
        kind.as_str(),
        now().unix_millis(),
        call_id,
        kind == CallEventKind::Ended,
        status_rank,
        end_reason
    );
    execute(connection, event).await.map(drop)
}
