//! Records about callees. Their organization has no foreign key, so that it is looked up.

use domain::ports::{PortUnavailable, RecordRefusal};
use domain::{ConsentRecord, DoNotCallCopy, DoNotCallNumber, OrganizationId, Suppression};
use sqlx::SqliteConnection;

use super::{Failure, is_stored};
use crate::callee_records::{add_consent, add_suppression};
use crate::statement::execute;

pub(super) async fn suppression(
    connection: &mut SqliteConnection,
    record: &Suppression,
) -> Result<(), Failure> {
    let Some(organization_id) = &record.organization_id else {
        return Err(Failure::Refused(RecordRefusal::UnknownOrganization));
    };
    require_organization(connection, organization_id).await?;
    stored(add_suppression(connection, record).await.map(|_| ()))
}

pub(super) async fn consent(
    connection: &mut SqliteConnection,
    record: &ConsentRecord,
) -> Result<(), Failure> {
    require_organization(connection, &record.organization_id).await?;
    stored(add_consent(connection, record).await.map(|_| ()))
}

pub(super) async fn do_not_call_number(
    connection: &mut SqliteConnection,
    record: &DoNotCallNumber,
) -> Result<(), Failure> {
    require_organization(connection, &record.copy.organization_id).await?;
    let written = sqlx::query!(
        "insert into do_not_call_numbers (organization_id, list, phone_number, dated) values (?, ?, ?, ?)
         on conflict (phone_number, organization_id, list) do update set dated = excluded.dated
             where do_not_call_numbers.dated < excluded.dated",
        record.copy.organization_id.as_str(),
        record.copy.name.as_str(),
        record.phone_number.as_e164(),
        record.copy.dated.to_string()
    );
    stored(execute(connection, written).await.map(|_| ()))
}

/// A copy that is older than the stored one is refused.
pub(super) async fn do_not_call_copy(
    connection: &mut SqliteConnection,
    record: &DoNotCallCopy,
) -> Result<(), Failure> {
    require_organization(connection, &record.organization_id).await?;
    let written = sqlx::query!(
        "insert into do_not_call_lists (organization_id, name, dated) values (?, ?, ?)
         on conflict (organization_id, name) do update set dated = excluded.dated
             where do_not_call_lists.dated <= excluded.dated",
        record.organization_id.as_str(),
        record.name.as_str(),
        record.dated.to_string()
    );
    let is_written = execute(connection, written).await.map_err(Failure::Unavailable)? > 0;
    if is_written { Ok(()) } else { Err(Failure::Refused(RecordRefusal::OlderCopy)) }
}

async fn require_organization(
    connection: &mut SqliteConnection,
    organization_id: &OrganizationId,
) -> Result<(), Failure> {
    let is_stored = is_stored(connection, organization_id).await?;
    if is_stored { Ok(()) } else { Err(Failure::Refused(RecordRefusal::UnknownOrganization)) }
}

fn stored(result: Result<(), PortUnavailable>) -> Result<(), Failure> {
    result.map_err(Failure::Unavailable)
}
