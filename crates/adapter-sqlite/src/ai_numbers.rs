use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AiNumbers, HeldNumber, HoldNumber, NumberHold, NumberOfUser, NumberToggle, PortUnavailable,
    StoreToggleResult,
};
use domain::{AgentId, AuditAction, PhoneNumber, ProviderNumberId};
use sql_common::{HeldNumberColumns, StoredTime as _, number_job, toggle_detail};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::audit_log::{self, Change};
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, within};
use crate::statement::{execute, read, row};

#[async_trait]
impl AiNumbers for SqliteStore {
    async fn hold(&self, number: &NumberOfUser, hold_for: Duration) -> Result<HoldNumber, PortUnavailable> {
        let number = Arc::new(number.clone());
        let held = self.connections.write_synced(move |writer| {
            let number = Arc::clone(&number);
            Box::pin(async move { hold(writer, &number, hold_for).await })
        });
        within(STORAGE_LIMIT, held).await
    }

    async fn store(&self, change: &NumberToggle) -> Result<StoreToggleResult, PortUnavailable> {
        let change = Arc::new(change.clone());
        let stored = self.connections.write_synced(move |writer| {
            let change = Arc::clone(&change);
            Box::pin(async move { store(writer, &change).await })
        });
        within(STORAGE_LIMIT, stored).await
    }

    async fn release(&self, phone_number: &PhoneNumber, hold: NumberHold) -> Result<(), PortUnavailable> {
        let job = number_job(phone_number);
        self.write_synced(sqlx::query!(
            "delete from job_leases where job = ? and leased_until = ?",
            job,
            hold.0.unix_millis()
        ))
        .await?;
        Ok(())
    }
}

async fn hold(
    connection: &mut SqliteConnection,
    number: &NumberOfUser,
    hold_for: Duration,
) -> Result<HoldNumber, PortUnavailable> {
    let NumberOfUser { organization_id, user_id, phone_number } = number;
    let found = sqlx::query_as!(
        HeldNumberColumns,
        r#"select organization_id, user_id, phone_number, carrier, ai_enabled as "ai_enabled: bool",
                  on_trunk as "on_trunk: bool", provider_number_id, ai_agent_id,
                  exists (select 1 from caller_numbers as others
                          where others.phone_number = ?3 and others.organization_id <> ?1
                              and others.ai_enabled) as "is_used_by_others!: bool"
           from caller_numbers where organization_id = ?1 and user_id = ?2 and phone_number = ?3"#,
        organization_id.as_str(),
        user_id.as_str(),
        phone_number.as_e164()
    );
    let Some(found) = row(&mut *connection, found).await? else { return Ok(HoldNumber::Absent) };
    let (job, now) = (number_job(phone_number), now());
    let leased = sqlx::query!(
        r#"insert into job_leases (job, leased_until) values (?1, ?2)
           on conflict (job) do update set leased_until = excluded.leased_until
               where job_leases.leased_until <= ?3
           returning leased_until as "leased_until!""#,
        job,
        now.after(hold_for).unix_millis(),
        now.unix_millis()
    );
    let Some(lease) = row(connection, leased).await? else { return Ok(HoldNumber::HeldByOther) };
    let (number, agent_id, is_used_by_others) = read(found)?;
    let hold = NumberHold(lease.leased_until.timestamp());
    Ok(HoldNumber::Held(Box::new(HeldNumber { number, agent_id, is_used_by_others, hold })))
}

async fn store(
    connection: &mut SqliteConnection,
    change: &NumberToggle,
) -> Result<StoreToggleResult, PortUnavailable> {
    let job = number_job(&change.phone_number);
    let ended = sqlx::query!(
        "delete from job_leases where job = ?1 and leased_until = ?2 and leased_until > ?3",
        job,
        change.hold.0.unix_millis(),
        now().unix_millis()
    );
    if execute(&mut *connection, ended).await? == 0 {
        return Ok(StoreToggleResult::HoldEnded);
    }
    let changed = sqlx::query!(
        "update caller_numbers set ai_enabled = ?1, on_trunk = ?2, provider_number_id = ?3, ai_agent_id = ?4
         where organization_id = ?5 and phone_number = ?6",
        change.ai_enabled,
        change.on_trunk,
        change.provider_number_id.as_ref().map(ProviderNumberId::as_str),
        change.agent_id.as_ref().map(AgentId::as_str),
        change.organization_id.as_str(),
        change.phone_number.as_e164()
    );
    if execute(&mut *connection, changed).await? == 0 {
        return Ok(StoreToggleResult::HoldEnded);
    }
    let detail = toggle_detail(change);
    let audited = Change {
        organization_id: &change.organization_id,
        at: change.at,
        user_id: Some(&change.changed_by),
        action: if change.ai_enabled { AuditAction::NumberEnabled } else { AuditAction::NumberDisabled },
        object_id: Some(change.phone_number.as_e164()),
        detail: detail.as_deref(),
    };
    execute(connection, audit_log::write(&audited)).await?;
    Ok(StoreToggleResult::Stored)
}
