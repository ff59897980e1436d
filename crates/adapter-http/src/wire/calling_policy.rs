use domain::{CallingPolicy, VersionedPolicy};
use event_json::iso8601;
use event_json::schema::always_true;
use policy_json::PolicyDocument;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::json_object::json_object;
use crate::failure::InvalidRequest;

/// What an organization decides about its calls.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallingPolicyResponse)]
pub(crate) struct CallingPolicyResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// Counts the changes of the policy; 0 if none is stored.
    revision: u64,
    #[schema(value_type = PolicyDocument<'_>)]
    policy: Box<RawValue>,
    /// The user who changed it last. Absent if that was an import, or if none is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    changed_by: Option<String>,
    /// When that user changed it, in ISO 8601, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    changed_at: Option<String>,
}

impl CallingPolicyResponse {
    pub(crate) fn new(stored: &VersionedPolicy) -> Self {
        let document = policy_json::to_json(&stored.policy);
        let (changed_by, changed_at) =
            stored.changed.as_ref().map(|(user_id, at)| (user_id.to_string(), iso8601(*at))).unzip();
        Self {
            success: true,
            revision: stored.revision,
            policy: RawValue::from_string(document).expect("the document of a policy is JSON"),
            changed_by,
            changed_at,
        }
    }
}

/// The `ETag` of what a request replaces, as a header.
pub(crate) enum IfMatch {}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let meaning = "The `ETag` of the policy that the client has read: `\"3\"`. Not `*`. Without it, the organization \
                       must have stored no policy";
        let tag = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^(W/)?\"[0-9]+\"$"));
        let header = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(meaning))
            .schema(Some(tag));
        vec![header.build()]
    }
}

/// Reads the policy in a body.
pub(crate) fn read_policy(body: &[u8]) -> Result<CallingPolicy, InvalidRequest> {
    policy_json::from_json(json_object(body)?).map_err(InvalidRequest::from)
}
