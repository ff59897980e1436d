use std::pin::Pin;

/// Work that borrows nothing, for [`Background`].
pub type BackgroundWork = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs work that must be done but must not delay a response: giving back what a refused call may
/// have taken.
///
/// The work runs to its end after the request that started it has ended, and a stop of the process
/// waits for it. The work limits its own time.
pub trait Background: Send + Sync {
    /// Starts the work and returns immediately.
    fn run(&self, work: BackgroundWork);
}
