use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AiNumbers, HeldNumber, HoldNumber, NumberHold, NumberOfUser, NumberToggle, PortUnavailable,
    StoreToggleResult,
};
use domain::{AgentId, AuditAction, PhoneNumber, ProviderNumberId};
use sql_common::{HeldNumberColumns, StoredTime as _, number_job, toggle_detail};
use sqlx::{Connection, PgConnection};

use crate::PostgresStore;
use crate::statement::{Access, Failure, Work, read};
use crate::timestamp::PgTime;

#[async_trait]
impl AiNumbers for PostgresStore {
    async fn hold(&self, number: &NumberOfUser, hold_for: Duration) -> Result<HoldNumber, PortUnavailable> {
        match self.run(&Holding { number, hold_for }).await? {
            Held::By(hold, row) => {
                let (number, agent_id, is_used_by_others) = read(row)?;
                Ok(HoldNumber::Held(Box::new(HeldNumber { number, agent_id, is_used_by_others, hold })))
            }
            Held::ByOther => Ok(HoldNumber::HeldByOther),
            Held::Absent => Ok(HoldNumber::Absent),
        }
    }

    /// Not repeated after a broken connection: the second statement would find no hold.
    async fn store(&self, change: &NumberToggle) -> Result<StoreToggleResult, PortUnavailable> {
        let at = PgTime::stored(change.at)?;
        let action = if change.ai_enabled { AuditAction::NumberEnabled } else { AuditAction::NumberDisabled };
        let (job, detail) = (number_job(&change.phone_number), toggle_detail(change));
        let stored = self.only_row(Access::WriteOnce, || {
            sqlx::query!(
                r#"with ended as (
                       delete from job_leases
                        where job = $1 and leased_until = $2 and leased_until > clock_timestamp()
                       returning job
                   ), changed as (
                       update caller_numbers
                          set ai_enabled = $5, on_trunk = $6, provider_number_id = $7, ai_agent_id = $8
                        where organization_id = $3 and phone_number = $4 and exists (select from ended)
                       returning organization_id, phone_number
                   ), audited as (
                       insert into audit_records (organization_id, at, user_id, action, object_id, detail)
                       select organization_id, $9, $10, $11, phone_number, $12 from changed
                   )
                   select exists (select from changed) as "stored!""#,
                job,
                PgTime::bound(change.hold.0) as _,
                change.organization_id.as_str(),
                change.phone_number.as_e164(),
                change.ai_enabled,
                change.on_trunk,
                change.provider_number_id.as_ref().map(ProviderNumberId::as_str),
                change.agent_id.as_ref().map(AgentId::as_str),
                at as _,
                change.changed_by.as_str(),
                action.as_str(),
                detail.as_deref()
            )
        });
        Ok(if stored.await?.stored { StoreToggleResult::Stored } else { StoreToggleResult::HoldEnded })
    }

    async fn release(&self, phone_number: &PhoneNumber, hold: NumberHold) -> Result<(), PortUnavailable> {
        let job = number_job(phone_number);
        self.row(Access::Write, || {
            sqlx::query!(
                "delete from job_leases where job = $1 and leased_until = $2 returning job",
                job,
                PgTime::bound(hold.0) as _
            )
        })
        .await?;
        Ok(())
    }
}

struct Holding<'a> {
    number: &'a NumberOfUser,
    hold_for: Duration,
}

enum Held {
    By(NumberHold, HeldNumberColumns),
    ByOther,
    Absent,
}

impl Work for Holding<'_> {
    type Output = Held;

    /// A second run would find the hold of the first.
    fn access(&self) -> Access {
        Access::WriteOnce
    }

    async fn run(&self, connection: &mut PgConnection) -> Result<Held, Failure> {
        let NumberOfUser { organization_id, user_id, phone_number } = self.number;
        let mut transaction = connection.begin().await?;
        let leased = sqlx::query!(
            "insert into job_leases (job, leased_until) \
             values ($1, date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => $2)) \
             on conflict on constraint job_leases_pkey do update \
                set leased_until = excluded.leased_until \
              where job_leases.leased_until <= clock_timestamp() \
             returning leased_until",
            number_job(phone_number),
            self.hold_for.as_secs_f64()
        );
        let leased = leased.fetch_optional(&mut *transaction).await?;
        // A statement of its own, so that it sees what the change before has stored.
        let number = sqlx::query_as!(
            HeldNumberColumns,
            r#"select organization_id, user_id, phone_number, carrier, ai_enabled, on_trunk, provider_number_id,
                      ai_agent_id,
                      exists (select from caller_numbers as others
                               where others.phone_number = $3 and others.organization_id <> $1
                                 and others.ai_enabled) as "is_used_by_others!"
                 from caller_numbers
                where organization_id = $1 and user_id = $2 and phone_number = $3"#,
            organization_id.as_str(),
            user_id.as_str(),
            phone_number.as_e164()
        );
        let number = number.fetch_optional(&mut *transaction).await?;
        match (leased, number) {
            (Some(lease), Some(number)) => {
                transaction.commit().await?;
                Ok(Held::By(NumberHold(lease.leased_until.timestamp()), number))
            }
            // What is not committed is rolled back.
            (None, Some(_)) => Ok(Held::ByOther),
            (_, None) => Ok(Held::Absent),
        }
    }
}
