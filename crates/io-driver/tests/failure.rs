//! What fails, and how it says so: refused registrations, a closed reactor, a dead poller.

mod common;

use common::{Count, block_on, pair, reactor, registered};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Waker};
use std::time::Duration;
use weftwork_io_driver::{DescriptorLimit, Direction, PollerKind, Registered, explain};

fn read_a_byte(mut stream: &TcpStream) -> io::Result<usize> {
    stream.read(&mut [0; 1])
}

#[test]
fn a_descriptor_is_registered_once_and_again_after_that() {
    for &kind in PollerKind::all() {
        let reactor = reactor(kind);
        let (ours, _peer) = pair();
        ours.set_nonblocking(true).unwrap();
        let ours = Arc::new(ours);
        let first = Registered::new(&reactor, Arc::clone(&ours)).unwrap();
        let error = Registered::new(&reactor, Arc::clone(&ours)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(
            error
                .to_string()
                .contains("registered with the runtime already"),
            "{error}"
        );
        assert_eq!(reactor.len(), 1);
        drop(first);
        drop(Registered::new(&reactor, ours).unwrap());
        assert!(reactor.is_empty());
    }
}

#[test]
fn what_cannot_be_waited_for_is_refused() {
    for &kind in PollerKind::all() {
        let file = std::fs::File::open("Cargo.toml").unwrap();
        let error = Registered::new(&reactor(kind), file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("regular file"), "{error}");
    }
}

#[test]
fn a_closed_reactor_fails_what_waits_and_all_that_comes() {
    for &kind in PollerKind::all() {
        let reactor = reactor(kind);
        let (ours, _peer) = registered(&reactor);
        common::drain(&reactor);
        let counts = [Count::new(), Count::new()];
        let wakers = counts.each_ref().map(|count| count.waker());
        let mut keyed = Box::pin(ours.io(Direction::Read, read_a_byte));
        assert!(
            keyed
                .as_mut()
                .poll(&mut Context::from_waker(&wakers[0]))
                .is_pending()
        );
        let cx = Context::from_waker(&wakers[1]);
        assert!(ours.poll_ready(Direction::Read, &cx).is_pending());
        let mut to_wake = Vec::new();
        reactor.close(&mut to_wake);
        reactor.fail_all(&io::Error::from_raw_os_error(22), &mut to_wake);
        to_wake.into_iter().for_each(Waker::wake);
        assert_eq!(counts.each_ref().map(|count| count.get()), [1, 1]);
        for error in [
            block_on(keyed).unwrap_err(),
            ours.try_io(Direction::Write, read_a_byte).unwrap_err(),
            block_on(poll_fn(|cx| ours.poll_ready(Direction::Write, cx))).unwrap_err(),
            Registered::new(&reactor, pair().0).unwrap_err(),
        ] {
            // The first reason stays.
            assert!(
                error
                    .to_string()
                    .contains("runtime of this I/O object is closed"),
                "{error}"
            );
        }
        drop(ours);
        assert!(reactor.is_empty());
    }
}

#[test]
fn the_limits_are_told_apart() {
    for (errno, of_process, word) in [(24, true, "ulimit -n"), (23, false, "fs.file-max")] {
        let error = explain(io::Error::from_raw_os_error(errno));
        let limit = DescriptorLimit::of(&error).unwrap();
        assert_eq!(limit.is_of_process(), of_process);
        assert_eq!(limit.raw_os_error(), Some(errno));
        assert_eq!(error.kind(), io::Error::from_raw_os_error(errno).kind());
        assert!(error.to_string().contains(word), "{error}");
        assert!(format!("{error:?}").contains(word), "{error:?}");
        let source = limit.source().unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(source.raw_os_error(), Some(errno));
    }
    let other = explain(io::Error::from_raw_os_error(13));
    assert_eq!(other.raw_os_error(), Some(13));
    assert!(DescriptorLimit::of(&other).is_none());
}

/// In a process of its own, because it takes the poller's descriptor away from under it.
#[cfg(target_os = "linux")]
#[test]
fn a_dead_poller_fails_all_and_the_bell_still_rings() {
    const CHILD: &str = "WEFTWORK_TEST_DEAD_POLLER";
    if std::env::var_os(CHILD).is_some() {
        return kill_the_poller();
    }
    let program = std::env::current_exe().unwrap();
    let child = std::process::Command::new(program)
        .args([
            "--exact",
            "a_dead_poller_fails_all_and_the_bell_still_rings",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(told.contains("1 passed"), "{told}");
    assert!(
        child.status.success(),
        "{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

#[cfg(target_os = "linux")]
fn kill_the_poller() {
    use std::os::fd::{FromRawFd, OwnedFd};
    for &kind in PollerKind::all() {
        let reactor = reactor(kind);
        let (ours, _peer) = registered(&reactor);
        common::drain(&reactor);
        let count = Count::new();
        let waker = count.waker();
        let mut read = Box::pin(ours.io(Direction::Read, read_a_byte));
        assert!(
            read.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );

        let nothing = std::fs::File::open("/dev/null").unwrap();
        // SAFETY: it is never dropped: the descriptor is the reactor's.
        let mut poller =
            std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(newest_epoll()) });
        rustix::io::dup2(&nothing, &mut poller).unwrap();

        let mut wakers = Vec::new();
        let error = reactor.wait(None, &mut wakers).unwrap_err();
        assert!(wakers.is_empty());
        reactor.fail_all(&error, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!(count.get(), 1);
        let failed = block_on(read).unwrap_err().to_string();
        assert!(failed.contains("poller of the runtime is dead"), "{failed}");
        assert!(Registered::new(&reactor, pair().0).is_err());

        // Workers still sleep in it, and are called.
        let mut wakers = Vec::new();
        reactor.notify();
        reactor.wait(None, &mut wakers).unwrap();
        std::thread::scope(|scope| {
            let ringing = scope.spawn(|| reactor.wait(None, &mut Vec::new()).unwrap());
            while !ringing.is_finished() {
                reactor.notify();
                std::thread::yield_now();
            }
        });
        reactor.notify();
        reactor.wait(Some(Duration::ZERO), &mut wakers).unwrap();
        let began = std::time::Instant::now();
        let limit = Duration::from_millis(20);
        reactor.wait(Some(limit), &mut wakers).unwrap();
        assert!(began.elapsed() >= limit, "{kind:?} does not spin");
        // The descriptor is one of a file now, which the reactor closes.
        drop(ours);
    }
}

/// The number of the epoll descriptor that was opened last.
#[cfg(target_os = "linux")]
fn newest_epoll() -> i32 {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = open.filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = std::fs::read_link(&path).ok()?;
        let number = path.file_name()?.to_str()?.parse().ok()?;
        (target.to_str()? == "anon_inode:[eventpoll]").then_some(number)
    });
    numbers.max().unwrap()
}

/// `Registered` needs no more than a descriptor.
#[test]
fn a_shared_object_can_be_registered() {
    for &kind in PollerKind::all() {
        let reactor = reactor(kind);
        let (ours, _peer) = pair();
        let shared = Arc::new(ours);
        drop(Registered::new(&reactor, Arc::clone(&shared)).unwrap());
        drop(
            Registered::new(
                &reactor,
                Arc::new(shared.as_fd().try_clone_to_owned().unwrap()),
            )
            .unwrap(),
        );
    }
}

/// Looks at its own registration whenever it is asked for its descriptor.
struct Nosy {
    stream: TcpStream,
    registered: Arc<OnceLock<Weak<Registered<Nosy>>>>,
}

impl AsFd for Nosy {
    fn as_fd(&self) -> BorrowedFd<'_> {
        if let Some(registered) = self.registered.get().and_then(Weak::upgrade) {
            registered.try_io(Direction::Write, |_| Ok(())).unwrap();
        }
        self.stream.as_fd()
    }
}

/// It is code of the object.
#[test]
fn no_lock_is_held_while_an_object_is_asked_for_its_descriptor() {
    for &kind in PollerKind::all() {
        let (stream, _peer) = pair();
        stream.set_nonblocking(true).unwrap();
        let cell = Arc::new(OnceLock::new());
        let registered = Arc::clone(&cell);
        let nosy = Nosy { stream, registered };
        let nosy = Arc::new(Registered::new(&reactor(kind), nosy).unwrap());
        cell.set(Arc::downgrade(&nosy)).unwrap();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let read = nosy.try_io(Direction::Read, |nosy| read_a_byte(&nosy.stream));
            done.send(read.unwrap_err().kind()).unwrap();
        });
        let kind = is_done.recv_timeout(common::LONG);
        assert_eq!(kind, Ok(io::ErrorKind::WouldBlock), "it waits for itself");
    }
}
