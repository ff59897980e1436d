//! Who may change the accounts of an organization, and what is stored of them.

use std::sync::Arc;

use domain::ports::{
    Activation, CreatedWebhook, CredentialCipher, CredentialStore as _, MockCredentialCipher,
    MockIdentifiers, MockVendorAccess, MockVoiceWorkspace, NoCredentialsKey, SigningSecret, VendorFailure,
    VoiceWorkspace,
};
use domain::{
    AccessRole, ConfigChange, DirectoryRecord, RotateCredentials, Rotation, SavedConfig, SecretKind,
    UserRecord, VendorSecret, VoiceConfig, VoiceConfigError, VoiceConfigPorts, VoiceConfigSettings,
};
use testkit::fixtures::SERVED_CARRIERS;
use testkit::memory::{OwnWebhooks, PlainCipher};

use crate::world::{World, unavailable};

/// A world whose user has this role.
fn world(role: &str) -> World {
    let world = World::new();
    let access_role = AccessRole::parse(role).ok();
    world.memory.import(&[DirectoryRecord::User(UserRecord { access_role, ..world.tenant.user.clone() })]);
    world
}

fn secret(text: &str) -> VendorSecret {
    VendorSecret::parse(text).expect("a secret")
}

fn with_key() -> ConfigChange {
    ConfigChange { voice_api_key: Some(Some(secret("sk_new"))), ..ConfigChange::default() }
}

/// A workspace that accepts the key, or not, and has no webhook.
fn workspace(numbers: Result<(), VendorFailure>, activation: Activation) -> Arc<dyn VoiceWorkspace> {
    let mut workspace = MockVoiceWorkspace::new();
    workspace.expect_numbers().returning(move || numbers.clone().map(|()| Vec::new()));
    workspace.expect_find_webhook().returning(|_| Ok(None));
    workspace.expect_create_webhook().returning(|url| {
        assert!(url.starts_with("https://gateway.example.com/hooks/"), "{url}");
        Ok(CreatedWebhook { id: "webhook-1".to_owned(), secret: Some(SigningSecret::new("wsec_created")) })
    });
    workspace.expect_activate_webhook().returning(move |_| Ok(activation));
    Arc::new(workspace)
}

fn use_case(
    world: &World,
    workspace: Arc<dyn VoiceWorkspace>,
    cipher: Arc<dyn CredentialCipher>,
) -> VoiceConfig {
    let mut access = MockVendorAccess::new();
    access.expect_workspace().returning(move |_| Ok(workspace.clone()));
    let mut identifiers = MockIdentifiers::new();
    identifiers.expect_tool_secret().returning(|| VendorSecret::mint([7; 32]));
    let memory = Arc::new(world.memory.clone());
    let ports = VoiceConfigPorts {
        users: memory.clone(),
        store: memory.clone(),
        cipher,
        directory: memory,
        access: Some(Arc::new(access)),
        accounts: Arc::new(OwnWebhooks::default()),
        identifiers: Arc::new(identifiers),
        clock: world.clock.clone(),
    };
    let settings = VoiceConfigSettings {
        voice_provider: "a-provider".into(),
        carriers: SERVED_CARRIERS.to_vec(),
        has_account: true,
        webhook_url: Some("https://gateway.example.com/hooks/{organizationId}".into()),
    };
    VoiceConfig::new(ports, settings)
}

fn accepting(world: &World) -> VoiceConfig {
    use_case(world, workspace(Ok(()), Activation::Active), Arc::new(PlainCipher))
}

/// The secrets that are stored.
fn stored(world: &World) -> Vec<(SecretKind, String)> {
    let organization_id = &world.tenant.organization.id;
    let stored = world.memory.tables().credentials.get(organization_id).cloned();
    let secrets = stored.and_then(|stored| stored.credentials).unwrap_or_default().secrets;
    let open = |(kind, sealed)| {
        let opened = PlainCipher.open(organization_id, kind, &sealed).expect("it opens in its place");
        (kind, opened.expose().to_owned())
    };
    secrets.into_iter().map(open).collect()
}

#[tokio::test]
async fn only_a_superadmin_changes_the_accounts() {
    for role in ["ADMIN", "SALES_REP"] {
        let world = world(role);
        let saved = accepting(&world).save(world.user_id(), with_key()).await;
        assert_eq!(saved, Err(VoiceConfigError::NotPermitted));
        assert!(stored(&world).is_empty());
        assert!(accepting(&world).view(world.user_id()).await.is_ok(), "every user sees what is configured");
    }
}

#[tokio::test]
async fn a_key_is_stored_with_the_secret_of_its_webhook() {
    let world = world("SUPERADMIN");
    let saved = accepting(&world).save(world.user_id(), with_key()).await;
    assert_eq!(saved, Ok(SavedConfig { tool_secret: None, is_webhook_registered: Some(true) }));
    let expected = [(SecretKind::VoiceApiKey, "sk_new"), (SecretKind::WebhookSecret, "wsec_created")];
    assert_eq!(stored(&world), expected.map(|(kind, text)| (kind, text.to_owned())));
    let view = accepting(&world).view(world.user_id()).await.expect("the store is up");
    assert!(
        view.secrets.contains(&SecretKind::VoiceApiKey) && !view.secrets.contains(&SecretKind::ToolSecret)
    );
    assert_eq!(&*view.voice_provider, "a-provider");
    assert_eq!(view.numbers.len(), 1);
    let audited = world.memory.tables().audit_records.clone();
    let details: Vec<_> = audited.iter().filter_map(|record| record.detail.as_deref()).collect();
    assert_eq!(details.len(), 2, "{details:?}");
    assert!(details[0].contains("voiceApiKey") && details[1].contains("webhookSecret"), "{details:?}");
    assert!(!details.concat().contains("sk_new") && !details.concat().contains("wsec"), "{details:?}");
}

#[tokio::test]
async fn a_key_that_the_vendor_refuses_or_cannot_judge_is_not_stored() {
    for (answer, expected) in [
        (VendorFailure::KeyRefused, VoiceConfigError::VoiceKeyRefused),
        (VendorFailure::RateLimited, VoiceConfigError::NotAsked(VendorFailure::RateLimited)),
        (unavailable().into(), VoiceConfigError::NotAsked(unavailable().into())),
    ] {
        let world = world("SUPERADMIN");
        let config = use_case(&world, workspace(Err(answer), Activation::Active), Arc::new(PlainCipher));
        assert_eq!(config.save(world.user_id(), with_key()).await, Err(expected));
        assert!(
            world.memory.tables().credentials.is_empty() && world.memory.tables().audit_records.is_empty()
        );
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_registered_changes_nothing_else() {
    let world = world("SUPERADMIN");
    let config = use_case(&world, workspace(Ok(()), Activation::OtherIsActive), Arc::new(PlainCipher));
    let saved = config.save(world.user_id(), with_key()).await;
    assert_eq!(saved, Ok(SavedConfig { tool_secret: None, is_webhook_registered: Some(false) }));
    assert_eq!(stored(&world)[0], (SecretKind::VoiceApiKey, "sk_new".to_owned()));
}

#[tokio::test]
async fn what_a_change_does_not_name_stays_and_null_clears() {
    let world = world("SUPERADMIN");
    let config = accepting(&world);
    config.save(world.user_id(), with_key()).await.expect("it is saved");
    let generate = ConfigChange { generate_tool_secret: true, ..ConfigChange::default() };
    let saved = config.save(world.user_id(), generate).await.expect("it is saved");
    assert_eq!(saved.tool_secret.as_ref().map(VendorSecret::expose), Some(&*"07".repeat(32)));
    assert_eq!(stored(&world).len(), 3);
    let cleared = ConfigChange { voice_api_key: Some(None), ..ConfigChange::default() };
    config.save(world.user_id(), cleared).await.expect("it is saved");
    let kinds: Vec<_> = stored(&world).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [SecretKind::WebhookSecret, SecretKind::ToolSecret]);
    let revision = |world: &World| world.memory.tables().credentials.values().next().map(|it| it.revision);
    let before = revision(&world);
    let empty = config.save(world.user_id(), ConfigChange::default()).await;
    assert_eq!((empty, revision(&world)), (Ok(SavedConfig::default()), before));
}

#[tokio::test]
async fn without_a_key_to_seal_with_nothing_is_stored_and_no_vendor_is_asked() {
    let world = world("SUPERADMIN");
    let mut cipher = MockCredentialCipher::new();
    cipher.expect_seal().returning(|_, _, _| Err(NoCredentialsKey));
    let config = use_case(&world, Arc::new(MockVoiceWorkspace::new()), Arc::new(cipher));
    assert_eq!(config.save(world.user_id(), with_key()).await, Err(VoiceConfigError::NoKey));
    assert!(world.memory.tables().credentials.is_empty());
}

#[tokio::test]
async fn a_rotation_seals_what_another_key_sealed_and_leaves_the_rest() {
    let world = world("SUPERADMIN");
    accepting(&world).save(world.user_id(), with_key()).await.expect("it is saved");
    let rotate = |cipher: Arc<dyn CredentialCipher>| {
        RotateCredentials::new(Arc::new(world.memory.clone()), cipher, world.clock.clone())
    };
    let current = rotate(Arc::new(PlainCipher)).run().await;
    assert_eq!(current, Ok(Rotation { current: 1, ..Rotation::default() }));

    let mut other = MockCredentialCipher::new();
    other.expect_is_current().returning(|sealed| sealed.as_str().starts_with("new key"));
    other
        .expect_open()
        .returning(|organization_id, kind, sealed| PlainCipher.open(organization_id, kind, sealed));
    other.expect_seal().returning(|_, _, _| Ok(domain::SealedSecret::new("new key")));
    let other: Arc<dyn CredentialCipher> = Arc::new(other);
    assert_eq!(rotate(other.clone()).run().await, Ok(Rotation { resealed: 1, ..Rotation::default() }));
    assert_eq!(rotate(other).run().await, Ok(Rotation { current: 1, ..Rotation::default() }));

    let mut strange = MockCredentialCipher::new();
    strange.expect_is_current().return_const(false);
    strange.expect_open().returning(|_, _, _| Err(domain::ports::NotOpened::KeyMissing));
    let before = world.memory.credentials(&world.tenant.organization.id).await;
    let organization_id = world.tenant.organization.id.clone();
    let unopened = Rotation { unopened: vec![organization_id.clone()], ..Rotation::default() };
    assert_eq!(rotate(Arc::new(strange)).run().await, Ok(unopened));
    assert_eq!(world.memory.credentials(&organization_id).await, before);
}
