//! Which number shows.

use crate::{OrganizationId, PhoneNumber, ProviderNumberId, UserId};

/// Who carries a caller number. Only [`Carrier::Sinch`] numbers place AI calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Sinch: the trunk that AI calls leave by.
    Sinch,
    /// Twilio: calls by people only.
    Twilio,
    /// TextGrid: messages only.
    Textgrid,
}

/// The name is none of `sinch`, `twilio`, `textgrid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown carrier: expected sinch, twilio or textgrid")]
pub struct UnknownCarrier;

impl Carrier {
    /// Every carrier.
    pub const ALL: [Self; 3] = [Self::Sinch, Self::Twilio, Self::Textgrid];

    /// The name on the wire and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sinch => "sinch",
            Self::Twilio => "twilio",
            Self::Textgrid => "textgrid",
        }
    }

    /// Reads the name that [`Carrier::as_str`] gives.
    pub fn parse(name: &str) -> Result<Self, UnknownCarrier> {
        Self::ALL.into_iter().find(|carrier| carrier.as_str() == name).ok_or(UnknownCarrier)
    }
}

/// A number that a user may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNumber {
    /// The organization that the number belongs to.
    pub organization_id: OrganizationId,
    /// The user who may show it.
    pub user_id: UserId,
    /// The number itself.
    pub phone_number: PhoneNumber,
    /// Who carries it.
    pub carrier: Carrier,
    /// Whether AI calls may show it.
    pub ai_enabled: bool,
    /// Whether it is on the trunk that the voice provider dials through.
    pub on_trunk: bool,
    /// Its id at the voice provider; absent until it is imported there.
    pub provider_number_id: Option<ProviderNumberId>,
}

impl CallerNumber {
    /// Whether an AI call may show this number: enabled for it, and carried by Sinch.
    #[must_use]
    pub fn serves_ai_calls(&self) -> bool {
        self.ai_enabled && self.carrier == Carrier::Sinch
    }
}
