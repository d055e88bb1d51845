//! Child processes: none is left, not even a zombie, whatever is given up.

use crate::bytes::bytes;
use crate::common::{children, settle};
use crate::knife::swept;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork::process::Command;
use weftwork::spawn;
use weftwork::sync::Mutex;
use weftwork_std_or_loom as std_or_loom;

/// They count the children of this process. Whoever starts one waits for its turn.
pub(crate) static ONE_AT_A_TIME: std_or_loom::Mutex<()> = std_or_loom::Mutex::new(());

/// What was given up is killed and reaped, which takes its time.
async fn none_is_left() {
    let deadline = Instant::now() + Duration::from_secs(20);
    while children() > 0 {
        assert!(Instant::now() < deadline, "a child process is left");
        weftwork::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_child_that_is_waited_for() {
    let _alone = ONE_AT_A_TIME.lock();
    swept("Child::wait, ChildControl::wait", async |knife| {
        let child = Command::new("sleep").arg("3600").spawn().unwrap();
        let (control, killer) = (child.control(), child.control());
        let child = Arc::new(child);
        let inner = Arc::clone(&child);
        let killer = spawn(async move {
            settle().await;
            killer.kill().unwrap();
        });
        let _ = knife
            .run(async move {
                inner.wait().await.unwrap();
                control.wait().await.unwrap();
            })
            .await;
        killer.await;
        // Its status is lost to nobody.
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        drop(child);
        none_is_left().await;
    });
}

#[test]
fn a_program_that_runs_to_its_end() {
    let _alone = ONE_AT_A_TIME.lock();
    swept("Command::status", async |knife| {
        let end = knife
            .run(async { Command::new("true").status().await })
            .await;
        assert!(end.is_err() || end.unwrap().unwrap().success());
        none_is_left().await;
    });
    swept("Command::output", async |knife| {
        let end = knife
            .run(async { Command::new("echo").arg("hello").output().await })
            .await;
        assert!(end.is_err() || end.unwrap().unwrap().stdout == b"hello\n");
        none_is_left().await;
    });
}

#[test]
fn a_child_that_is_talked_to() {
    let _alone = ONE_AT_A_TIME.lock();
    swept("Child::communicate", async |knife| {
        const COUNT: usize = 200_000;
        let cat = Command::new("cat").piped().spawn().unwrap();
        let cat = Arc::new(Mutex::new(cat));
        let inner = Arc::clone(&cat);
        let end = knife
            .run(async move { inner.lock().await.communicate(bytes(COUNT)).await })
            .await;
        match end {
            Ok(output) => assert!(output.unwrap().stdout == bytes(COUNT)),
            Err(_) => {
                // Its streams are closed, and it lives to hear of that.
                let mut cat = cat.lock().await;
                assert!(cat.stdin.is_none() && cat.stdout.is_none() && cat.stderr.is_none());
                let rest = cat.communicate([]).await.unwrap();
                assert_eq!(rest.stdout, []);
            }
        }
        drop(cat);
        none_is_left().await;
    });
}
