//! The simulator over real HTTP: what a client of the provider sees, and what a test reads later.

mod accounts;
mod catalogue;
mod control;
mod conversations;
mod dials;
mod faults;
mod receiver;
mod sandbox;
mod vapi;
mod webhooks;
