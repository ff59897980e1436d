//! The numbers that calls are placed from.

use crate::{InvalidValue, OrganizationId, PhoneNumber, ProviderNumberId, UserId};

/// The company that carries a caller number. Only [`Carrier::Sinch`] numbers place AI calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The trunk of AI calls.
    Sinch,
    /// Calls by people only.
    Twilio,
    /// Text messages only.
    Textgrid,
}

const UNKNOWN: InvalidValue = InvalidValue("a carrier: sinch, twilio or textgrid");

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

    /// Reads the name that [`Carrier::as_str`] returns.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        Self::ALL.into_iter().find(|carrier| carrier.as_str() == name).ok_or(UNKNOWN)
    }
}

/// A number that a user may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerNumber {
    /// The organization that owns the number.
    pub organization_id: OrganizationId,
    /// The user who may use it.
    pub user_id: UserId,
    /// The number.
    pub phone_number: PhoneNumber,
    /// Its carrier.
    pub carrier: Carrier,
    /// Whether AI calls may use it.
    pub ai_enabled: bool,
    /// Whether it is on the trunk that the voice provider dials through.
    pub on_trunk: bool,
    /// The provider's id of the number; absent until the number is imported there.
    pub provider_number_id: Option<ProviderNumberId>,
}

impl CallerNumber {
    /// Whether an AI call may use this number: enabled for AI calls, and carried by Sinch.
    #[must_use]
    pub fn serves_ai_calls(&self) -> bool {
        self.ai_enabled && self.carrier == Carrier::Sinch
    }
}
