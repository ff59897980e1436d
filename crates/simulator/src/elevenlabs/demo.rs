//! The agents and phone numbers of the demo.

pub const DEMO_AGENT_ID: &str = "agent_01dem00agent0sandb0x00000001";
/// The provider's id of [`DEMO_CALLER_NUMBER`].
pub const DEMO_PHONE_NUMBER_ID: &str = "phnum_01dem00phnum0sandb0x00000001";
/// The caller number of the demo. E.164, fictional.
pub const DEMO_CALLER_NUMBER: &str = "+14165550100";

const SECOND_AGENT_ID: &str = "agent_01dem00agent0sandb0x00000002";
/// A number that cannot make outbound calls.
const INBOUND_PHONE_NUMBER_ID: &str = "phnum_01dem00phnum0sandb0x00000002";
pub(crate) const INBOUND_NUMBER: &str = "+14165550101";

/// The agents that are listed.
pub(crate) const AGENT_IDS: [&str; 2] = [DEMO_AGENT_ID, SECOND_AGENT_ID];
/// The phone numbers that are listed.
pub(crate) const PHONE_NUMBER_IDS: [&str; 2] = [DEMO_PHONE_NUMBER_ID, INBOUND_PHONE_NUMBER_ID];

pub(crate) fn agent_name(id: &str) -> &'static str {
    if id == SECOND_AGENT_ID { "Second agent" } else { "Demo agent" }
}

pub(crate) fn number_of(id: &str) -> &'static str {
    if id == INBOUND_PHONE_NUMBER_ID { INBOUND_NUMBER } else { DEMO_CALLER_NUMBER }
}

pub(crate) fn number_label(id: &str) -> &'static str {
    if id == INBOUND_PHONE_NUMBER_ID { "Inbound only" } else { "Demo line" }
}
