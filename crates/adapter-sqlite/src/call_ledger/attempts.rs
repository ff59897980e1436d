//! The attempts to reach a callee about a subject.

use domain::CallId;
use domain::ports::PortUnavailable;
use sqlx::SqliteConnection;

use crate::statement::execute;

/// Takes the attempt of a call that was not dialled back, if it was counted.
pub(super) async fn take_back(
    connection: &mut SqliteConnection,
    call_id: &CallId,
) -> Result<(), PortUnavailable> {
    let call_id = call_id.as_str();
    let taken_back = sqlx::query!(
        "update call_attempts
         set attempts = (select json_group_array(json(attempt.value))
                         from json_each(call_attempts.attempts) as attempt where attempt.value ->> 1 <> ?1)
         where (organization_id, phone_number, subject)
               in (select organization_id, to_number, coalesce(subject, '') from calls where id = ?1)",
        call_id
    );
    execute(connection, taken_back).await.map(drop)
}
