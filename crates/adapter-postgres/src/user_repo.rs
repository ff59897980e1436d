use async_trait::async_trait;
use domain::ports::{PortUnavailable, UserRepo};
use domain::{User, UserId};
use sql_common::UserColumns;

use crate::PostgresStore;

#[async_trait]
impl UserRepo for PostgresStore {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                UserColumns,
                "select users.id, users.full_name, organizations.id as organization_id, \
                        organizations.name as organization_name, users.access_role \
                   from users join organizations on organizations.id = users.organization_id \
                  where users.id = $1",
                id.as_str()
            )
        })
        .await
    }
}
