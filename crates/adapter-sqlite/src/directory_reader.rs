use async_trait::async_trait;
use domain::ports::{DirectoryPage, DirectoryQuery, DirectoryReader, PortUnavailable, Total};
use domain::{Agent, AgentId, CallerNumber, Contact, ContactId, PhoneNumber};
use sql_common::{AgentColumns, Columns, ContactColumns, ListedNumberColumns};
use sqlx::query::QueryScalar;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Acquire, Sqlite};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, within};
use crate::statement::{Mapping, Select, read_all, rows};

#[async_trait]
impl DirectoryReader for SqliteStore {
    async fn agents(&self, query: &DirectoryQuery<AgentId>) -> Result<DirectoryPage<Agent>, PortUnavailable> {
        let page = sqlx::query_as!(
            AgentColumns,
            r#"select id, organization_id, name, voice_enabled as "voice_enabled: bool", provider_agent_id
               from agents where organization_id = ? and id > ? order by id limit ?"#,
            query.organization_id.as_str(),
            query.after.as_ref().map_or("", AgentId::as_str),
            query.limit
        );
        let count = sqlx::query_scalar!(
            "select count(*) from (select 1 from agents where organization_id = ? limit ?)",
            query.organization_id.as_str(),
            count_limit(query)
        );
        self.page_and_count(page, count, query.count_up_to).await
    }

    async fn numbers(
        &self,
        query: &DirectoryQuery<PhoneNumber>,
    ) -> Result<DirectoryPage<CallerNumber>, PortUnavailable> {
        let page = sqlx::query_as!(
            ListedNumberColumns,
            r#"select organization_id, user_id, phone_number, carrier, ai_enabled as "ai_enabled: bool",
                      on_trunk as "on_trunk: bool", provider_number_id
               from caller_numbers where organization_id = ? and phone_number > ? order by phone_number limit ?"#,
            query.organization_id.as_str(),
            query.after.as_ref().map_or("", PhoneNumber::as_e164),
            query.limit
        );
        let count = sqlx::query_scalar!(
            "select count(*) from (select 1 from caller_numbers where organization_id = ? limit ?)",
            query.organization_id.as_str(),
            count_limit(query)
        );
        self.page_and_count(page, count, query.count_up_to).await
    }

    async fn contacts(
        &self,
        query: &DirectoryQuery<ContactId>,
    ) -> Result<DirectoryPage<Contact>, PortUnavailable> {
        let page = sqlx::query_as!(
            ContactColumns,
            "select id, organization_id, first_name, last_name, phone_number
             from contacts where organization_id = ? and id > ? order by id limit ?",
            query.organization_id.as_str(),
            query.after.as_ref().map_or("", ContactId::as_str),
            query.limit
        );
        let count = sqlx::query_scalar!(
            "select count(*) from (select 1 from contacts where organization_id = ? limit ?)",
            query.organization_id.as_str(),
            count_limit(query)
        );
        self.page_and_count(page, count, query.count_up_to).await
    }
}

fn count_limit<K>(query: &DirectoryQuery<K>) -> i64 {
    i64::from(query.count_up_to) + 1
}

impl SqliteStore {
    async fn page_and_count<C: Columns + Send + Unpin, M: Mapping<C>>(
        &self,
        page: Select<'_, M>,
        count: QueryScalar<'_, Sqlite, i64, SqliteArguments>,
        count_up_to: u32,
    ) -> Result<DirectoryPage<C::Value>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let mut snapshot = reader.begin().await.map_err(unavailable)?;
            let page = rows(&mut snapshot, page).await?;
            let count = count.fetch_one(&mut *snapshot).await.map_err(unavailable)?;
            let count = u32::try_from(count).map_err(|_| failed("a count was out of range"))?;
            Ok(DirectoryPage { records: read_all(page)?, total: Total::counted(count, count_up_to) })
        })
        .await
    }
}
