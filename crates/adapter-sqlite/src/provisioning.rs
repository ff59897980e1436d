use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    OrganizationPolicy, PortUnavailable, ProvisionedTrunk, Provisioning, ProvisioningChanges,
};
use domain::{Agent, AgentId, NumberRecord, OrganizationId, PhoneNumber, TrunkId, User, UserId};
use sql_common::{
    AgentColumns, CALLS_PER_SECOND, NumberRecordColumns, OrganizationPolicyColumns, UserColumns,
};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, within};
use crate::statement::{execute, row};

// Without an organization in the predicates of the lists: they are for the operator.
#[async_trait]
impl Provisioning for SqliteStore {
    async fn organizations(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationPolicy>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            OrganizationPolicyColumns,
            r#"select organizations.id, calling_policies.policy as "policy?"
               from organizations left join calling_policies on organization_id = organizations.id
               where organizations.id > ? order by organizations.id limit ?"#,
            after.as_ref().map_or("", OrganizationId::as_str),
            limit
        ))
        .await
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            UserColumns,
            "select users.id, users.full_name, organization_id, organizations.name as organization_name, access_role
             from users join organizations on organizations.id = organization_id
             where users.id > ? order by users.id limit ?",
            after.as_ref().map_or("", UserId::as_str),
            limit
        ))
        .await
    }

    async fn agents(&self, after: Option<AgentId>, limit: u32) -> Result<Vec<Agent>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            AgentColumns,
            r#"select id, organization_id, name, voice_enabled as "voice_enabled: bool", provider_agent_id
               from agents where id > ? order by id limit ?"#,
            after.as_ref().map_or("", AgentId::as_str),
            limit
        ))
        .await
    }

    async fn numbers(
        &self,
        after: Option<(OrganizationId, PhoneNumber)>,
        limit: u32,
    ) -> Result<Vec<NumberRecord>, PortUnavailable> {
        let (organization_id, number) =
            after.as_ref().map_or(("", ""), |(id, number)| (id.as_str(), number.as_e164()));
        self.read_rows(sqlx::query_as!(
            NumberRecordColumns,
            r#"select organization_id, user_id, phone_number, carrier, ai_enabled as "ai_enabled: bool",
                      on_trunk as "on_trunk: bool", provider_number_id, position
               from caller_numbers where (organization_id, phone_number) > (?, ?)
               order by organization_id, phone_number limit ?"#,
            organization_id,
            number,
            limit
        ))
        .await
    }

    async fn apply(&self, changes: &ProvisioningChanges) -> Result<(), PortUnavailable> {
        let changes = Arc::new(changes.clone());
        let write = self.connections.write_synced(move |writer| {
            let changes = Arc::clone(&changes);
            Box::pin(async move { apply(writer, &changes).await })
        });
        within(STORAGE_LIMIT, write).await
    }

    async fn calls_per_second(&self, trunk: &TrunkId) -> Result<Option<u32>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let statement = sqlx::query!(
                "select calls_per_second from trunks
                 where id = ? and not exists (select 1 from trunks as other
                                              where other.carrier = trunks.carrier and other.id <> trunks.id)",
                trunk.as_str()
            );
            let limit = row(&mut reader, statement).await?.map(|row| u32::try_from(row.calls_per_second));
            limit.transpose().map_err(|_| failed(CALLS_PER_SECOND))
        })
        .await
    }
}

async fn apply(
    connection: &mut SqliteConnection,
    changes: &ProvisioningChanges,
) -> Result<(), PortUnavailable> {
    for number in &changes.numbers {
        let statement = sqlx::query!(
            "update caller_numbers set on_trunk = ?1, provider_number_id = ?2
             where organization_id = ?3 and phone_number = ?4",
            number.on_trunk,
            number.provider_number_id.as_ref().map(|id| id.as_str()),
            number.organization_id.as_str(),
            number.phone_number.as_e164()
        );
        execute(connection, statement).await?;
    }
    for agent in &changes.agents {
        let statement = sqlx::query!(
            "update agents set provider_agent_id = ?1 where organization_id = ?2 and id = ?3",
            agent.provider_agent_id.as_str(),
            agent.organization_id.as_str(),
            agent.agent_id.as_str()
        );
        execute(connection, statement).await?;
    }
    if let Some(ProvisionedTrunk { id, carrier, calls_per_second }) = &changes.trunk {
        let statement = sqlx::query!(
            "insert into trunks (id, carrier, calls_per_second) values (?1, ?2, ?3)
             on conflict (id) do update
                 set carrier = excluded.carrier, calls_per_second = excluded.calls_per_second",
            id.as_str(),
            carrier.as_str(),
            *calls_per_second
        );
        execute(connection, statement).await?;
        let replaced =
            sqlx::query!("delete from trunks where carrier = ?1 and id <> ?2", carrier.as_str(), id.as_str());
        execute(connection, replaced).await?;
    }
    Ok(())
}
