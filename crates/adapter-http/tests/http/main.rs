//! The gateway over real HTTP: statuses, envelope, headers, and what becomes of a call whose client hangs up.

mod answers;
mod anything;
mod auth;
mod bodies;
mod books;
mod calls;
mod documents;
mod endpoints;
mod events;
mod feed;
mod following;
mod health;
mod history;
mod inbox;
mod log;
mod personalizing;
mod reading;
mod recordings;
mod registering;
mod request_ids;
mod running;
mod whole_path;
mod world;
