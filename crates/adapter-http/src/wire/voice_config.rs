use std::borrow::Cow;
use std::collections::BTreeSet;

use domain::{AccountText, ConfigChange, SavedConfig, SecretKind, VendorSecret, VoiceConfigView};
use event_json::schema::always_true;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::directory::NumberDocument;
use super::json_object::json_object;
use super::parameters::Problems;
use crate::failure::InvalidRequest;

/// The names of the fields, which the public contract fixes as far as it has them.
pub(crate) mod names {
    pub(crate) const PROVIDER: &str = "aiVoiceProvider";
    pub(crate) const API_KEY: &str = "elevenlabsApiKey";
    pub(crate) const WEBHOOK_SECRET: &str = "elevenlabsWebhookSecret";
    pub(crate) const GENERATE_TOOL_SECRET: &str = "generateToolSecret";
    pub(crate) const KEY_ID: &str = "sinchEstKeyId";
    pub(crate) const KEY_SECRET: &str = "sinchEstKeySecret";
    pub(crate) const PROJECT_ID: &str = "sinchEstProjectId";
    pub(crate) const TRUNK_ID: &str = "sinchEstTrunkId";
    pub(crate) const TRUNK_DOMAIN: &str = "sinchEstTrunkDomain";
    pub(super) const HAS_API_KEY: &str = "elevenlabsConfigured";
    pub(super) const HAS_TOOL_SECRET: &str = "elevenlabsToolSecretConfigured";
    pub(super) const HAS_WEBHOOK_SECRET: &str = "elevenlabsWebhookSecretConfigured";
    pub(super) const HAS_CARRIER: &str = "sinchEstConfigured";
    pub(super) const GATEWAY_ACCOUNT: &str = "gatewayAccount";
    pub(super) const NUMBERS: &str = "phoneNumbers";
    pub(super) const TOOL_SECRET: &str = "elevenlabsToolSecret";
    pub(super) const IS_REGISTERED: &str = "webhookRegistered";
}
use self::names::*;

const SECRET: &str = "must be a string of 1 to 512 visible ASCII characters, or null";
const TEXT: &str = "must be a string of 1 to 253 visible ASCII characters, or null";

/// A change of the voice configuration.
// Without fields: the names are constants, and no type holds the secrets longer than needed.
pub(crate) enum VoiceConfigRequest {}

/// What is configured.
#[derive(Serialize)]
pub(crate) struct VoiceConfigResponse(Map<String, Value>);

/// The change is stored.
#[derive(Serialize)]
pub(crate) struct VoiceConfigSavedResponse(Map<String, Value>);

impl VoiceConfigRequest {
    /// Reads a body: one JSON object. Unknown fields are ignored, as the contract asks.
    pub(crate) fn parse(body: &[u8]) -> Result<ConfigChange, InvalidRequest> {
        let text = json_object(body)?;
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| InvalidRequest::body("the body is not a JSON object"))?;
        let mut problems = Problems::default();
        let generate_tool_secret = match fields.get(GENERATE_TOOL_SECRET) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(generate)) => *generate,
            Some(_) => {
                problems.add(GENERATE_TOOL_SECRET, "must be true or false");
                false
            }
        };
        let mut reader = Reader { fields: &fields, problems };
        let change = ConfigChange {
            voice_provider: reader.read(PROVIDER, TEXT, |text| AccountText::parse(text).ok()),
            voice_api_key: reader.read(API_KEY, SECRET, |text| VendorSecret::parse(text).ok()),
            webhook_secret: reader.read(WEBHOOK_SECRET, SECRET, |text| VendorSecret::parse(text).ok()),
            tool_secret: None,
            generate_tool_secret,
            carrier_key_id: reader.read(KEY_ID, SECRET, |text| VendorSecret::parse(text).ok()),
            carrier_key_secret: reader.read(KEY_SECRET, SECRET, |text| VendorSecret::parse(text).ok()),
            carrier_project_id: reader.read(PROJECT_ID, TEXT, |text| AccountText::parse(text).ok()),
            carrier_trunk_id: reader.read(TRUNK_ID, TEXT, |text| AccountText::parse(text).ok()),
            carrier_trunk_domain: reader.read(TRUNK_DOMAIN, TEXT, |text| AccountText::parse(text).ok()),
        };
        reader.problems.none_or(change)
    }
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    problems: Problems,
}

impl Reader<'_> {
    /// A field: `None` if it is absent, and `Some(None)` if it is null.
    fn read<T>(
        &mut self,
        name: &'static str,
        otherwise: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let value = self.fields.get(name)?;
        if value.is_null() {
            return Some(None);
        }
        let parsed = value.as_str().and_then(|text| parse(text.trim()));
        if parsed.is_none() {
            self.problems.add(name, otherwise);
        }
        Some(parsed)
    }
}

impl From<VoiceConfigView> for VoiceConfigResponse {
    fn from(view: VoiceConfigView) -> Self {
        let has = |kinds: &[SecretKind], secrets: &BTreeSet<SecretKind>| {
            Value::from(kinds.iter().all(|kind| secrets.contains(kind)))
        };
        let numbers: Vec<NumberDocument> = view.numbers.into_iter().map(NumberDocument::from).collect();
        let carrier = [SecretKind::CarrierKeyId, SecretKind::CarrierKeySecret];
        let fields = [
            ("success", Value::from(true)),
            (PROVIDER, view.voice_provider.as_ref().into()),
            (HAS_API_KEY, has(&[SecretKind::VoiceApiKey], &view.secrets)),
            (HAS_TOOL_SECRET, has(&[SecretKind::ToolSecret], &view.secrets)),
            (HAS_WEBHOOK_SECRET, has(&[SecretKind::WebhookSecret], &view.secrets)),
            (HAS_CARRIER, has(&carrier, &view.secrets)),
            (GATEWAY_ACCOUNT, view.has_gateway_account.into()),
            (PROJECT_ID, view.carrier_project_id.as_deref().into()),
            (TRUNK_ID, view.carrier_trunk_id.as_deref().into()),
            (TRUNK_DOMAIN, view.carrier_trunk_domain.as_deref().into()),
            (NUMBERS, serde_json::to_value(numbers).expect("texts always serialize to JSON")),
        ];
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl From<SavedConfig> for VoiceConfigSavedResponse {
    fn from(saved: SavedConfig) -> Self {
        let mut fields = Map::new();
        fields.insert("success".to_owned(), true.into());
        fields.insert("message".to_owned(), "Configuration saved".into());
        if let Some(secret) = saved.tool_secret {
            fields.insert(TOOL_SECRET.to_owned(), secret.expose().into());
        }
        if let Some(is_registered) = saved.is_webhook_registered {
            fields.insert(IS_REGISTERED.to_owned(), is_registered.into());
        }
        Self(fields)
    }
}

fn described(kind: Type, meaning: &str) -> Object {
    ObjectBuilder::new().schema_type(kind).description(Some(meaning)).build()
}

fn nullable(max_length: usize, meaning: &str) -> Object {
    let kind = SchemaType::Array(vec![Type::String, Type::Null]);
    let text = ObjectBuilder::new().schema_type(kind).description(Some(meaning));
    text.min_length(Some(1)).max_length(Some(max_length)).build()
}

fn secret(meaning: &str) -> Object {
    nullable(VendorSecret::MAX_LEN, meaning)
}

fn text(meaning: &str) -> Object {
    nullable(AccountText::MAX_LEN, meaning)
}

impl PartialSchema for VoiceConfigRequest {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .description(Some("What changes. Whatever is absent stays the same, and `null` clears."))
            .property(PROVIDER, text("The voice provider: that of the gateway."))
            .property(API_KEY, secret("The API key of the organization's workspace at the voice provider."))
            .property(
                WEBHOOK_SECRET,
                secret("The secret that signs the events of the workspace, if the gateway did not register the webhook."),
            )
            .property(
                GENERATE_TOOL_SECRET,
                described(Type::Boolean, "Replaces the tool secret by a new one, which the response shows once."),
            )
            .property(KEY_ID, secret("The ID of an access key of the carrier's account."))
            .property(KEY_SECRET, secret("The secret of this access key."))
            .property(PROJECT_ID, text("The project of the carrier's account."))
            .property(TRUNK_ID, text("The trunk of the carrier's account."))
            .property(TRUNK_DOMAIN, text("The host of the trunk."))
            .examples([json!({ API_KEY: "sk_0123456789abcdef", GENERATE_TOOL_SECRET: true })]);
        RefOr::T(object.build().into())
    }
}

impl ToSchema for VoiceConfigRequest {
    fn name() -> Cow<'static, str> {
        "CallsSaveVoiceConfigRequest".into()
    }
}

impl PartialSchema for VoiceConfigResponse {
    fn schema() -> RefOr<Schema> {
        let numbers = ArrayBuilder::new()
            .items(Ref::from_schema_name("DirectoryNumber"))
            .description(Some("The organization's numbers of the carrier that serves the calls."));
        let flags = [
            (HAS_API_KEY, "Whether the organization stored an API key of its own."),
            (HAS_TOOL_SECRET, "Whether it stored a tool secret of its own."),
            (HAS_WEBHOOK_SECRET, "Whether it stored a secret that signs the events of its workspace."),
            (HAS_CARRIER, "Whether it stored an access key of a carrier's account of its own."),
            (GATEWAY_ACCOUNT, "Whether the account of the gateway places its calls while it has no API key."),
        ];
        let mut object = ObjectBuilder::new()
            .description(Some("What is configured. No secret is shown."))
            .property("success", always_true())
            .required("success")
            .property(PROVIDER, described(Type::String, "The voice provider that places the calls."))
            .required(PROVIDER);
        for (name, meaning) in flags {
            object = object.property(name, described(Type::Boolean, meaning)).required(name);
        }
        let object = object
            .property(PROJECT_ID, text("The project of the carrier's account."))
            .property(TRUNK_ID, text("The trunk of the carrier's account."))
            .property(TRUNK_DOMAIN, text("The host of the trunk."))
            .property(NUMBERS, numbers)
            .required(NUMBERS)
            .examples([json!({
                "success": true,
                PROVIDER: "simulator",
                HAS_API_KEY: true,
                HAS_TOOL_SECRET: true,
                HAS_WEBHOOK_SECRET: true,
                HAS_CARRIER: false,
                GATEWAY_ACCOUNT: true,
                PROJECT_ID: null,
                TRUNK_ID: null,
                TRUNK_DOMAIN: null,
                NUMBERS: [{
                    "phoneNumber": "+14165550100",
                    "userId": "64f0a1b2c3d4e5f6a7b8aa00",
                    "carrier": "sinch",
                    "aiEnabled": true,
                    "onTrunk": true,
                    "providerNumberId": "phnum_01"
                }]
            })]);
        RefOr::T(object.build().into())
    }
}

impl ToSchema for VoiceConfigResponse {
    fn name() -> Cow<'static, str> {
        "CallsVoiceConfigResponse".into()
    }
}

impl PartialSchema for VoiceConfigSavedResponse {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .description(Some("The change is stored."))
            .property("success", always_true())
            .required("success")
            .property("message", described(Type::String, "`Configuration saved`"))
            .required("message")
            .property(
                TOOL_SECRET,
                described(Type::String, "The new tool secret, if one was asked for. No other response shows it."),
            )
            .property(
                IS_REGISTERED,
                described(
                    Type::Boolean,
                    "With a new API key: whether the webhook of its workspace sends events that the gateway can verify.",
                ),
            )
            .examples([json!({ "success": true, "message": "Configuration saved" })]);
        RefOr::T(object.build().into())
    }
}

impl ToSchema for VoiceConfigSavedResponse {
    fn name() -> Cow<'static, str> {
        "CallsVoiceConfigSavedResponse".into()
    }
}
