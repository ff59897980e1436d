use async_trait::async_trait;
use domain::ports::{DirectoryPage, DirectoryQuery, DirectoryReader, PortUnavailable, Total};
use domain::{Agent, AgentId, CallerNumber, Contact, ContactId, PhoneNumber};
use sql_common::{AgentColumns, ContactColumns, ListedNumberColumns};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;

struct Counted {
    count: i64,
}

// A page and its count at the same time, on two connections, as in the history of calls. A record
// that an import stores between the two statements is counted and not listed, or the reverse.
#[async_trait]
impl DirectoryReader for PostgresStore {
    async fn agents(&self, query: &DirectoryQuery<AgentId>) -> Result<DirectoryPage<Agent>, PortUnavailable> {
        let page = self.read_rows(|| {
            sqlx::query_as!(
                AgentColumns,
                "select id, organization_id, name, voice_enabled, provider_agent_id from agents \
                  where organization_id = $1 and id > $2 order by id limit $3",
                query.organization_id.as_str(),
                query.after.as_ref().map_or("", AgentId::as_str),
                i64::from(query.limit)
            )
        });
        let count = self.only_row(Access::Read, || {
            sqlx::query_as!(
                Counted,
                r#"select count(*) as "count!" from (select from agents where organization_id = $1 limit $2) as own"#,
                query.organization_id.as_str(),
                count_limit(query)
            )
        });
        page_of(tokio::try_join!(page, count)?, query)
    }

    async fn numbers(
        &self,
        query: &DirectoryQuery<PhoneNumber>,
    ) -> Result<DirectoryPage<CallerNumber>, PortUnavailable> {
        let page = self.read_rows(|| {
            sqlx::query_as!(
                ListedNumberColumns,
                "select organization_id, user_id, phone_number, carrier, ai_enabled, on_trunk, provider_number_id \
                   from caller_numbers where organization_id = $1 and phone_number > $2 order by phone_number limit $3",
                query.organization_id.as_str(),
                query.after.as_ref().map_or("", PhoneNumber::as_e164),
                i64::from(query.limit)
            )
        });
        let count = self.only_row(Access::Read, || {
            sqlx::query_as!(
                Counted,
                r#"select count(*) as "count!" from (select from caller_numbers where organization_id = $1 limit $2) as own"#,
                query.organization_id.as_str(),
                count_limit(query)
            )
        });
        page_of(tokio::try_join!(page, count)?, query)
    }

    async fn contacts(
        &self,
        query: &DirectoryQuery<ContactId>,
    ) -> Result<DirectoryPage<Contact>, PortUnavailable> {
        let page = self.read_rows(|| {
            sqlx::query_as!(
                ContactColumns,
                "select id, organization_id, first_name, last_name, phone_number from contacts \
                  where organization_id = $1 and id > $2 order by id limit $3",
                query.organization_id.as_str(),
                query.after.as_ref().map_or("", ContactId::as_str),
                i64::from(query.limit)
            )
        });
        let count = self.only_row(Access::Read, || {
            sqlx::query_as!(
                Counted,
                r#"select count(*) as "count!" from (select from contacts where organization_id = $1 limit $2) as own"#,
                query.organization_id.as_str(),
                count_limit(query)
            )
        });
        page_of(tokio::try_join!(page, count)?, query)
    }
}

fn count_limit<K>(query: &DirectoryQuery<K>) -> i64 {
    i64::from(query.count_up_to) + 1
}

fn page_of<T, K>(
    (records, counted): (Vec<T>, Counted),
    query: &DirectoryQuery<K>,
) -> Result<DirectoryPage<T>, PortUnavailable> {
    let count = u32::try_from(counted.count).map_err(|_| because("a count was out of range"))?;
    Ok(DirectoryPage { records, total: Total::counted(count, query.count_up_to) })
}
