//! The gateway over real HTTP: statuses, error bodies, headers, and what happens to a call whose
//! client disconnects. The stores are `testkit::memory`.

mod arbitrary_requests;
mod audio;
mod auth;
mod bodies;
mod browsers;
mod callees;
mod calling_policy;
mod calls;
mod changing_endpoints;
mod deciding;
mod documents;
mod events;
mod following;
mod gated;
mod health;
mod history;
mod key_sets;
mod keyed;
mod listing;
mod log;
mod opting_out;
mod personalizing;
mod provider_webhook;
mod reading;
mod recording_streams;
mod recordings;
mod refusals;
mod registering;
mod request_ids;
mod responses;
mod running;
mod shares;
mod stored;
mod whole_path;
mod world;
