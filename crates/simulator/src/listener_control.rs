use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Controls the accept loop from any thread.
pub(crate) struct ListenerControl {
    commands: mpsc::UnboundedSender<Command>,
}

/// Called when a command has been carried out.
pub(crate) type Done = Box<dyn FnOnce() + Send>;

pub(crate) enum Command {
    Refuse { until: Option<Instant>, done: Done },
    Listen { done: Done },
    Stop,
}

/// The commands of a [`ListenerControl`], for the accept loop.
pub(crate) struct Commands(pub(crate) mpsc::UnboundedReceiver<Command>);

impl ListenerControl {
    pub(crate) fn new() -> (ListenerControl, Commands) {
        let (commands, received) = mpsc::unbounded_channel();
        (ListenerControl { commands }, Commands(received))
    }

    /// Refuses connections for `duration`, or until [`ListenerControl::listen`]. Returns once they
    /// are refused.
    pub(crate) async fn refuse(&self, duration: Option<Duration>) {
        self.send_and_wait(|done| Command::Refuse { until: end_of(duration), done }).await;
    }

    /// [`ListenerControl::refuse`] for synchronous callers, on another thread than the accept loop.
    pub(crate) fn refuse_blocking(&self, duration: Duration) {
        let (done, carried_out) = std::sync::mpsc::channel::<()>();
        self.send(Command::Refuse { until: end_of(Some(duration)), done: Box::new(move || drop(done)) });
        // Fails when `done` is dropped: the command was carried out.
        let _ = carried_out.recv();
    }

    /// Listens again, and returns once it does.
    pub(crate) async fn listen(&self) {
        self.send_and_wait(|done| Command::Listen { done }).await;
    }

    pub(crate) fn stop(&self) {
        self.send(Command::Stop);
    }

    async fn send_and_wait(&self, command: impl FnOnce(Done) -> Command) {
        let (done, carried_out) = oneshot::channel::<()>();
        self.send(command(Box::new(move || drop(done))));
        // Fails when `done` is dropped: the command was carried out.
        let _ = carried_out.await;
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::debug!("ignoring a command: the simulator has already stopped");
        }
    }
}

fn end_of(duration: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(duration?)
}
