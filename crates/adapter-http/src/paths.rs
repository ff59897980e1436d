//! The paths that the gateway serves. The public contract fixes them.

/// Places a call.
pub const PLACE_CALL: &str = "/api/calls/ai/outbound";
/// Decides on a call, and places none.
pub const DECIDE_CALL: &str = "/api/calls/ai/outbound/decision";
/// Lists calls.
pub const CALL_HISTORY: &str = "/api/calls/history";
/// Streams call events.
pub const CALL_EVENTS: &str = "/api/calls/events";
/// The numbers of refused requests.
pub const REFUSALS: &str = "/api/calls/refusals";
/// One call.
pub const CALL: &str = "/api/calls/{callId}";
/// The recording of a call.
pub const CALL_RECORDING: &str = "/api/calls/{callId}/recording";
/// Lists agents.
pub const AGENTS: &str = "/api/agents";
/// Lists the numbers that calls are placed from.
pub const NUMBERS: &str = "/api/numbers";
/// Lists contacts.
pub const CONTACTS: &str = "/api/contacts";
/// The agents that a call can be transferred to.
pub const TRANSFERABLE_AGENTS: &str = "/api/calls/voice-ai/transferable-agents";
/// Enables and disables AI calls from a number.
pub const NUMBER_TOGGLE: &str = "/api/calls/voice-ai/phone-number/toggle";
/// What an organization decides about its calls.
pub const CALLING_POLICY: &str = "/api/calling-policy";
/// The accounts that an organization has of its own at the vendors.
pub const VOICE_CONFIG: &str = "/api/calls/voice-ai/config";
/// Who changed what.
pub const AUDIT: &str = "/api/audit";
/// Receives events of the voice provider, whichever is configured.
pub const PROVIDER_EVENTS: &str = "/api/webhook/elevenlabs";
/// Receives the events of an organization's own account at the voice provider.
pub const ORGANIZATION_EVENTS: &str = "/api/webhook/elevenlabs/organizations/{organizationId}";
/// Receives the voice provider's question who is calling.
pub const PERSONALIZATION: &str = "/api/webhook/elevenlabs/personalization";
/// Lists and registers webhook endpoints.
pub const WEBHOOK_ENDPOINTS: &str = "/api/webhook-endpoints";
/// One webhook endpoint.
pub const WEBHOOK_ENDPOINT: &str = "/api/webhook-endpoints/{endpointId}";
/// A test event for a webhook endpoint.
pub const WEBHOOK_ENDPOINT_TEST: &str = "/api/webhook-endpoints/{endpointId}/test";
/// The secret of a webhook endpoint.
pub const WEBHOOK_ENDPOINT_SECRET: &str = "/api/webhook-endpoints/{endpointId}/secret";
/// The deliveries to a webhook endpoint.
pub const WEBHOOK_ENDPOINT_DELIVERIES: &str = "/api/webhook-endpoints/{endpointId}/deliveries";
/// Reports that a callee opted out.
pub const OPT_OUT_TOOL: &str = "/api/webhook/elevenlabs/tools/opt-out";
/// Lists and adds suppressions.
pub const SUPPRESSIONS: &str = "/api/suppressions";
/// One suppression.
pub const SUPPRESSION: &str = "/api/suppressions/{suppressionId}";
/// Lists and adds consents.
pub const CONSENTS: &str = "/api/consents";
/// Revokes a consent.
pub const CONSENT_REVOCATION: &str = "/api/consents/{consentId}/revoke";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness.
pub const READYZ: &str = "/readyz";
/// The OpenAPI document.
pub const OPENAPI: &str = "/openapi.yaml";
/// The OpenAPI document as JSON.
pub const OPENAPI_JSON: &str = "/openapi.json";
/// The interactive documentation.
pub const DOCS: &str = "/docs";
/// The files of the interactive documentation.
pub const DOCS_FILES: &str = "/docs/{file:.*}";
