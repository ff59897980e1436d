//! Faults at random moments, in real processes.

mod gateway;
mod parts;

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("gateway") {
        return gateway::serve();
    }
    Ok(())
}
