use std::time::Duration;

use testkit::fault_proxy::Fault as ProxyFault;

/// Who is at the other end of a gateway's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Clients,
    Database,
    Lock,
    Provider,
}

/// How connections fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Refused,
    Delayed,
    AnswersDropped,
    ResetBefore,
    ResetAfter,
    Cut,
    Trickled,
    Swallowed,
    Held,
}

impl Link {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients to gateway",
            Self::Database => "gateway to Postgres",
            Self::Lock => "gateway to Redis",
            Self::Provider => "gateway to provider",
        }
    }
}

impl Broken {
    /// What the proxy does. Delays are shorter than the time that the provider has for its
    /// response, so that a dial arrives before its reservation ends: a documented limit.
    pub(crate) fn of_proxy(self) -> ProxyFault {
        match self {
            Self::Refused => ProxyFault::Refuse,
            Self::Delayed => ProxyFault::Delay {
                requests: Duration::from_millis(400),
                answers: Duration::from_millis(400),
            },
            Self::AnswersDropped => ProxyFault::DropAnswers,
            Self::ResetBefore => ProxyFault::ResetBefore,
            Self::ResetAfter => ProxyFault::ResetAfter,
            Self::Cut => ProxyFault::CutAnswer(20),
            Self::Trickled => ProxyFault::Trickle { bytes: 64, every: Duration::from_millis(10) },
            Self::Swallowed => ProxyFault::Blackhole,
            Self::Held => ProxyFault::Hold,
        }
    }

    pub(super) const ALL: [Self; 9] = [
        Self::Refused,
        Self::Delayed,
        Self::AnswersDropped,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Cut,
        Self::Trickled,
        Self::Swallowed,
        Self::Held,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Delayed => "delayed",
            Self::AnswersDropped => "answers dropped",
            Self::ResetBefore => "reset before the request",
            Self::ResetAfter => "reset after the request",
            Self::Cut => "answers cut",
            Self::Trickled => "answers trickled",
            Self::Swallowed => "swallowed",
            Self::Held => "held",
        }
    }
}
