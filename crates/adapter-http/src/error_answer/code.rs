use actix_web::http::StatusCode;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $text:literal),+ $(,)?) => {
        /// The stable codes of the envelope.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ErrorCode {
            $($(#[$doc])* $name,)+
        }

        impl ErrorCode {
            /// Every code.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code on the wire.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The status that the code is answered with.
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
    ContactHasNoPhone = BAD_REQUEST "CONTACT_HAS_NO_PHONE",
    ContactPhoneMismatch = BAD_REQUEST "CONTACT_PHONE_MISMATCH",
    AgentNotFound = BAD_REQUEST "AGENT_NOT_FOUND",
    NoVoiceAgent = BAD_REQUEST "NO_VOICE_AGENT",
    AgentNotSynced = BAD_REQUEST "AGENT_NOT_SYNCED",
    NoAiEnabledNumber = BAD_REQUEST "NO_AI_ENABLED_NUMBER",
    FromNumberNotAvailable = BAD_REQUEST "FROM_NUMBER_NOT_AVAILABLE",
    NumberNotOnTrunk = BAD_REQUEST "NUMBER_NOT_ON_TRUNK",
    WebhookUrlRefused = BAD_REQUEST "WEBHOOK_URL_REFUSED",
    TooManyWebhookEndpoints = BAD_REQUEST "TOO_MANY_WEBHOOK_ENDPOINTS",
    Unauthorized = UNAUTHORIZED "UNAUTHORIZED",
    ContactNotFound = NOT_FOUND "CONTACT_NOT_FOUND",
    CallNotFound = NOT_FOUND "CALL_NOT_FOUND",
    RecordingNotFound = NOT_FOUND "RECORDING_NOT_FOUND",
    UserNotFound = NOT_FOUND "USER_NOT_FOUND",
    WebhookEndpointNotFound = NOT_FOUND "WEBHOOK_ENDPOINT_NOT_FOUND",
    OutboundInFlight = TOO_MANY_REQUESTS "OUTBOUND_IN_FLIGHT",
    ProviderRejected = INTERNAL_SERVER_ERROR "PROVIDER_REJECTED",
    ProviderUnavailable = INTERNAL_SERVER_ERROR "PROVIDER_UNAVAILABLE",
    CallNotConnected = INTERNAL_SERVER_ERROR "CALL_NOT_CONNECTED",
    CallOutcomeUnknown = INTERNAL_SERVER_ERROR "CALL_OUTCOME_UNKNOWN",
    ServiceUnavailable = INTERNAL_SERVER_ERROR "SERVICE_UNAVAILABLE",
    Internal = INTERNAL_SERVER_ERROR "INTERNAL",
    /// A 500 is for the vendor to repeat, and so are these two.
    DeliveryTimedOut = REQUEST_TIMEOUT "DELIVERY_TIMED_OUT",
    TooManyDeliveries = SERVICE_UNAVAILABLE "TOO_MANY_DELIVERIES",
    TooManyStreams = SERVICE_UNAVAILABLE "TOO_MANY_STREAMS",
    /// No such path; never answered on the contract's route.
    NotFound = NOT_FOUND "NOT_FOUND",
    /// Another method on a path that exists.
    MethodNotAllowed = METHOD_NOT_ALLOWED "METHOD_NOT_ALLOWED",
}
