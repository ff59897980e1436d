use async_trait::async_trait;
use domain::ports::{PortUnavailable, UserRepo};
use domain::{Organization, OrganizationId, PersonName, User, UserId};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};

struct UserRow {
    id: String,
    full_name: String,
    organization_id: String,
    organization_name: String,
}

impl TryFrom<UserRow> for User {
    type Error = PortUnavailable;

    fn try_from(row: UserRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            id: UserId::parse(&row.id).map_err(unreadable("users.id"))?,
            organization: Organization {
                id: OrganizationId::parse(&row.organization_id).map_err(unreadable("organizations.id"))?,
                name: PersonName::parse(&row.organization_name).map_err(unreadable("organizations.name"))?,
            },
            full_name: PersonName::parse(&row.full_name).map_err(unreadable("users.full_name"))?,
        })
    }
}

#[async_trait]
impl UserRepo for SqliteStore {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        let id = id.as_str();
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = sqlx::query_as!(
                UserRow,
                "select users.id, users.full_name, organization_id, organizations.name as organization_name
                 from users join organizations on organizations.id = organization_id
                 where users.id = ?",
                id
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            row.map(User::try_from).transpose()
        })
        .await
    }
}
