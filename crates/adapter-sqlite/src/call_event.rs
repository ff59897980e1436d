//! Writing call events, in the transaction of the change that they report.

use domain::CallEventKind;
use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;

use crate::clock::now;
use crate::statement::execute;

/// Writes an event with the status that the call's row has now. Does nothing if the event is there already.
pub(crate) async fn write_event(
    connection: &mut SqliteConnection,
    call_id: &str,
    kind: CallEventKind,
) -> Result<(), PortUnavailable> {
    let event = sqlx::query!(
        "insert into call_events (call_id, kind, status_rank, organization_id, conversation_id, happened_at)
         select id, ?, status_rank, organization_id, conversation_id, ? from calls where id = ?
         on conflict do nothing",
        kind.as_str(),
        now().unix_millis(),
        call_id
    );
    execute(connection, event).await.map(drop)
}
