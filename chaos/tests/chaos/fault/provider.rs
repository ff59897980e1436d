use simulator::{Behaviour, CallOutcome, ScriptedBehaviour, WebhookScript};

/// What the provider does with one dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderScript {
    Busy,
    NoAnswer,
    Rejects,
    TooManyRequests,
    ServerError,
    Cut,
    Reset,
    Html,
    Late,
    Never,
    WithoutIds,
    EventsTwice,
    EventsFirst,
    EventsLost,
    EventsOutOfOrder,
}

impl ProviderScript {
    pub(super) const ALL: [Self; 15] = [
        Self::Busy,
        Self::NoAnswer,
        Self::Rejects,
        Self::TooManyRequests,
        Self::ServerError,
        Self::Cut,
        Self::Reset,
        Self::Html,
        Self::Late,
        Self::Never,
        Self::WithoutIds,
        Self::EventsTwice,
        Self::EventsFirst,
        Self::EventsLost,
        Self::EventsOutOfOrder,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoAnswer => "no answer",
            Self::Rejects => "rejects",
            Self::TooManyRequests => "too many requests",
            Self::ServerError => "5xx",
            Self::Cut => "response cut",
            Self::Reset => "reset",
            Self::Html => "HTML of a proxy",
            Self::Late => "late",
            Self::Never => "no response",
            Self::WithoutIds => "response without ids",
            Self::EventsTwice => "events twice",
            Self::EventsFirst => "events before the response",
            Self::EventsLost => "events lost",
            Self::EventsOutOfOrder => "events out of order",
        }
    }

    /// What the simulator does with the next dial to this number.
    pub(crate) fn for_number(self, number: &str) -> ScriptedBehaviour {
        let answer = Behaviour::Answer { after_ms: 700 };
        let (behaviour, webhook) = match self {
            Self::Busy => (Behaviour::Busy { after_ms: 600 }, WebhookScript::default()),
            Self::NoAnswer => (Behaviour::NoAnswer { after_ms: 1900 }, WebhookScript::default()),
            Self::Rejects => (Behaviour::http_error(402), WebhookScript::default()),
            Self::TooManyRequests => (Behaviour::http_error(429), WebhookScript::default()),
            Self::ServerError => (Behaviour::http_error(503), WebhookScript::default()),
            Self::Cut => (Behaviour::TruncatedBody, WebhookScript::default()),
            Self::Reset => (Behaviour::ResetConnection, WebhookScript::default()),
            Self::Html => (Behaviour::ForeignHtml { status: 200 }, WebhookScript::default()),
            // Its last byte comes after the gateway has given up.
            Self::Late => (Behaviour::TrickledBody { interval_ms: 50 }, WebhookScript::default()),
            Self::Never => (Behaviour::Hang, WebhookScript::default()),
            Self::WithoutIds => (Behaviour::SuccessWithoutIds, WebhookScript::default()),
            Self::EventsTwice => (answer, WebhookScript { duplicate: true, ..WebhookScript::default() }),
            Self::EventsFirst => (answer, WebhookScript { before_answer: true, ..WebhookScript::default() }),
            Self::EventsLost => (answer, WebhookScript { dropped: true, ..WebhookScript::default() }),
            Self::EventsOutOfOrder => {
                (answer, WebhookScript { out_of_order: true, ..WebhookScript::default() })
            }
        };
        let script = ScriptedBehaviour::new(behaviour).to(number).times(1).webhook(webhook);
        match self {
            // Otherwise the provider would say for ever that the phone rings.
            Self::Never => script.call(CallOutcome::Answered),
            _ => script,
        }
    }
}
