//! Stops the process without losing a call.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use adapter_http::{CallRunner, Gateway};
use tokio::signal::unix::{SignalKind, signal};

/// Reports "not ready" for `notice`, then closes the listener and waits for the open requests and
/// for the calls in flight. A call whose client has disconnected is recorded too.
pub(crate) async fn drain(gateway: &Gateway, calls: &CallRunner, server: ServerHandle, notice: Duration) {
    gateway.start_draining();
    tokio::time::sleep(notice).await;
    // Closes the listener immediately, and returns after the last response.
    server.stop(true).await;
    calls.close();
    calls.drained().await;
}

/// Returns at the first SIGTERM or SIGINT. A second signal ends the process immediately; calls in
/// flight stay in the ledger as dialling.
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
        tracing::warn!("second signal: exiting now; calls in flight stay in the ledger as dialling");
        std::process::exit(130);
    });
    Ok(())
}
