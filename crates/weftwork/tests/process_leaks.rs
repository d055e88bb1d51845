//! Children that are dropped and cancelled at every point leave no zombie, no descriptor and no
//! thread. One test, for it counts what the whole process has.

#![cfg(target_os = "linux")]

mod common;

use common::{WORKERS, children, comes_true, descriptors, on, scaled};
use futures::AsyncReadExt;
use std::fs;
use weftwork::process::Command;
use weftwork::{gather, sleep, spawn};

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

async fn live_and_die(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut cat = Command::new("cat");
    let how = random.u8(0..5);
    let task = spawn(async move {
        let mut child = cat.piped().spawn().unwrap();
        match how {
            0 => {}
            1 => drop(child.communicate(vec![1; 100_000]).await.unwrap()),
            2 => drop(child.stdout.as_mut().unwrap().read(&mut [0]).await),
            3 => drop(child.wait().await),
            _ => drop(child.kill()),
        }
    });
    sleep(std::time::Duration::from_micros(random.u64(0..3000))).await;
    task.cancel();
    let _ = task.outcome().await;
}

#[test]
fn children_leave_nothing_behind() {
    let rounds = scaled(400) as u64;
    // The thread that hears of signals, and the runtime's own things, are made only once.
    on(&WORKERS, |_| async {
        live_and_die(2).await;
        live_and_die(4).await;
    });
    let before = threads();
    on(&WORKERS, |_| async move {
        let before = descriptors();
        for round in 0..rounds {
            gather((0..5).map(|n| live_and_die(5 * round + n))).await;
        }
        assert!(comes_true(|| children() == 0), "{} zombies", children());
        assert!(comes_true(|| descriptors() <= before));
    });
    assert!(comes_true(|| threads() <= before));
}
