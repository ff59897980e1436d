use async_trait::async_trait;
use domain::ports::{PortUnavailable, UserRepo};
use domain::{User, UserId};
use sql_common::UserColumns;

use crate::SqliteStore;

#[async_trait]
impl UserRepo for SqliteStore {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            UserColumns,
            "select users.id, users.full_name, organization_id, organizations.name as organization_name, access_role
             from users join organizations on organizations.id = organization_id
             where users.id = ?",
            id.as_str()
        ))
        .await
    }
}
