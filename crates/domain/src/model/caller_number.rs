//! The numbers that calls are placed from.

use std::borrow::Cow;

use crate::{InvalidValue, OrganizationId, PhoneNumber, ProviderNumberId, UserId};

/// The company that carries a caller number, by its name in the directory: 1 to 32 lower-case
/// letters, digits and `-`, a letter first, and at most six digits, so that it is never a phone
/// number. The adapter of a voice provider states which carriers serve its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier(Cow<'static, str>);

const INVALID: InvalidValue = InvalidValue(
    "a carrier's name: 1 to 32 lower-case letters, digits and hyphens, a letter first, at most six digits",
);

impl Carrier {
    /// The carrier with a name that is part of the program.
    ///
    /// # Panics
    ///
    /// If it is not a carrier's name. In a constant the compiler reports that.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        assert!(is_name(name.as_bytes()), "not a carrier's name");
        Self(Cow::Borrowed(name))
    }

    /// Reads a name from outside.
    pub fn parse(name: &str) -> Result<Self, InvalidValue> {
        if is_name(name.as_bytes()) { Ok(Self(Cow::Owned(name.to_owned()))) } else { Err(INVALID) }
    }

    /// The name on the wire and in stores.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > 32 || !name[0].is_ascii_lowercase() {
        return false;
    }
    let (mut at, mut digits) = (0, 0);
    while at < name.len() {
        match name[at] {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'z' | b'-' => {}
            _ => return false,
        }
        at += 1;
    }
    digits < 7
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
    /// Whether it is connected to the voice provider, on its trunk or in its account.
    pub on_trunk: bool,
    /// The provider's id of the number; absent until the number is imported there.
    pub provider_number_id: Option<ProviderNumberId>,
}

impl CallerNumber {
    /// The provider's id of the number, if AI calls may be placed from it: it is enabled for them,
    /// has one of the carriers that the voice provider serves, and is connected to the provider.
    pub fn for_ai_call(&self, carriers: &[Carrier]) -> Result<ProviderNumberId, UnfitCallerNumber> {
        let unfit = |unmet| UnfitCallerNumber { number: self.phone_number.clone(), unmet };
        if !self.ai_enabled {
            return Err(unfit(UnmetCondition::EnabledForAiCalls));
        }
        if !carriers.contains(&self.carrier) {
            return Err(unfit(UnmetCondition::CarrierServed(self.carrier.clone())));
        }
        if !self.on_trunk {
            return Err(unfit(UnmetCondition::OnTrunk));
        }
        // The provider cannot dial from a number that it does not know, even if our records say
        // that it is on the trunk.
        self.provider_number_id.clone().ok_or_else(|| unfit(UnmetCondition::KnownToProvider))
    }
}

/// A caller number from which no AI call can be placed. Its sentence names the number by its last
/// two digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the caller number {number:?} {unmet}")]
pub struct UnfitCallerNumber {
    /// The number.
    pub number: PhoneNumber,
    /// What is missing.
    pub unmet: UnmetCondition,
}

/// A condition of placing AI calls that a number does not meet. They are checked in this order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnmetCondition {
    /// [`CallerNumber::ai_enabled`].
    #[error("is not enabled for AI calls")]
    EnabledForAiCalls,
    /// The voice provider places calls from numbers of this carrier.
    #[error("has the carrier {}, which the voice provider does not serve", .0.as_str())]
    CarrierServed(Carrier),
    /// [`CallerNumber::on_trunk`].
    #[error("is not on the trunk")]
    OnTrunk,
    /// [`CallerNumber::provider_number_id`].
    #[error("is not known to the voice provider")]
    KnownToProvider,
}

#[cfg(test)]
mod tests;
