//! What decisions depend on, without the ports that store it.

use async_trait::async_trait;
use domain::{OrganizationId, PhoneNumber, Timestamp};
use sql_common::write_policy;
use testkit::harness::{StoredFact, StoresCallingFacts};

use super::StoreHarness;

#[async_trait]
impl StoresCallingFacts for StoreHarness {
    async fn store_fact(&self, fact: &StoredFact) {
        let mut connection = self.connect().await;
        let id = testkit::fixtures::call_id().to_string();
        let written = match fact {
            StoredFact::Policy(organization_id, policy) => {
                let (by, at) = policy.changed.as_ref().expect("a stored policy was changed by a user");
                sqlx::query(
                    "insert into calling_policies (organization_id, policy, revision, changed_at, changed_by)
                     values ($1, $2, $3, $4, $5)
                     on conflict (organization_id) do update
                         set policy = excluded.policy, revision = excluded.revision,
                             changed_at = excluded.changed_at, changed_by = excluded.changed_by",
                )
                .bind(organization_id.as_str())
                .bind(write_policy(&policy.policy))
                .bind(i64::try_from(policy.revision).expect("a few"))
                .bind(at.unix_millis())
                .bind(by.as_str())
            }
            StoredFact::Place(contact_id, place) => {
                sqlx::query("update contacts set time_zone = $2, region = $3 where id = $1")
                    .bind(contact_id.as_str())
                    .bind(place.zone.as_ref().map(|zone| zone.as_str().to_owned()))
                    .bind(place.region.as_ref().map(|region| region.as_str().to_owned()))
            }
            StoredFact::Suppression { organization_id, callee, expires_at } => sqlx::query(
                "insert into suppressions
                     (id, organization_id, phone_number, contact_id, source, created_at, expires_at)
                 values ($1, $2, $3, $4, 'test', 0, $5)",
            )
            .bind(id)
            .bind(organization_id.as_ref().map(OrganizationId::as_str))
            .bind(callee.number().map(PhoneNumber::as_e164))
            .bind(callee.contact_id().map(|id| id.as_str()))
            .bind(expires_at.map(Timestamp::unix_millis)),
            StoredFact::DoNotCallList { organization_id, name, dated } => sqlx::query(
                "insert into do_not_call_lists (organization_id, name, dated) values ($1, $2, $3)
                 on conflict (organization_id, name) do update set dated = excluded.dated",
            )
            .bind(organization_id.as_str())
            .bind(&**name)
            .bind(dated.to_string()),
            StoredFact::DoNotCallNumber { organization_id, list, number, dated } => sqlx::query(
                "insert into do_not_call_numbers (phone_number, organization_id, list, dated)
                 values ($4, $1, $2, $3)
                 on conflict (phone_number, organization_id, list) do update set dated = excluded.dated",
            )
            .bind(organization_id.as_str())
            .bind(&**list)
            .bind(dated.to_string())
            .bind(number.as_e164()),
            StoredFact::Trunk(trunk) => sqlx::query(
                "insert into trunks (id, carrier, calls_per_second) values (?, ?, ?)",
            )
            .bind(trunk.id.as_str().to_owned())
            .bind(trunk.carrier.as_str().to_owned())
            .bind(i32::try_from(trunk.calls_per_second).expect("a few")),
            StoredFact::Consent { organization_id, callee, consent } => sqlx::query(
                "insert into consents
                     (id, organization_id, phone_number, contact_id, kind, given_at, expires_at, revoked_at, created_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $6)",
            )
            .bind(id)
            .bind(organization_id.as_str())
            .bind(callee.number().map(PhoneNumber::as_e164))
            .bind(callee.contact_id().map(|id| id.as_str()))
            .bind(consent.kind.as_str())
            .bind(consent.given_at.unix_millis())
            .bind(consent.expires_at.map(Timestamp::unix_millis))
            .bind(consent.revoked_at.map(Timestamp::unix_millis)),
        };
        written.execute(&mut connection).await.expect("the fact can be stored");
    }
}
