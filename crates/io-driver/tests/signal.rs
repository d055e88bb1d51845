//! Catching signals. There is one test in this file, because they are the process's.

#![cfg(unix)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use weftwork_io_driver::signal::{
    Disposition, SIGCHLD, SIGKILL, SIGUSR1, SIGUSR2, SIGWINCH, default_action, disposition, raise,
    send_signal, signals,
};

#[test]
fn signals_are_caught_in_order_and_those_of_a_forked_child_are_not() {
    let (catcher, mut caught) = signals().unwrap();
    assert_eq!(disposition(SIGUSR1).unwrap(), Disposition::Default);
    for signal in [SIGUSR1, SIGUSR2] {
        assert_eq!(catcher.catch(signal).unwrap(), Disposition::Default);
    }
    assert_eq!(disposition(SIGUSR1).unwrap(), Disposition::Handled);

    for signal in [SIGUSR1, SIGUSR2, SIGUSR1] {
        raise(signal).unwrap();
    }
    // The third one found the first one waiting.
    assert_eq!(caught.next_signal().unwrap(), SIGUSR1);
    assert_eq!(caught.next_signal().unwrap(), SIGUSR2);

    // Between `fork` and `exec` the child has the handlers and the pipe of its parent.
    let mut command = Command::new("true");
    // SAFETY: it makes a system call.
    unsafe { command.pre_exec(|| raise(SIGUSR1)) };
    assert!(command.status().unwrap().success());
    raise(SIGUSR2).unwrap();
    assert_eq!(caught.next_signal().unwrap(), SIGUSR2);

    // What the system ignores by default stays ignored.
    default_action(SIGCHLD);
    default_action(SIGWINCH);
    for wrong in [-1, 0, SIGKILL, 127, 128, 1000] {
        let error = catcher.catch(wrong).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{wrong}");
    }
    send_signal(std::process::id(), 0).unwrap();
    for process in [0, u32::MAX] {
        assert_eq!(
            send_signal(process, 0).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
