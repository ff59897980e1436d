//! A stand-in for the voice providers: their wire formats over real HTTP, and their failures on demand.
//!
//! It rings nobody. What happens to a call is chosen as payment sandboxes choose it by card: every number
//! answers after half a second, and the documented [`MAGIC_NUMBERS`] are busy, ring for 45 s, hang, lose the
//! answer after dialling, and so on. Tests that need more script it, in process ([`Simulator::script`]) or over
//! HTTP:
//!
//! | Control endpoint | What it does |
//! |---|---|
//! | `POST /sim/behaviours` | takes a [`ScriptedBehaviour`], which comes before the magic numbers |
//! | `DELETE /sim/behaviours` | forgets them all |
//! | `GET /sim/dials[?to_number=]` | `{"total", "by_number", "dials"}`: every request that was accepted for dialling |
//! | `DELETE /sim/dials` | starts that count afresh (conversations stay) |
//! | `GET /sim/requests` | `{"total", "by_path"}`: requests to the provider's API, refused ones included |
//! | `DELETE /sim/requests` | starts that count afresh |
//! | `POST /sim/webhooks` | takes [`WebhookSettings`]: from now on events go there |
//! | `DELETE /sim/webhooks` | sends no more events |
//! | `GET /sim/webhooks` | `{"url", "deliveries"}`: where events go, and each [`WebhookDelivery`] |
//! | `GET /sim/magic-numbers` | the table of [`MAGIC_NUMBERS`] |
//!
//! Two providers' surfaces stand side by side over the same scripts and the same log of dials: ElevenLabs'
//! (`xi-api-key`, `/v1/convai/…`), which answers when the callee has, and Vapi's (bearer token, `/call`,
//! `/phone-number`, `/assistant`), which answers when the call is queued: a busy callee is in the call's record
//! there. Ids are taken as they come, except that an agent or a phone number whose id starts with `missing_` does
//! not exist.
//!
//! When a call is over, its events are sent as signed webhooks, as the provider sends them: a transcription about a
//! second after the callee answered and then the audio, or the failure of the dial. A [`WebhookScript`] spoils
//! them.
//!
//! A *dial* is counted when the request was read in full and accepted for dialling, also where the answer is
//! then lost. Refused requests are counted as requests only.

mod behaviours;
mod calls;
mod control;
mod elevenlabs;
mod faults;
mod front;
mod ids;
mod line;
mod magic_numbers;
mod scripts;
mod simulator;
mod spoiled;
mod state;
mod timeline;
mod vapi;
mod webhooks;

pub use behaviours::{Behaviour, CallFate, ErrorShape, ScriptedBehaviour};
pub use calls::Dial;
pub use elevenlabs::{DEMO_AGENT_ID, DEMO_CALLER_NUMBER, DEMO_PHONE_NUMBER_ID};
pub use magic_numbers::{MAGIC_NUMBERS, MagicNumber};
pub use simulator::{Settings, Simulator};
pub use webhooks::{WebhookDelivery, WebhookScript, WebhookSettings};
