use std::sync::mpsc;

use super::*;

#[test]
fn a_thread_that_hangs_does_not_keep_the_process() {
    let (release, blocked) = mpsc::channel::<()>();
    let (finish, finished) = mpsc::channel();
    let work = async move {
        drop(tokio::task::spawn_blocking(move || {
            let _released = blocked.recv_timeout(Duration::from_secs(20));
            finish.send(())
        }));
        // A shutdown does not wait for a task that has not started.
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(())
    };
    run(work).expect("the work succeeds");
    assert!(finished.try_recv().is_err(), "the process waited for the thread");
    drop(release);
}
