use async_trait::async_trait;
use domain::ports::{OrganizationPolicy, PortUnavailable, Provisioning, ProvisioningChanges};
use domain::{Agent, AgentId, NumberRecord, OrganizationId, PhoneNumber, TrunkId, User, UserId};
use sql_common::{
    AgentColumns, CALLS_PER_SECOND, NumberRecordColumns, OrganizationPolicyColumns, UserColumns,
};

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::Access;

// Without an organization in the predicates of the lists: they are for the operator.
#[async_trait]
impl Provisioning for PostgresStore {
    async fn organizations(
        &self,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationPolicy>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                OrganizationPolicyColumns,
                r#"select organizations.id, calling_policies.policy as "policy?"
                     from organizations
                     left join calling_policies on calling_policies.organization_id = organizations.id
                    where organizations.id > $1 order by organizations.id limit $2"#,
                after.as_ref().map_or("", OrganizationId::as_str),
                i64::from(limit)
            )
        })
        .await
    }

    async fn users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                UserColumns,
                "select users.id, users.full_name, organizations.id as organization_id, \
                        organizations.name as organization_name, users.access_role \
                   from users join organizations on organizations.id = users.organization_id \
                  where users.id > $1 order by users.id limit $2",
                after.as_ref().map_or("", UserId::as_str),
                i64::from(limit)
            )
        })
        .await
    }

    async fn agents(&self, after: Option<AgentId>, limit: u32) -> Result<Vec<Agent>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                AgentColumns,
                "select id, organization_id, name, voice_enabled, provider_agent_id from agents \
                  where id > $1 order by id limit $2",
                after.as_ref().map_or("", AgentId::as_str),
                i64::from(limit)
            )
        })
        .await
    }

    async fn numbers(
        &self,
        after: Option<(OrganizationId, PhoneNumber)>,
        limit: u32,
    ) -> Result<Vec<NumberRecord>, PortUnavailable> {
        let (organization_id, number) =
            after.as_ref().map_or(("", ""), |(id, number)| (id.as_str(), number.as_e164()));
        self.read_rows(|| {
            sqlx::query_as!(
                NumberRecordColumns,
                "select organization_id, user_id, phone_number, carrier, ai_enabled, on_trunk, provider_number_id, \
                        position \
                   from caller_numbers where (organization_id, phone_number) > ($1, $2) \
                  order by organization_id, phone_number limit $3",
                organization_id,
                number,
                i64::from(limit)
            )
        })
        .await
    }

    async fn apply(&self, changes: &ProvisioningChanges) -> Result<(), PortUnavailable> {
        let numbers = &changes.numbers;
        let organizations: Vec<&str> = numbers.iter().map(|it| it.organization_id.as_str()).collect();
        let phone_numbers: Vec<&str> = numbers.iter().map(|it| it.phone_number.as_e164()).collect();
        let on_trunk: Vec<bool> = numbers.iter().map(|it| it.on_trunk).collect();
        let number_ids: Vec<Option<&str>> =
            numbers.iter().map(|it| it.provider_number_id.as_ref().map(|id| id.as_str())).collect();
        let tenants: Vec<&str> = changes.agents.iter().map(|it| it.organization_id.as_str()).collect();
        let agents: Vec<&str> = changes.agents.iter().map(|it| it.agent_id.as_str()).collect();
        let agent_ids: Vec<&str> = changes.agents.iter().map(|it| it.provider_agent_id.as_str()).collect();
        let trunk = changes.trunk.as_ref();
        let limit = trunk.map_or(0, |trunk| i32::try_from(trunk.calls_per_second).unwrap_or(i32::MAX));
        self.row(Access::Write, || {
            sqlx::query!(
                r#"with numbers as (
                       update caller_numbers
                          set on_trunk = change.on_trunk, provider_number_id = change.provider_number_id
                         from unnest($1::text[], $2::text[], $3::boolean[], $4::text[])
                              as change (organization_id, phone_number, on_trunk, provider_number_id)
                        where caller_numbers.organization_id = change.organization_id
                          and caller_numbers.phone_number = change.phone_number
                       returning 1
                   ), synced as (
                       update agents
                          set provider_agent_id = change.provider_agent_id
                         from unnest($5::text[], $6::text[], $7::text[])
                              as change (organization_id, id, provider_agent_id)
                        where agents.organization_id = change.organization_id and agents.id = change.id
                       returning 1
                   ), limits as (
                       insert into trunks (id, carrier, calls_per_second)
                       select $8::text, $10::text, $9::integer where $8::text is not null
                       on conflict on constraint trunks_pkey do update
                          set carrier = excluded.carrier, calls_per_second = excluded.calls_per_second,
                              updated_at = now()
                       returning 1
                   ), replaced as (
                       delete from trunks where carrier = $10::text and id <> $8::text
                   )
                   select (select count(*) from numbers) + (select count(*) from synced)
                          + (select count(*) from limits) as "changed!""#,
                &organizations as _,
                &phone_numbers as _,
                &on_trunk,
                &number_ids as _,
                &tenants as _,
                &agents as _,
                &agent_ids as _,
                trunk.map(|trunk| trunk.id.as_str()),
                limit,
                trunk.map(|trunk| trunk.carrier.as_str())
            )
        })
        .await?;
        Ok(())
    }

    async fn calls_per_second(&self, trunk: &TrunkId) -> Result<Option<u32>, PortUnavailable> {
        let row = self.row(Access::Read, || {
            sqlx::query!(
                "select calls_per_second from trunks \
                  where id = $1 \
                    and not exists (select from trunks as other \
                                     where other.carrier = trunks.carrier and other.id <> trunks.id)",
                trunk.as_str()
            )
        });
        let limit = row.await?.map(|row| u32::try_from(row.calls_per_second));
        limit.transpose().map_err(|_| because(CALLS_PER_SECOND))
    }
}
