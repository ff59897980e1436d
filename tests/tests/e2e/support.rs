//! The parts of an end-to-end test: a [`World`] with stores and a simulator, gateways that use
//! them, and clients of the gateways.

mod client;
pub(crate) mod collector;
mod command;
mod database;
mod event_stream;
mod fixed_clock;
mod load_balancer;
mod process;
mod receiver;
mod redis_server;
mod scrape;
mod wire_counter;
mod world;

pub(crate) use client::{Client, PendingCall, Response, http_client};
pub(crate) use command::{RunningCommand, outdial_path, run_with_outdial};
pub(crate) use fixed_clock::FixedClock;
pub(crate) use load_balancer::{LoadBalancer, TargetState};
pub(crate) use process::Process;
pub(crate) use receiver::{ReceivedRequest, Receiver};
pub(crate) use redis_server::RedisServer;
pub(crate) use scrape::Scrape;
pub(crate) use wire_counter::WireCounter;
pub(crate) use world::{Backing, Gateway, SINCH_SECRET, TOOL_SECRET, WEBHOOK_SECRET, World};
