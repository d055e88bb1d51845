//! Child processes: none is left, whatever was given up, and no output is lost to whoever asks again.

use crate::knife::{Knife, swept};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork::process::{Child, Command, Stdio};
use weftwork::signal::unix::SignalKind;
use weftwork_std_or_loom::Mutex;

/// True once there is no such process, not even a zombie.
fn is_gone(id: u32) -> bool {
    let raw = i32::try_from(id)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::test_kill_process(raw.unwrap()).is_err()
}

/// A child that nobody holds any more is killed and reaped.
async fn goes(id: u32) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_gone(id) {
        assert!(Instant::now() < deadline, "process {id} is left");
        weftwork::sleep(Duration::from_millis(1)).await;
    }
}

fn sleeper() -> Child {
    Command::new("sleep").arg("3600").spawn().unwrap()
}

#[test]
fn a_child_that_is_waited_for() {
    swept("Child::wait, ChildControl::wait", async |knife| {
        let child = Arc::new(sleeper());
        let (id, control) = (child.id(), child.control());
        let (inner, killer) = (Arc::clone(&child), child.control());
        let killer = weftwork::spawn(async move {
            crate::common::settle().await;
            killer.kill().unwrap();
        });
        let _ = knife
            .run(async move {
                inner.wait().await.unwrap();
                control.wait().await.unwrap();
            })
            .await;
        killer.await;
        let status = child.wait().await.unwrap();
        let killed = SignalKind::from_raw(9);
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(killed.as_raw())
        );
        goes(id).await;
    });
}
