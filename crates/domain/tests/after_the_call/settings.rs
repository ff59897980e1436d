use std::sync::Arc;

use domain::ports::{CallingRules, Clock, MockAuditLog, MockCallingPolicies, Proximity, RuleQuestion};
use domain::{
    AccessRole, AppliedRules, CallingPolicy, DirectoryRecord, LocalMoment, OrganizationSettings,
    OrganizationSettingsError, OrganizationSettingsPorts, PhoneNumber, Region, RuleId, Timestamp, UserRecord,
    ZoneName,
};
use testkit::fixtures::calling_policy;

use crate::world::{World, stranger, unavailable};

/// Every zone exists, and no rule.
struct Zones;

impl CallingRules for Zones {
    fn apply(&self, _: &RuleQuestion<'_>) -> AppliedRules {
        AppliedRules::default()
    }

    fn local_time(&self, _: &ZoneName, _: Timestamp) -> Option<LocalMoment> {
        None
    }

    fn start_of_day(&self, _: &ZoneName, _: Timestamp) -> Option<Timestamp> {
        None
    }

    fn proximity(&self, _: &PhoneNumber, _: &PhoneNumber) -> Proximity {
        Proximity::Elsewhere
    }

    fn states(&self, _: &PhoneNumber) -> Vec<Region> {
        Vec::new()
    }

    fn knows(&self, _: &RuleId) -> bool {
        false
    }

    fn knows_zone(&self, _: &ZoneName) -> bool {
        true
    }
}

/// A world whose user has this role.
fn world(role: &str) -> World {
    let world = World::new();
    let access_role = AccessRole::parse(role).ok();
    world.memory.import(&[DirectoryRecord::User(UserRecord { access_role, ..world.tenant.user.clone() })]);
    world
}

fn ports(world: &World) -> OrganizationSettingsPorts {
    let memory = Arc::new(world.memory.clone());
    OrganizationSettingsPorts {
        users: memory.clone(),
        policies: memory.clone(),
        audit: memory,
        rules: Arc::new(Zones),
        clock: world.clock.clone(),
    }
}

/// A mock without an expectation panics when it is called.
fn without_stores(world: &World) -> OrganizationSettings {
    let (policies, audit) = (Arc::new(MockCallingPolicies::new()), Arc::new(MockAuditLog::new()));
    OrganizationSettings::new(OrganizationSettingsPorts { policies, audit, ..ports(world) })
}

#[tokio::test]
async fn a_policy_is_replaced_with_the_time_of_the_clock_and_counts_up() {
    let world = world("ADMIN");
    let (settings, user) = (OrganizationSettings::new(ports(&world)), world.user_id());
    assert_eq!(settings.policy(user).await.map(|stored| stored.revision), Ok(0));
    for revision in 0..3 {
        let policy = CallingPolicy { user_calls_per_day: Some(7), ..CallingPolicy::default() };
        let replaced = settings.replace_policy(user, revision, policy).await.expect("it is stored");
        assert_eq!(replaced.revision, revision + 1);
        assert_eq!(replaced.changed, Some((user.clone(), Clock::now(&*world.clock))));
        assert_eq!(settings.policy(user).await, Ok(replaced));
    }
    let late = settings.replace_policy(user, 1, CallingPolicy::default()).await;
    assert_eq!(late, Err(OrganizationSettingsError::ChangedMeanwhile));
    assert_eq!(settings.audit(user, None, None, 2).await.map(|records| records.len()), Ok(2));
}

#[tokio::test]
async fn nothing_is_asked_of_the_stores_for_a_user_without_the_role() {
    let world = world("DEPARTMENT_HEAD");
    let (settings, user) = (without_stores(&world), world.user_id());
    let refused = settings.replace_policy(user, 0, CallingPolicy::default()).await;
    assert_eq!(refused, Err(OrganizationSettingsError::NotPermitted));
    assert_eq!(settings.audit(user, None, None, 1).await, Err(OrganizationSettingsError::NotPermitted));
    let not_found = OrganizationSettingsError::UserNotFound;
    assert_eq!(settings.policy(&stranger()).await, Err(not_found.clone()));
    let replaced = settings.replace_policy(&stranger(), 0, CallingPolicy::default()).await;
    assert_eq!(replaced, Err(not_found));
}

#[tokio::test]
async fn a_policy_with_a_rule_that_does_not_exist_is_not_stored() {
    let world = world("SUPERADMIN");
    let refused = without_stores(&world).replace_policy(world.user_id(), 0, calling_policy()).await;
    let Err(OrganizationSettingsError::Invalid(faults)) = refused else { panic!("it is not valid") };
    assert_eq!(faults.iter().map(|fault| &*fault.field).collect::<Vec<_>>(), ["packs.telemarketing"]);
}

#[tokio::test]
async fn a_lost_store_is_unavailable() {
    let world = world("ADMIN");
    let mut policies = MockCallingPolicies::new();
    policies.expect_find().returning(|_| Err(unavailable()));
    policies.expect_put().returning(|_| Err(unavailable()));
    let settings = OrganizationSettings::new(OrganizationSettingsPorts {
        policies: Arc::new(policies),
        ..ports(&world)
    });
    let user = world.user_id();
    let lost = Err(OrganizationSettingsError::ServiceUnavailable(unavailable()));
    assert_eq!(settings.policy(user).await, lost);
    assert_eq!(settings.replace_policy(user, 0, CallingPolicy::default()).await, lost);
}
