//! Faults at random moments, in real processes.

mod gateway;
mod parts;

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("gateway") => gateway::serve(),
        Some("check-gateway") => gateway::check(),
        _ => Ok(()),
    }
}
