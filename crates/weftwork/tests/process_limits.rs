//! Starting children without descriptors: an error that says so, and nothing is left behind. One
//! test, for the limit is the process's.

#![cfg(target_os = "linux")]

mod common;

use common::{EVERYWHERE, Watchdog, children, comes_true, descriptors};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use weftwork::Runtime;
use weftwork::net::DescriptorLimit;
use weftwork::process::Command;

/// Of the descriptors for a child any one may be the first that there is not.
#[test]
fn without_descriptors_no_child_is_left_behind() {
    let _watchdog = Watchdog::start();
    let before = getrlimit(Resource::Nofile);
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        runtime.block_on(async {
            // The thread for orphans, and what it needs.
            drop(Command::new("cat").piped().spawn().unwrap());
            assert!(comes_true(|| children() == 0));
            let open = descriptors();
            for spare in 0..16 {
                setrlimit(
                    Resource::Nofile,
                    Rlimit {
                        current: Some(open as u64 + spare),
                        ..before
                    },
                )
                .unwrap();
                let mut held = Vec::new();
                let error = loop {
                    match Command::new("cat").piped().spawn() {
                        Ok(child) => held.push(child),
                        Err(error) => break error,
                    }
                };
                setrlimit(Resource::Nofile, before).unwrap();
                assert!(DescriptorLimit::of(&error).is_some(), "{spare}: {error}");
                assert!(comes_true(|| children() == held.len()), "{spare}");
                drop(held);
                assert!(comes_true(|| children() == 0 && descriptors() == open));
            }
            let output = Command::new("echo").output().await.unwrap();
            assert_eq!(output.stdout, b"\n");
        });
    }
}
