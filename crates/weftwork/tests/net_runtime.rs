//! Sockets and the life of the runtime: freezing, closing, workers that are stuck, descriptors
//! that run out, a poller that dies.

mod common;

use common::{EVERYWHERE, Flag, On, Watchdog, comes_true, each, foreign_block_on, ms, on, settle};
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::sync::{Arc, mpsc};
use weftwork::net::{DescriptorLimit, TcpListener, TcpStream, UnixStream};
use weftwork::{Background, Runtime, sleep, spawn, yield_now};

const HERE: &str = "127.0.0.1:0";

/// A stream of the runtime that is entered here, and a peer of std.
async fn stream_and_peer() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(HERE).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap());
    let stream = stream.await.unwrap();
    (stream, listener.accept().unwrap().0)
}

#[test]
fn a_runtime_that_closes_ends_reads_and_a_stream_outlives_it() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (stream, mut peer) = runtime.block_on(stream_and_peer());
        let stream = Arc::new(stream);
        // A task that waits is cancelled.
        let in_task = Arc::clone(&stream);
        let task = runtime
            .handle()
            .spawn(async move { (&*in_task).read(&mut [0; 8]).await });
        runtime.block_on(settle());
        assert!(!task.done());
        // Whoever waits elsewhere gets an error.
        let elsewhere = Arc::clone(&stream);
        let (polled, is_polled) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut buf = [0; 8];
            let mut reader = &*elsewhere;
            let mut reading = reader.read(&mut buf);
            foreign_block_on(std::future::poll_fn(move |cx| {
                let poll = std::pin::Pin::new(&mut reading).poll(cx);
                let _ = polled.send(());
                poll
            }))
        });
        is_polled.recv().unwrap();
        runtime.close().unwrap();
        assert!(task.cancelled());
        let error = thread.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("is closed"), "{error}");
        drop(runtime);
        peer.write_all(b"late").unwrap();
        for _ in 0..2 {
            let error = foreign_block_on((&*stream).read(&mut [0; 8])).unwrap_err();
            assert!(error.to_string().contains("is closed"), "{error}");
        }
        assert!(stream.peer_addr().is_ok());
        drop(task);
        drop(stream);
        let end = peer.read(&mut [0; 8]);
        assert!(
            matches!(&end, Ok(0)) || end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset)
        );
    }
}

/// Clean-ups that run while the runtime closes may still use their streams.
#[test]
fn a_clean_up_during_the_close_still_writes() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let mut peer = runtime.block_on(async {
            let (stream, peer) = stream_and_peer().await;
            let task = common::started(|reached| async move {
                let caught = weftwork::catch(common::stuck_at::<()>(reached)).await;
                (&stream).write_all(b"bye").await.unwrap();
                assert_eq!((&stream).read(&mut [0; 1]).await.unwrap(), 1);
                caught.unwrap_err();
            });
            task.await.detach();
            peer
        });
        let answering = std::thread::spawn(move || {
            let mut came = [0; 3];
            peer.read_exact(&mut came).unwrap();
            peer.write_all(b"!").unwrap();
            came
        });
        runtime.close().unwrap();
        assert_eq!(&answering.join().unwrap(), b"bye");
    }
}

/// Between two entries nothing is read; the next entry goes on.
#[test]
fn a_frozen_runtime_reads_on_when_it_is_entered_again() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (mut stream, mut peer) = runtime.block_on(stream_and_peer());
        let reading = runtime.handle().spawn(async move {
            let mut buf = [0; 8];
            let count = stream.read(&mut buf).await.unwrap();
            buf[..count].to_vec()
        });
        runtime.block_on(settle());
        peer.write_all(b"meanwhile").unwrap();
        assert!(!reading.done());
        assert_eq!(runtime.block_on(reading), b"meanwhil");
    }
}

/// All but one of the workers are held up outside of the runtime's reach; a timer and data still
/// come through.
#[test]
fn a_stuck_worker_does_not_hold_up_the_streams_of_others() {
    let _watchdog = Watchdog::start();
    for workers in [2, 8] {
        let runtime = On::Workers(workers).runtime(Runtime::builder());
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(weftwork_std_or_loom::Mutex::new(released));
        runtime.block_on(async {
            let (mut stream, mut peer) = stream_and_peer().await;
            let mut stuck = Vec::new();
            for _ in 1..workers {
                let (is_stuck, reached) = mpsc::channel();
                let released = Arc::clone(&released);
                stuck.push(spawn(async move {
                    is_stuck.send(std::thread::current().id()).unwrap();
                    let _ = released.lock().recv();
                }));
                // The main future holds its worker meanwhile, so that another one takes it.
                reached.recv().unwrap();
            }
            let echo = spawn(async move {
                let mut buf = [0; 4];
                for _ in 0..20 {
                    stream.read_exact(&mut buf).await.unwrap();
                    sleep(ms(1)).await;
                    stream.write_all(&buf).await.unwrap();
                }
            });
            let thread = std::thread::spawn(move || {
                for n in 0..20_u32 {
                    peer.write_all(&n.to_le_bytes()).unwrap();
                    let mut back = [0; 4];
                    peer.read_exact(&mut back).unwrap();
                    assert_eq!(n, u32::from_le_bytes(back));
                }
            });
            echo.await;
            thread.join().unwrap();
            assert!(stuck.iter().all(|task| !task.done()));
            drop(release);
            weftwork::gather(stuck).await;
        });
    }
}

/// Workers that always have something to do look at the sockets all the same.
#[test]
fn data_comes_through_while_every_worker_is_busy() {
    each(|| async {
        let (mut stream, mut peer) = stream_and_peer().await;
        let busy: Vec<_> = (0..20)
            .map(|_| {
                spawn(async {
                    loop {
                        weftwork::yield_now().await;
                    }
                })
            })
            .collect();
        let reading = spawn(async move {
            let mut buf = [0; 5];
            stream.read_exact(&mut buf).await.map(|()| buf)
        });
        settle().await;
        peer.write_all(b"hello").unwrap();
        assert_eq!(&reading.await.unwrap(), b"hello");
        for task in &busy {
            task.cancel();
        }
    });
}

/// Runs one test of this file in a process of its own, in which `inside` says that it is there.
fn in_a_process(test: &str, inside: impl FnOnce()) {
    const CHILD: &str = "WEFTWORK_TEST_CHILD";
    if std::env::var(CHILD).is_ok_and(|name| name == test) {
        return inside();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, test)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}\n{errors}");
    assert!(told.contains("1 passed"), "{told}");
}

#[test]
fn running_out_of_descriptors_is_an_error_that_says_what_to_do() {
    in_a_process(
        "running_out_of_descriptors_is_an_error_that_says_what_to_do",
        || {
            each(|| async {
                let listener = TcpListener::bind(HERE).await.unwrap();
                let addr = listener.local_addr().unwrap();
                let mut peer = std::net::TcpStream::connect(addr).unwrap();
                limit_descriptors(Some(64));
                let mut fill = common::use_up_descriptors().await;
                for error in [
                    TcpStream::connect(addr).await.unwrap_err(),
                    listener.accept().await.unwrap_err(),
                    TcpListener::bind(HERE).await.unwrap_err(),
                ] {
                    let limit = DescriptorLimit::of(&error).expect("it says which limit");
                    assert!(limit.is_of_process());
                    assert!(error.to_string().contains("limit is 64"), "{error}");
                    assert!(error.to_string().contains("ulimit -n"), "{error}");
                }
                fill.clear();
                // The connection has waited.
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"!").await.unwrap();
                peer.read_exact(&mut [0]).unwrap();
                limit_descriptors(None);
            });
        },
    );
}

/// Limits the descriptors of this process; none: to what is allowed.
fn limit_descriptors(limit: Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = limit.or(maximum);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

/// Nothing hangs, and timers go on.
#[cfg(target_os = "linux")]
#[test]
fn a_dead_poller_fails_every_operation() {
    in_a_process("a_dead_poller_fails_every_operation", || {
        let _watchdog = Watchdog::start();
        for kind in EVERYWHERE {
            let runtime = kind.runtime(Runtime::builder());
            let (mut stream, _peer) = runtime.block_on(stream_and_peer());
            let reading = runtime
                .handle()
                .spawn(async move { stream.read(&mut [0; 8]).await.unwrap_err() });
            runtime.block_on(settle());
            common_poller::kill();
            let error = runtime.block_on(reading);
            assert!(
                error.to_string().contains("poller of the runtime is dead"),
                "{error}"
            );
            runtime.block_on(async {
                assert!(TcpListener::bind(HERE).await.is_err());
                sleep(ms(5)).await;
                spawn(async { sleep(ms(5)).await }).await;
                let (wake, woken) = weftwork::sync::oneshot::channel();
                let thread = std::thread::spawn(move || wake.send(7).unwrap());
                assert_eq!(woken.await.unwrap(), 7);
                thread.join().unwrap();
            });
        }
    });
}

#[cfg(target_os = "linux")]
mod common_poller {
    use std::mem::ManuallyDrop;
    use std::os::fd::{FromRawFd, OwnedFd};

    /// Puts something else in the place of the epoll that was opened last.
    pub(crate) fn kill() {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let epolls = open.filter_map(|entry| {
            let path = entry.ok()?.path();
            let target = std::fs::read_link(&path).ok()?;
            let number = path.file_name()?.to_str()?.parse().ok()?;
            (target.to_str()? == "anon_inode:[eventpoll]").then_some(number)
        });
        let number = epolls.max().unwrap();
        let nothing = std::fs::File::open("/dev/null").unwrap();
        // SAFETY: it is never dropped: the descriptor is the reactor's.
        let mut poller = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
        rustix::io::dup2(&nothing, &mut poller).unwrap();
    }
}

/// The thread of a `Background` serves sockets while nobody is in `block_on`.
#[test]
fn a_background_runtime_serves() {
    let _watchdog = Watchdog::start();
    let background = Background::start("server").unwrap();
    let (tell, told) = mpsc::channel();
    background
        .handle()
        .spawn(async move {
            let listener = TcpListener::bind(HERE).await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            futures::io::copy(&stream, &mut &stream).await.unwrap();
        })
        .detach();
    let mut peer = std::net::TcpStream::connect(told.recv().unwrap()).unwrap();
    peer.write_all(b"ping").unwrap();
    let mut back = [0; 4];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
    drop(peer);
    assert!(comes_true(|| background.handle().all_tasks().is_empty()));
    drop(background);
}

/// One task, all of whose operations are ready at once, beside another one.
#[test]
fn a_socket_that_is_always_ready_starves_nobody() {
    on(&[On::Workers(1), On::Local], |_| async {
        let (one, other) = UnixStream::pair().unwrap();
        let ticked = Flag::default();
        let tick = spawn({
            let ticked = ticked.clone();
            async move {
                for _ in 0..10 {
                    yield_now().await;
                }
                ticked.set();
            }
        });
        let echo = spawn(async move {
            let mut rounds = 0;
            while !ticked.is_set() && rounds < 10_000 {
                (&one).write_all(b"x").await.unwrap();
                (&other).read_exact(&mut [0]).await.unwrap();
                rounds += 1;
            }
            rounds
        });
        assert!(echo.await < 10_000);
        tick.await;
    });
}

/// Whoever asks with a waker of its own is told the truth, however long the task has worked.
#[test]
fn a_foreign_executor_in_a_task_never_hears_that_a_ready_socket_is_not() {
    each(|| async {
        let (one, other) = UnixStream::pair().unwrap();
        spawn(async move {
            for _ in 0..1_000 {
                (&one).write_all(b"xx").await.unwrap();
                let read = (&other).read_exact(&mut [0]).now_or_never();
                read.unwrap().unwrap();
                foreign_block_on((&other).read_exact(&mut [0])).unwrap();
            }
        })
        .await;
    });
}
