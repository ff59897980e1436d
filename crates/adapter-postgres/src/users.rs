use async_trait::async_trait;
use domain::ports::{PortUnavailable, UserRepo};
use domain::{Organization, OrganizationId, PersonName, User, UserId};

use crate::PostgresStore;
use crate::row::read;

struct UserRow {
    id: String,
    full_name: String,
    organization_id: String,
    organization_name: String,
}

#[async_trait]
impl UserRepo for PostgresStore {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        let row = self.repeatable(|| {
            sqlx::query_as!(
                UserRow,
                "select users.id, users.full_name, organizations.id as organization_id, \
                        organizations.name as organization_name \
                   from users join organizations on organizations.id = users.organization_id \
                  where users.id = $1",
                id.as_str()
            )
        });
        row.await?.map(User::try_from).transpose()
    }
}

impl TryFrom<UserRow> for User {
    type Error = PortUnavailable;

    fn try_from(row: UserRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            id: read("users.id", &row.id, UserId::parse)?,
            organization: Organization {
                id: read("organizations.id", &row.organization_id, OrganizationId::parse)?,
                name: read("organizations.name", &row.organization_name, PersonName::parse)?,
            },
            full_name: read("users.full_name", &row.full_name, PersonName::parse)?,
        })
    }
}
