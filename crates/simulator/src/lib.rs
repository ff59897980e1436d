//! A simulator of the voice providers: it speaks their wire formats over real HTTP and fails on
//! demand.
//!
//! It never rings a real phone. The called number chooses what happens, as the card number does in
//! a payment sandbox: every number answers after half a second, except the documented
//! [`MAGIC_NUMBERS`], which are busy, ring for 45 s, hang, lose the response after dialling, and so
//! on. A test that needs another behaviour scripts it, in process ([`Simulator::script`]) or over
//! HTTP:
//!
//! | Control endpoint | Effect |
//! |---|---|
//! | `POST /sim/behaviours` | adds a [`ScriptedBehaviour`], which takes precedence over the magic numbers |
//! | `DELETE /sim/behaviours` | removes all of them |
//! | `GET /sim/dials[?to_number=]` | returns `{"total", "by_number", "dials"}`: every request accepted for dialling |
//! | `DELETE /sim/dials` | resets that count (conversations are kept) |
//! | `GET /sim/requests` | returns `{"total", "by_path"}`: requests to the provider's API, refused ones included |
//! | `DELETE /sim/requests` | resets that count |
//! | `POST /sim/webhooks` | sets the [`WebhookSettings`]: events are sent to this URL from now on |
//! | `DELETE /sim/webhooks` | stops sending events |
//! | `GET /sim/webhooks` | returns `{"url", "deliveries"}`: the current URL and each [`WebhookDelivery`] |
//! | `GET /sim/magic-numbers` | returns the table of [`MAGIC_NUMBERS`] |
//!
//! It also serves the API of the carrier Sinch: tokens, the trunk [`DEMO_TRUNK_ID`] and its numbers. What
//! the accounts of both vendors have is an [`Account`].
//!
//! It serves the APIs of two providers, which share the scripts and the log of dials. ElevenLabs'
//! API (`xi-api-key`, `/v1/convai/…`) responds when the callee has answered. Vapi's API (bearer
//! token, `/call`, `/phone-number`, `/assistant`) responds when the call is queued: only the call's
//! record shows that the callee was busy. A dial is refused if its agent or phone number is not in the
//! lists, as the providers do, unless the simulator accepts any id ([`Settings::any_id`]).
//!
//! When a call is over, the simulator sends its events as signed webhooks, as the provider does: a
//! transcription about a second after the callee answered and then the audio, or the failure of the
//! dial. A [`WebhookScript`] makes them faulty.
//!
//! A *dial* is counted when the request was read in full and accepted for dialling, even if the
//! response is lost afterwards. A refused request is counted as a request only.

mod account;
mod behaviours;
mod calls;
mod connection;
mod control;
mod elevenlabs;
mod faults;
mod ids;
mod listener;
mod listener_control;
mod magic_numbers;
mod responses;
mod scripts;
mod simulator;
mod sinch;
mod state;
mod timeline;
mod vapi;
mod webhooks;

pub use account::{Account, AccountFault, AccountNumber, DEMO_TRUNK_ID, WebhookCondition};
pub use behaviours::{Behaviour, CallOutcome, ErrorShape, ScriptedBehaviour};
pub use calls::Dial;
pub use elevenlabs::{DEMO_AGENT_ID, DEMO_CALLER_NUMBER, DEMO_PHONE_NUMBER_ID};
pub use magic_numbers::{MAGIC_NUMBERS, MagicNumber};
pub use simulator::{Settings, Simulator};
pub use webhooks::{WebhookDelivery, WebhookScript, WebhookSettings};

/// The largest request body that the providers' APIs accept.
const MAX_BODY_BYTES: usize = 256 << 10;
