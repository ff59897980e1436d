//! The gateway over real HTTP: statuses, envelope, headers, and what becomes of a call whose client hangs up.

mod answers;
mod anything;
mod auth;
mod bodies;
mod books;
mod calls;
mod documents;
mod events;
mod health;
mod history;
mod inbox;
mod log;
mod reading;
mod request_ids;
mod running;
mod whole_path;
mod world;
