//! The error responses and examples of the OpenAPI document.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::failure::ErrorResponse;
use crate::wire::voice_config_names;

/// Names that the published document gives to the provider's requests and their credentials.
pub(crate) const PROVIDER_EVENTS_OPERATION: &str = "post_webhook_elevenlabs";
pub(crate) const ORGANIZATION_EVENTS_OPERATION: &str = "post_webhook_elevenlabs_organizations_by_id";
pub(crate) const PERSONALIZATION_OPERATION: &str = "post_webhook_elevenlabs_personalization";
pub(crate) const OPT_OUT_OPERATION: &str = "post_webhook_elevenlabs_tools_opt_out";
pub(crate) const SIGNATURE_SCHEME: &str = "elevenLabsSignature";
pub(crate) const SIGNATURE_HEADER: &str = "ElevenLabs-Signature";
pub(crate) const TOOL_SECRET_SCHEME: &str = "elevenLabsToolSecret";

/// Seconds from now.
fn seconds() -> RefOr<Schema> {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
    RefOr::T(seconds.into())
}

/// Name, type and description of a header of an error response.
type ErrorHeader = Option<(&'static str, fn() -> RefOr<Schema>, &'static str)>;

const CHALLENGE: ErrorHeader = Some((
    "WWW-Authenticate",
    String::schema,
    "`Bearer`; with the reason if a token was refused: `Bearer error=\"invalid_token\", error_description=\"expired\"`",
));
const SECRET_CHALLENGE: ErrorHeader = Some(("WWW-Authenticate", String::schema, "`Bearer`"));
const CONTENT_RANGE: ErrorHeader =
    Some(("Content-Range", String::schema, "`bytes */` and the size of the recording"));
const RETRY_AFTER: ErrorHeader = Some(("Retry-After", seconds, "Seconds, at least 1"));
const RETRY_IN_FLIGHT: ErrorHeader =
    Some(("Retry-After", seconds, "Seconds, at least 1, after which a retry may get another response"));
const RETRY_UNAVAILABLE: ErrorHeader =
    Some(("Retry-After", seconds, "Seconds, at least 1; with `SERVICE_UNAVAILABLE` only"));

const RETRY_CHANGING: ErrorHeader =
    Some(("Retry-After", seconds, "Seconds, at least 1; with `NUMBER_CHANGING` only"));

const RETRY_PLACING: ErrorHeader = Some((
    "Retry-After",
    seconds,
    "Seconds, at least 1; with `SERVICE_UNAVAILABLE`, and with `PROVIDER_REJECTED` if the provider named a time",
));

macro_rules! error_responses {
    ($($name:ident = $status:literal, $description:expr, $header:expr, [$($example:expr),+];)+) => {$(
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                error_response($status, $description, $header, &[$($example),+])
            }
        }
    )+};
}

error_responses! {
    Unauthorized = "401", "Unauthorized", CHALLENGE, [
        with(error("UNAUTHORIZED", "a valid bearer token is required"), json!({ "reason": "expired" }))
    ];
    UserNotFound = "404", "User not found", None, [
        error("USER_NOT_FOUND", "user not found")
    ];
    Unavailable = "500", "A failure of the gateway", RETRY_UNAVAILABLE, [
        error("SERVICE_UNAVAILABLE", "the service is temporarily unavailable")
    ];

    InvalidCall = "400",
        "Missing contact/phone, agent not synced, no AI-enabled number, or a request that is not valid",
        None, [
        with(
            error("AGENT_NOT_SYNCED", "the agent is not synced with the voice provider"),
            json!({ "retry": "never" })
        ),
        with(
            error(
                "IDEMPOTENCY_KEY_REUSED",
                "the Idempotency-Key belongs to another request of this user: send a new key"
            ),
            json!({ "retry": "new-key" })
        ),
        with(invalid(Some("contactId"), "must be a string"), json!({ "retry": "never" }))
    ];
    ContactOrUserNotFound = "404", "Contact or user not found", None, [
        with(error("CONTACT_NOT_FOUND", "contact not found"), json!({ "retry": "never" }))
    ];
    InFlight = "429", "Duplicate outbound dial in flight", RETRY_IN_FLIGHT, [
        with(
            error("OUTBOUND_IN_FLIGHT", "an outbound call for this contact is already in flight"),
            json!({ "retry": "same-key" })
        ),
        with(
            error("RATE_LIMITED", "too many calls start from the caller number or over its trunk"),
            json!({ "retry": "same-key" })
        )
    ];
    PlacingFailed = "500", "Provider failure, a call that was not connected, or a failure of the gateway",
        RETRY_PLACING, [
        with(error("CALL_NOT_CONNECTED", "the call was not connected: busy"), json!({
            "reason": "busy",
            "callId": "64f0a1b2c3d4e5f6a7b8d111",
            "conversationId": "eleven-conv-abc123",
            "retry": "new-key"
        })),
        with(
            error(
                "CALL_OUTCOME_UNKNOWN",
                "the outcome of the call is unknown: the phone may have rung, do not redial"
            ),
            json!({ "callId": "64f0a1b2c3d4e5f6a7b8d111", "retry": "same-key" })
        )
    ];

    CallNotFound = "404", "The organization has no such call, or the user is not found", None, [
        error("CALL_NOT_FOUND", "Call not found")
    ];
    RecordingNotFound = "404",
        "The organization has no such call, the call has no recording, or the user is not found", None, [
        error("RECORDING_NOT_FOUND", "Recording not found")
    ];
    RecordingGone = "410", "The recording is larger than the gateway stores, or was removed because of its age", None, [
        error("RECORDING_TOO_LARGE", "The recording is too large to be stored"),
        error("RECORDING_EXPIRED", "The recording is no longer stored")
    ];
    RangeNotSatisfiable = "416", "The recording has no byte of the range", CONTENT_RANGE, [
        error("RANGE_NOT_SATISFIABLE", "the recording has 2465792 bytes and none of the range")
    ];
    TooManyRecordings = "503", "Too many recordings are read at the same time, by the user, by the organization or in total",
        RETRY_AFTER, [
        error("TOO_MANY_RECORDINGS", "too many recordings are read at the same time")
    ];
    InvalidHistoryParameter = "400", "A parameter that is not valid", None, [
        invalid(Some("limit"), "must be a whole number from 1 to 200")
    ];
    InvalidDirectoryParameter = "400", "A parameter that is not valid", None, [
        invalid(Some("after"), "must be the nextCursor of a page")
    ];
    InvalidSpan = "400", "A parameter that is not valid", None, [
        invalid(Some("to"), "must be after from, by at most 31 days")
    ];
    UnknownParameter = "400", "The request has a parameter or a field that this path does not have", None, [
        invalid(Some("limit"), "is not a parameter of this path")
    ];
    InvalidLastEventId = "400", "`Last-Event-ID` is not the `id` of an event", None, [
        invalid(Some("Last-Event-ID"), "must be the id of an event")
    ];
    TooManyStreams = "503", "Too many streams are open, of the user, of the organization or in total", RETRY_AFTER, [
        error("TOO_MANY_STREAMS", "too many streams are open")
    ];

    EndpointRefused = "400",
        "The gateway must not send to the URL, the organization has the maximum number of endpoints, or \
         the request is not valid", None, [
        error("WEBHOOK_URL_REFUSED", "the URL leads to an address that is not public"),
        error(
            "TOO_MANY_WEBHOOK_ENDPOINTS",
            "the organization already has 10 webhook endpoints, the maximum"
        ),
        invalid(Some("url"), "must be an http or https URL of at most 2048 characters")
    ];
    EndpointUrlTaken = "409", "The organization has an endpoint with this URL", None, [
        error("WEBHOOK_URL_TAKEN", "the organization already has a webhook endpoint with this URL")
    ];
    ChangeRefused = "400", "The gateway must not send to the URL, or the request is not valid", None, [
        error("WEBHOOK_URL_REFUSED", "the URL leads to an address that is not public"),
        invalid(Some("status"), "must be active or paused")
    ];
    EndpointNotFound = "404", "The organization has no such endpoint, or the user is not found", None, [
        error("WEBHOOK_ENDPOINT_NOT_FOUND", "Webhook endpoint not found")
    ];
    InvalidDeliveryParameter = "400", "A parameter that is not valid", None, [
        invalid(Some("state"), "must be a state of deliveries")
    ];

    InvalidPolicy = "400",
        "The body is not a calling policy, names a rule or a time zone that does not exist, or `If-Match` is not an `ETag`",
        None, [
        invalid(Some("modes.quitHours"), "is not a field of a calling policy")
    ];
    CalleeRefused = "400", "No callee, a number that cannot be read, or a request that is not valid", None, [
        error("CONTACT_OR_PHONE_REQUIRED", "contactId or phoneNumber is required"),
        invalid(Some("expiresAt"), "must be a time in ISO 8601, like 2026-03-02T09:00:00Z")
    ];
    InvalidCalleeParameter = "400", "A parameter that is not valid, or a number that cannot be read", None, [
        invalid(Some("limit"), "must be a whole number from 1 to 200")
    ];
    Forbidden = "403", "The user does not have the role", None, [
        error("FORBIDDEN", "this needs the role ADMIN or SUPERADMIN")
    ];
    InvalidVoiceConfig = "400",
        "The body is not valid, a vendor does not accept a key, or the gateway cannot store secrets; nothing is stored",
        None, [
        invalid(Some(voice_config_names::API_KEY), "the voice provider does not accept this key")
    ];
    VoiceConfigNotSaved = "500", "A vendor could not be asked about a key, or a failure of the gateway; nothing is stored",
        RETRY_UNAVAILABLE, [
        error("PROVIDER_UNAVAILABLE", "the vendor could not be asked about the key; nothing was stored"),
        error("SERVICE_UNAVAILABLE", "the service is temporarily unavailable")
    ];
    NotSuperadmin = "403", "The user does not have the role", None, [
        error("FORBIDDEN", "this needs the role SUPERADMIN")
    ];
    ToggleRefused = "400",
        "The number is not on the trunk, the agent is not synced or may not speak, or the request is not valid", None, [
        error("NUMBER_NOT_ON_TRUNK", "the number is not on the trunk: assign it to the trunk at the carrier first"),
        error("AGENT_NOT_SYNCED", "the agent is not synced with the voice provider"),
        error(
            "NUMBERS_NOT_CHANGEABLE",
            "the voice provider of this gateway has no phone numbers that can be changed here"
        ),
        invalid(Some("aiEnabled"), "must be true or false")
    ];
    NumberNotFound = "404", "The user has no such number, or a user is not found", None, [
        error("NUMBER_NOT_FOUND", "the user has no such number")
    ];
    ToggleConflict = "409", "Another change of the number runs, or another organization uses the number", RETRY_CHANGING, [
        error("NUMBER_CHANGING", "another change of the number runs: try again"),
        error("NUMBER_IN_USE", "another organization uses the number for AI calls")
    ];
    ToggleFailed = "500", "A vendor refused or cannot be reached, or a failure of the gateway; nothing is stored",
        RETRY_UNAVAILABLE, [
        error("PROVIDER_REJECTED", "the voice provider: the key has no permission for this"),
        error("PROVIDER_UNAVAILABLE", "the voice provider cannot be reached, or its response is not clear"),
        error("SERVICE_UNAVAILABLE", "the service is temporarily unavailable")
    ];
    PolicyChanged = "412", "`If-Match` does not name the stored policy: read it again", None, [
        error("POLICY_CHANGED", "the calling policy was changed: read it again, and send its ETag in If-Match")
    ];
    InvalidAuditParameter = "400", "A parameter that is not valid", None, [
        invalid(Some("before"), "must be the nextCursor of a page")
    ];
    SuppressionNotFound = "404", "The organization has no such suppression, or the user is not found", None, [
        error("SUPPRESSION_NOT_FOUND", "Suppression not found")
    ];
    ConsentNotFound = "404", "The organization has no such consent, or the user is not found", None, [
        error("CONSENT_NOT_FOUND", "Consent not found")
    ];

    InvalidEvent = "400", "The body is not an event, or has more than 16 MiB that are not a recording", None, [
        invalid(None, "the body is not an event of the provider")
    ];
    UnverifiedEvent = "401",
        "Neither signature nor tool secret is valid, or none is configured; nothing is stored", SECRET_CHALLENGE, [
        error("UNAUTHORIZED", "a valid signature or tool secret is required")
    ];
    EventTimedOut = "408", "The body did not arrive in time, or too slowly; send it again", None, [
        error("DELIVERY_TIMED_OUT", "the event did not arrive in time")
    ];
    EventNotStored = "500", "The event could not be stored; send it again", RETRY_UNAVAILABLE, [
        error("SERVICE_UNAVAILABLE", "the event could not be stored")
    ];
    TooManyEvents = "503", "Too many events arrive at the same time; send it again", RETRY_AFTER, [
        error("TOO_MANY_DELIVERIES", "too many events arrive at the same time")
    ];
    InvalidQuestion = "400",
        "The body is not a JSON object of at most 64 KiB, or lacks a `conversation_id`", None, [
        invalid(Some("conversation_id"), "must be the ID of a conversation")
    ];
    InvalidOptOut = "400", "The body is not a JSON object of at most 64 KiB", None, [
        invalid(None, "the body is not a JSON object")
    ];
    OptOutNotStored = "500", "The opt-out could not be stored; send it again", RETRY_UNAVAILABLE, [
        error("SERVICE_UNAVAILABLE", "the opt-out could not be stored")
    ];
    UnverifiedQuestion = "401", "The tool secret is not valid, or none is configured", SECRET_CHALLENGE, [
        error("UNAUTHORIZED", "a valid signature or tool secret is required")
    ];
}

/// The items of an event stream.
pub(crate) fn stream_example() -> Value {
    let document = event_json::schema::event_example();
    json!([{ "id": "4711", "event": "call_ended", "data": document.to_string() }])
}

/// The dynamic variables of a known caller.
pub(crate) fn caller_variables() -> Value {
    json!({
        "caller_name": "Ada Lovelace",
        "caller_number": "+14165550110",
        "org_name": "Analytical Insurance"
    })
}

/// An event of the provider.
pub(crate) fn provider_event() -> Value {
    json!({
        "type": "call_initiation_failure",
        "event_timestamp": 1_772_442_660,
        "data": {
            "agent_id": "agent_01",
            "conversation_id": "eleven-conv-abc123",
            "failure_reason": "busy",
            "metadata": {
                "type": "sip",
                "body": {
                    "from_number": "+14165550100",
                    "to_number": "+14165550110",
                    "sip_status_code": 486,
                    "error_reason": "INVITE failed: sip status: 486: Busy here (SIP 486)",
                    "call_sid": "sip-call-xyz789"
                }
            }
        }
    })
}

fn error(code: &str, sentence: &str) -> Value {
    json!({ "success": false, "error": sentence, "code": code })
}

fn invalid(field: Option<&str>, message: &str) -> Value {
    let detail = field
        .map_or_else(|| json!({ "message": message }), |field| json!({ "field": field, "message": message }));
    let code = "VALIDATION_FAILED";
    let error = json!({ "code": code, "message": "the request is not valid", "details": [detail] });
    json!({ "success": false, "error": error, "code": code })
}

fn with(mut error: Value, fields: Value) -> Value {
    if let (Value::Object(error), Value::Object(fields)) = (&mut error, fields) {
        error.extend(fields);
    }
    error
}

/// One error response. Several examples are named by their codes.
fn error_response(
    status: &str,
    description: &str,
    header: ErrorHeader,
    examples: &[Value],
) -> BTreeMap<String, RefOr<Response>> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorResponse::name())));
    let content = match examples {
        [example] => content.example(Some(example.clone())),
        examples => content.examples_from_iter(examples.iter().map(|example| {
            let code = example["code"].as_str().unwrap_or_default().to_owned();
            (code, ExampleBuilder::new().value(Some(example.clone())).build())
        })),
    };
    let mut response =
        ResponseBuilder::new().description(description).content("application/json", content.build());
    if let Some((name, schema, description)) = header {
        let header = HeaderBuilder::new().schema(Some(schema())).description(Some(description));
        response = response.header(name, header.build());
    }
    BTreeMap::from([(status.to_owned(), RefOr::T(response.build()))])
}
