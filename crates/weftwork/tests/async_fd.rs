//! `AsyncFd`: pipes, sockets, event descriptors; what is refused; cancels.

mod common;

use common::{EVERYWHERE, Flag, each, settle};
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use weftwork::net::{AsyncFd, Direction};
use weftwork::{Runtime, gather, spawn};

fn set_nonblocking(fd: impl AsFd) {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let flags = fcntl_getfl(&fd).unwrap();
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK).unwrap();
}

/// A pipe of which the ends do not block.
fn pipe() -> (AsyncFd<PipeReader>, AsyncFd<PipeWriter>) {
    let (reader, writer) = io::pipe().unwrap();
    set_nonblocking(&reader);
    set_nonblocking(&writer);
    (AsyncFd::new(reader).unwrap(), AsyncFd::new(writer).unwrap())
}

fn sockets() -> (AsyncFd<UnixStream>, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (AsyncFd::new(ours).unwrap(), peer)
}

async fn read(fd: &AsyncFd<impl AsFd>, room: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; room];
    let read = |io: &_| Ok(rustix::io::read(io, &mut buf)?);
    let count = fd.io(Direction::Read, read).await?;
    buf.truncate(count);
    Ok(buf)
}

#[test]
fn a_pipe_carries_more_than_it_holds() {
    const TOTAL: usize = 1 << 20;
    each(|| async {
        let (reader, writer) = pipe();
        let writing = spawn(async move {
            let bytes: Vec<u8> = (0..TOTAL).map(|n| (n % 251) as u8).collect();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let write = |mut io: &PipeWriter| io.write(rest);
                let count = writer.io(Direction::Write, write).await.unwrap();
                rest = &rest[count..];
            }
        });
        let mut came = Vec::new();
        loop {
            let more = read(&reader, fastrand::usize(1..100_000)).await.unwrap();
            if more.is_empty() {
                break;
            }
            came.extend(more);
        }
        writing.await;
        assert_eq!(came.len(), TOTAL);
        assert!(
            came.iter()
                .enumerate()
                .all(|(n, &byte)| byte == (n % 251) as u8)
        );
    });
}

/// Nothing is tried on a descriptor that blocks until there is something.
#[test]
fn nothing_is_tried_before_there_was_an_event() {
    each(|| async {
        let (ours, peer) = UnixStream::pair().unwrap();
        let ours = Arc::new(AsyncFd::new(ours).unwrap());
        let blocking_read = {
            let ours = Arc::clone(&ours);
            spawn(async move { read(&ours, 8).await.unwrap() })
        };
        settle().await;
        assert!(!blocking_read.done());
        (&peer).write_all(b"x").unwrap();
        assert_eq!(blocking_read.await, b"x");
    });
}

#[test]
fn a_guard_says_what_is_ready_until_it_is_not() {
    each(|| async {
        let (ours, mut peer) = sockets();
        peer.write_all(b"ab").unwrap();
        let mut byte = [0];
        for expected in *b"ab" {
            let mut ready = ours.readable().await.unwrap();
            let count = ready.try_io(|mut io| io.read(&mut byte)).unwrap().unwrap();
            assert_eq!((count, byte[0]), (1, expected));
        }
        // It is ready still, for all that is known.
        let mut ready = ours.readable().await.unwrap();
        assert!(ready.try_io(|mut io| io.read(&mut byte)).is_none());
        let would_block = ours.try_io(Direction::Read, |mut io| io.read(&mut byte));
        assert_eq!(would_block.unwrap_err().kind(), ErrorKind::WouldBlock);

        let ours = Arc::new(ours);
        let waiting = spawn({
            let ours = Arc::clone(&ours);
            async move {
                ours.readable().await.unwrap().clear_ready().unwrap();
            }
        });
        settle().await;
        assert!(!waiting.done());
        peer.write_all(b"c").unwrap();
        waiting.await;
        ours.writable()
            .await
            .unwrap()
            .try_io(|mut io| io.write(b"d"))
            .unwrap()
            .unwrap();
        peer.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"d");
    });
}

#[test]
fn many_wait_for_one_direction_and_the_end_wakes_all() {
    each(|| async {
        let (ours, mut peer) = sockets();
        let ours = Arc::new(ours);
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let ours = Arc::clone(&ours);
                spawn(async move { read(&ours, 1).await.unwrap() })
            })
            .collect();
        settle().await;
        peer.write_all(&[7; 20]).unwrap();
        drop(peer);
        let came = gather(waiting).await;
        assert_eq!(came.iter().filter(|came| came.is_empty()).count(), 30);
        assert_eq!(came.concat(), [7; 20]);
    });
}

#[test]
fn a_cancelled_wait_takes_nothing_and_leaves_nothing() {
    each(|| async {
        let (ours, mut peer) = sockets();
        let ours = Arc::new(ours);
        for round in 0..100_u8 {
            let waiting = spawn({
                let ours = Arc::clone(&ours);
                async move { read(&ours, 1).await.unwrap() }
            });
            if round % 2 == 0 {
                weftwork::yield_now().await;
            }
            waiting.cancel();
            peer.write_all(&[round]).unwrap();
            let came = match waiting.outcome().await {
                Ok(came) => came,
                Err(_) => read(&ours, 1).await.unwrap(),
            };
            assert_eq!(came, [round]);
        }
        let ours = Arc::into_inner(ours)
            .expect("no future holds it")
            .into_inner();
        peer.write_all(b"!").unwrap();
        let mut byte = [0];
        (&ours).read_exact(&mut byte).unwrap();
        // It can be registered again.
        AsyncFd::new(ours).unwrap();
    });
}

#[test]
fn what_cannot_be_waited_for_comes_back() {
    each(|| async {
        let refused = AsyncFd::new(File::open("Cargo.toml").unwrap()).unwrap_err();
        let (error, mut file) = refused.into_parts();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("regular file"), "{error}");
        assert!(error.to_string().contains("spawn_blocking"), "{error}");
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert!(text.contains("weftwork"));

        let (ours, _peer) = sockets();
        let refused = AsyncFd::new(Arc::new(ours)).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("registered with the runtime already")
        );
        let error = io::Error::from(refused);
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    });
    let (ours, _peer) = UnixStream::pair().unwrap();
    let refused = AsyncFd::new(ours).unwrap_err();
    let no_runtime = weftwork::RuntimeError::NoRuntime.to_string();
    assert_eq!(refused.to_string(), no_runtime);
    refused.into_inner().write_all(b"it lives").unwrap();
}

#[test]
fn a_closed_runtime_ends_what_waits_and_the_object_comes_out() {
    for kind in EVERYWHERE {
        let runtime = kind.runtime(Runtime::builder());
        let (ours, mut peer) = runtime.block_on(async { sockets() });
        let ended = Flag::default();
        let task = runtime.handle().spawn({
            let ended = ended.clone();
            async move {
                let (other, _peer) = sockets();
                let result = weftwork::catch(other.readable()).await;
                assert!(result.unwrap_err().is_cancelled());
                ended.set();
            }
        });
        runtime.block_on(settle());
        runtime.close().unwrap();
        assert!(ended.is_set() && task.done());
        let error = common::foreign_block_on(ours.readable()).unwrap_err();
        assert!(error.to_string().contains("is closed"), "{error}");
        let mut ours = ours.into_inner();
        peer.write_all(b"x").unwrap();
        ours.set_nonblocking(false).unwrap();
        ours.read_exact(&mut [0]).unwrap();
    }
}

/// Two objects in turn under one number: no event of the first one reaches the second.
#[test]
fn a_number_that_is_used_again_is_a_new_object() {
    each(|| async {
        for _ in 0..200 {
            let (ours, mut peer) = sockets();
            peer.write_all(b"stale").unwrap();
            drop(ours);
            let (ours, peer) = sockets();
            let fd = OwnedFd::from(ours.into_inner());
            let ours = AsyncFd::new(UnixStream::from(fd)).unwrap();
            weftwork::yield_now().await;
            let stale = ours.try_io(Direction::Read, |mut io| io.read(&mut [0; 8]));
            assert_eq!(stale.unwrap_err().kind(), ErrorKind::WouldBlock);
            (&peer).write_all(b"new").unwrap();
            assert_eq!(read(&ours, 8).await.unwrap(), b"new");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn an_event_descriptor_wakes_its_reader() {
    each(|| async {
        use rustix::event::{EventfdFlags, eventfd};
        let ours = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap();
        let ours = Arc::new(AsyncFd::new(ours).unwrap());
        let reading = spawn({
            let ours = Arc::clone(&ours);
            async move { read(&ours, 8).await.unwrap() }
        });
        settle().await;
        let thread = std::thread::spawn({
            let ours = Arc::clone(&ours);
            move || rustix::io::write(ours.get_ref(), &3_u64.to_ne_bytes()).unwrap()
        });
        assert_eq!(reading.await, 3_u64.to_ne_bytes());
        thread.join().unwrap();
    });
}
