//! The import: one transaction on a connection of its own. Dropping the connection rolls the import
//! back.

mod callee_records;
mod run;
mod statements;

use std::future::Future;
use std::slice;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    Directory, DirectoryImport, PortUnavailable, RecordRefusal, StoredIdentity, UpsertError,
};
use domain::{DirectoryRecord, OrganizationId};
use sql_common::{NamedColumns, StoredIdentityColumns};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::PostgresStore;
use crate::directory::run::{runs, store};
use crate::failure::{because, unavailable, violated_constraint};

/// The time limit for one statement of an import, its wait for the locks of another import
/// included.
const STATEMENT_WITHIN: Duration = Duration::from_secs(60);

/// The same limit in the server. It is shorter, so that the server reports which limit was
/// exceeded.
const SERVER_SETTINGS: [(&str, &str); 3] = [
    ("statement_timeout", "55s"),
    ("lock_timeout", "30s"),
    // The role may have a limit for transactions of calls.
    ("idle_in_transaction_session_timeout", "55s"),
];

/// It is not a `sqlx::Transaction`, whose rollback waits for the server. This transaction ends with
/// its connection.
struct PostgresImport {
    connection: PgConnection,
}

#[async_trait]
impl Directory for PostgresStore {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        let mut import = PostgresImport { connection: self.connect_aside(&SERVER_SETTINGS).await? };
        import.command("begin").await?;
        Ok(Box::new(import))
    }

    async fn find_named(&self, records: &[DirectoryRecord]) -> Result<Vec<StoredIdentity>, PortUnavailable> {
        let named = NamedColumns::of(records);
        let [organizations, users, agents, contacts] =
            [named.organizations, named.users, named.agents, named.contacts].map(Vec::from_iter);
        let (tenants, numbers): (Vec<_>, Vec<_>) = named.numbers.into_iter().unzip();
        let (following, lists): (Vec<_>, Vec<_>) = named.lists.into_iter().unzip();
        // Without an organization in the predicate of an id: the answer is whose id it is.
        self.read_rows(|| {
            sqlx::query_as!(
                StoredIdentityColumns,
                r#"select 'organizations' as "kind!", id as "id!", id as "organization_id!", null as phone_number,
                          null as dated
                     from organizations where id = any($1)
                   union all
                   select 'users', id, organization_id, null, null from users where id = any($2)
                   union all
                   select 'agents', id, organization_id, null, null from agents where id = any($3)
                   union all
                   select 'do_not_call_lists', name, organization_id, null, to_char(dated, 'YYYY-MM-DD')
                     from unnest($7::text[], $8::text[]) as named (organization_id, name)
                     join do_not_call_lists using (organization_id, name)
                   union all
                   (select 'contacts', id, organization_id, phone_number, null from contacts where id = any($4)
                    union
                    select 'contacts', contacts.id, organization_id, phone_number, null
                      from unnest($5::text[], $6::text[]) as named (organization_id, phone_number)
                      join contacts using (organization_id, phone_number))"#,
                &organizations as _,
                &users as _,
                &agents as _,
                &contacts as _,
                &tenants as _,
                &numbers as _,
                &following as _,
                &lists as _
            )
        })
        .await
    }
}

#[async_trait]
impl DirectoryImport for PostgresImport {
    async fn upsert(&mut self, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
        let mut first = 0;
        for run in runs(records) {
            if !self.try_store(run).await? {
                self.store_one_by_one(first, run).await?;
            }
            first += run.len();
        }
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), PortUnavailable> {
        self.command("commit").await
    }
}

impl PostgresImport {
    /// Stores a whole run, or none of it if one of its records is refused.
    async fn try_store(&mut self, run: &[DirectoryRecord]) -> Result<bool, PortUnavailable> {
        self.command("savepoint run").await?;
        let whole = match within(store(&mut self.connection, run)).await? {
            Ok(stored) => stored == run.len(),
            Err(error) if violated_constraint(&error).is_some() => false,
            Err(error) => return Err(unavailable(&error)),
        };
        self.command(if whole { "release savepoint run" } else { "rollback to savepoint run" }).await?;
        Ok(whole)
    }

    /// Finds the record that is refused. If no record is refused any more, after a change by
    /// another process, stores all.
    async fn store_one_by_one(
        &mut self,
        first: usize,
        records: &[DirectoryRecord],
    ) -> Result<(), UpsertError> {
        for (index, record) in records.iter().enumerate() {
            self.command("savepoint record").await?;
            let refusal = match within(store(&mut self.connection, slice::from_ref(record))).await? {
                Ok(1) => None,
                Ok(_) => Some(RecordRefusal::OtherTenant),
                Err(error) => Some(refusal_of(&error).ok_or_else(|| unavailable(&error))?),
            };
            if let Some(refusal) = refusal {
                self.command("rollback to savepoint record").await?;
                let refusal = self.refine(refusal, record).await?;
                return Err(UpsertError::Refused { index: first + index, refusal });
            }
            self.command("release savepoint record").await?;
        }
        Ok(())
    }

    /// The foreign key of a number names its user. Whether the organization is missing takes
    /// another query.
    async fn refine(
        &mut self,
        refusal: RecordRefusal,
        record: &DirectoryRecord,
    ) -> Result<RecordRefusal, PortUnavailable> {
        match (refusal, record) {
            (RecordRefusal::UnknownUser, DirectoryRecord::Number(numbered))
                if !self.has_organization(&numbered.number.organization_id).await? =>
            {
                Ok(RecordRefusal::UnknownOrganization)
            }
            // Their organization has no foreign key, and they have no id that another one could have.
            (RecordRefusal::OtherTenant, record) => match callee_records::organization_of(record) {
                Some(organization_id) if self.has_organization(organization_id).await? => {
                    Ok(RecordRefusal::OlderCopy)
                }
                Some(_) => Ok(RecordRefusal::UnknownOrganization),
                None => Ok(refusal),
            },
            _ => Ok(refusal),
        }
    }

    async fn has_organization(&mut self, organization_id: &OrganizationId) -> Result<bool, PortUnavailable> {
        let exists = sqlx::query_scalar!(
            r#"select exists (select from organizations where id = $1) as "exists!""#,
            organization_id.as_str()
        );
        within(exists.fetch_one(&mut self.connection)).await?.map_err(|error| unavailable(&error))
    }

    async fn command(&mut self, sql: &'static str) -> Result<(), PortUnavailable> {
        let done = within(sqlx::raw_sql(sql).execute(&mut self.connection)).await?;
        done.map(|_| ()).map_err(|error| unavailable(&error))
    }
}

async fn within<T>(statement: impl Future<Output = T>) -> Result<T, PortUnavailable> {
    timeout(STATEMENT_WITHIN, statement).await.map_err(|_| because("no response in time"))
}

fn refusal_of(error: &sqlx::Error) -> Option<RecordRefusal> {
    match violated_constraint(error)? {
        "users_organization_id_fkey"
        | "agents_organization_id_fkey"
        | "contacts_organization_id_fkey"
        | "calling_policies_organization_id_fkey" => Some(RecordRefusal::UnknownOrganization),
        "caller_numbers_user_fkey" => Some(RecordRefusal::UnknownUser),
        "contacts_organization_id_phone_number_key" => Some(RecordRefusal::PhoneNumberTaken),
        _ => None,
    }
}
