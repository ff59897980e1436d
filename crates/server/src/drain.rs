//! Stopping without losing a call.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use adapter_http::{CallRunner, Gateway};
use tokio::signal::unix::{SignalKind, signal};

/// Readiness says no, then nothing new is taken, then what is under way ends: replies are delivered, and calls whose client
/// has gone are booked all the same.
pub(crate) async fn drain(gateway: &Gateway, calls: &CallRunner, server: ServerHandle, notice: Duration) {
    gateway.start_draining();
    tokio::time::sleep(notice).await;
    // Stops listening at once, and returns when the last reply is out.
    server.stop(true).await;
    calls.close();
    calls.drained().await;
}

/// Returns at the first SIGTERM or SIGINT. A second one ends the process at once: what is in flight stays in the ledger.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("stopped by a second signal: calls in flight are in the ledger as dialling");
        std::process::exit(130);
    });
    Ok(())
}
