use actix_web::http::StatusCode;
use domain::RefusalCode;

macro_rules! error_codes {
    ($($name:ident = $status:ident $text:literal),+ $(,)?) => {
        /// The stable codes of the error envelope.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ErrorCode {
            $($name,)+
        }

        impl ErrorCode {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code on the wire.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The status of a response with this code.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }
        }
    };
}

error_codes! {
    ValidationFailed = BAD_REQUEST "VALIDATION_FAILED",
    ContactOrPhoneRequired = BAD_REQUEST "CONTACT_OR_PHONE_REQUIRED",
    InvalidPhoneNumber = BAD_REQUEST "INVALID_PHONE_NUMBER",
    DestinationNotAllowed = BAD_REQUEST "DESTINATION_NOT_ALLOWED",
    CountryNotAllowed = BAD_REQUEST "COUNTRY_NOT_ALLOWED",
    CalleeOptedOut = BAD_REQUEST "CALLEE_OPTED_OUT",
    OnDoNotCallList = BAD_REQUEST "ON_DO_NOT_CALL_LIST",
    DoNotCallListStale = BAD_REQUEST "DO_NOT_CALL_LIST_STALE",
    ConsentMissing = BAD_REQUEST "CONSENT_MISSING",
    ConsentRevoked = BAD_REQUEST "CONSENT_REVOKED",
    ConsentExpired = BAD_REQUEST "CONSENT_EXPIRED",
    OutsideCallingHours = BAD_REQUEST "OUTSIDE_CALLING_HOURS",
    ClosedDay = BAD_REQUEST "CLOSED_DAY",
    AttemptCap = BAD_REQUEST "ATTEMPT_CAP",
    CoolDown = BAD_REQUEST "COOL_DOWN",
    CalleeZoneUnknown = BAD_REQUEST "CALLEE_ZONE_UNKNOWN",
    CallerNumberBarred = BAD_REQUEST "CALLER_NUMBER_BARRED",
    RingTooShort = BAD_REQUEST "RING_TOO_SHORT",
    UserCallLimit = BAD_REQUEST "USER_CALL_LIMIT",
    OrganizationCallLimit = BAD_REQUEST "ORGANIZATION_CALL_LIMIT",
    ContactHasNoPhone = BAD_REQUEST "CONTACT_HAS_NO_PHONE",
    ContactPhoneMismatch = BAD_REQUEST "CONTACT_PHONE_MISMATCH",
    AgentNotFound = BAD_REQUEST "AGENT_NOT_FOUND",
    NoVoiceAgent = BAD_REQUEST "NO_VOICE_AGENT",
    AgentNotSynced = BAD_REQUEST "AGENT_NOT_SYNCED",
    NoAiEnabledNumber = BAD_REQUEST "NO_AI_ENABLED_NUMBER",
    FromNumberNotAvailable = BAD_REQUEST "FROM_NUMBER_NOT_AVAILABLE",
    NumberNotOnTrunk = BAD_REQUEST "NUMBER_NOT_ON_TRUNK",
    NumbersNotChangeable = BAD_REQUEST "NUMBERS_NOT_CHANGEABLE",
    IdempotencyKeyReused = BAD_REQUEST "IDEMPOTENCY_KEY_REUSED",
    WebhookUrlRefused = BAD_REQUEST "WEBHOOK_URL_REFUSED",
    TooManyWebhookEndpoints = BAD_REQUEST "TOO_MANY_WEBHOOK_ENDPOINTS",
    Unauthorized = UNAUTHORIZED "UNAUTHORIZED",
    Forbidden = FORBIDDEN "FORBIDDEN",
    ContactNotFound = NOT_FOUND "CONTACT_NOT_FOUND",
    UserNotFound = NOT_FOUND "USER_NOT_FOUND",
    NumberNotFound = NOT_FOUND "NUMBER_NOT_FOUND",
    CallNotFound = NOT_FOUND "CALL_NOT_FOUND",
    RecordingNotFound = NOT_FOUND "RECORDING_NOT_FOUND",
    WebhookEndpointNotFound = NOT_FOUND "WEBHOOK_ENDPOINT_NOT_FOUND",
    SuppressionNotFound = NOT_FOUND "SUPPRESSION_NOT_FOUND",
    ConsentNotFound = NOT_FOUND "CONSENT_NOT_FOUND",
    WebhookUrlTaken = CONFLICT "WEBHOOK_URL_TAKEN",
    NumberChanging = CONFLICT "NUMBER_CHANGING",
    NumberInUse = CONFLICT "NUMBER_IN_USE",
    RecordingTooLarge = GONE "RECORDING_TOO_LARGE",
    RecordingExpired = GONE "RECORDING_EXPIRED",
    DeliveryTimedOut = REQUEST_TIMEOUT "DELIVERY_TIMED_OUT",
    PolicyChanged = PRECONDITION_FAILED "POLICY_CHANGED",
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "RANGE_NOT_SATISFIABLE",
    OutboundInFlight = TOO_MANY_REQUESTS "OUTBOUND_IN_FLIGHT",
    RateLimited = TOO_MANY_REQUESTS "RATE_LIMITED",
    ProviderRejected = INTERNAL_SERVER_ERROR "PROVIDER_REJECTED",
    ProviderUnavailable = INTERNAL_SERVER_ERROR "PROVIDER_UNAVAILABLE",
    ServiceUnavailable = INTERNAL_SERVER_ERROR "SERVICE_UNAVAILABLE",
    CallNotConnected = INTERNAL_SERVER_ERROR "CALL_NOT_CONNECTED",
    CallOutcomeUnknown = INTERNAL_SERVER_ERROR "CALL_OUTCOME_UNKNOWN",
    Internal = INTERNAL_SERVER_ERROR "INTERNAL",
    TooManyDeliveries = SERVICE_UNAVAILABLE "TOO_MANY_DELIVERIES",
    TooManyStreams = SERVICE_UNAVAILABLE "TOO_MANY_STREAMS",
    TooManyRecordings = SERVICE_UNAVAILABLE "TOO_MANY_RECORDINGS",
    // The two below are for paths and methods that the OpenAPI document does not have.
    NotFound = NOT_FOUND "NOT_FOUND",
    MethodNotAllowed = METHOD_NOT_ALLOWED "METHOD_NOT_ALLOWED",
}

impl ErrorCode {
    /// Whether a route of the OpenAPI document may return this code.
    pub(crate) const fn is_documented(self) -> bool {
        !matches!(self, Self::NotFound | Self::MethodNotAllowed)
    }

    /// Whether the phone may have rung, so that a client must not retry.
    const fn may_have_rung(self) -> bool {
        matches!(self, Self::CallNotConnected | Self::CallOutcomeUnknown | Self::Internal)
    }
}

impl From<RefusalCode> for ErrorCode {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::InvalidPhoneNumber => Self::InvalidPhoneNumber,
            RefusalCode::DestinationNotAllowed => Self::DestinationNotAllowed,
            RefusalCode::CountryNotAllowed => Self::CountryNotAllowed,
            RefusalCode::CalleeOptedOut => Self::CalleeOptedOut,
            RefusalCode::OnDoNotCallList => Self::OnDoNotCallList,
            RefusalCode::DoNotCallListStale => Self::DoNotCallListStale,
            RefusalCode::ConsentMissing => Self::ConsentMissing,
            RefusalCode::ConsentRevoked => Self::ConsentRevoked,
            RefusalCode::ConsentExpired => Self::ConsentExpired,
            RefusalCode::OutsideCallingHours => Self::OutsideCallingHours,
            RefusalCode::ClosedDay => Self::ClosedDay,
            RefusalCode::AttemptCap => Self::AttemptCap,
            RefusalCode::CoolDown => Self::CoolDown,
            RefusalCode::CalleeZoneUnknown => Self::CalleeZoneUnknown,
            RefusalCode::CallerNumberBarred => Self::CallerNumberBarred,
            RefusalCode::RingTooShort => Self::RingTooShort,
            RefusalCode::UserCallLimit => Self::UserCallLimit,
            RefusalCode::OrganizationCallLimit => Self::OrganizationCallLimit,
        }
    }
}

/// What the OpenAPI document says of the codes: every documented code, by status.
pub(super) fn describe_codes() -> String {
    let mut text = "Stable error code".to_owned();
    let mut group = None;
    for code in ErrorCode::ALL.iter().filter(|code| code.is_documented()) {
        let this = (code.status(), code.may_have_rung());
        if group == Some(this) {
            text.push_str(", ");
        } else {
            let meaning = match this {
                (StatusCode::INTERNAL_SERVER_ERROR, false) => ", the phone did not ring and a retry may dial",
                (StatusCode::INTERNAL_SERVER_ERROR, true) => ", the phone may have rung",
                _ => "",
            };
            text.push_str(&format!(". {}{meaning}: ", code.status().as_u16()));
            group = Some(this);
        }
        text.push_str(&format!("`{}`", code.as_str()));
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_same_code_everywhere() {
        for code in RefusalCode::ALL {
            let error = ErrorCode::from(code);
            assert_eq!((error.as_str(), error.status()), (code.as_str(), StatusCode::BAD_REQUEST));
        }
    }

    #[test]
    fn the_description_names_each_documented_code_under_its_status() {
        let text = describe_codes();
        for code in ErrorCode::ALL {
            let status = format!("{}", code.status().as_u16());
            let sentence =
                text.split(". ").find(|sentence| sentence.contains(&format!("`{}`", code.as_str())));
            let expected = code.is_documented().then_some(status.as_str());
            assert_eq!(sentence.map(|sentence| &sentence[..3]), expected, "{}: {text}", code.as_str());
        }
        assert_eq!(text.matches("500").count(), 2, "{text}");
    }
}
