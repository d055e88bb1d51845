//! asyncio's streams: a read that is cut leaves its bytes to the next one, and what was written is
//! sent although a wait for it is cut.

use crate::bytes::{bytes, cut_reader, read_all};
use crate::common::{ms, settle, until};
use crate::folder::Folder;
use crate::knife::swept;
use crate::net::Silent;
use futures::{AsyncWriteExt, StreamExt};
use std::sync::Arc;
use weftwork::net::{ReadError, StreamReader, UnixStream, open_connection, open_unix_connection};
use weftwork::sync::Mutex;
use weftwork::{all_tasks, spawn, timeout};

const TEXT: &[u8] = b"line\n12345until;any::next\nthe rest";

const STEPS: [&[u8]; 6] = [
    b"line\n",
    b"12345",
    b"until;",
    b"any::",
    b"next\n",
    b"the rest",
];

async fn step(reader: &mut StreamReader, number: usize) -> Result<Vec<u8>, ReadError> {
    match number {
        0 => reader.readline().await,
        1 => reader.readexactly(5).await,
        2 => reader.readuntil(b";").await,
        3 => reader.readuntil_any(&[b"::", b"\n"]).await,
        4 => reader.next().await.unwrap(),
        _ => Ok(reader.read_to_eof().await?),
    }
}

type Got = Arc<Mutex<Vec<Vec<u8>>>>;

/// Goes on with the steps up to that one. What was read is noted at once.
async fn read_on(reader: Arc<Mutex<StreamReader>>, got: Got, until: usize) {
    let mut reader = reader.lock().await;
    let mut got = got.lock().await;
    while got.len() < until {
        let read = step(&mut reader, got.len()).await.unwrap();
        got.push(read);
    }
}

#[test]
fn reads_of_all_kinds() {
    let program = "StreamReader::readline, StreamReader::readexactly, StreamReader::readuntil, \
                   StreamReader::readuntil_any, StreamReader::read_to_eof, StreamReader";
    swept(program, async |knife| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let sender = spawn(async move {
            for piece in TEXT.chunks(3) {
                settle().await;
                far.write_all(piece).await.unwrap();
            }
        });
        let reader = Arc::new(Mutex::new(StreamReader::new(near)));
        let got = Got::default();
        let _ = knife
            .run(read_on(Arc::clone(&reader), Arc::clone(&got), STEPS.len()))
            .await;
        read_on(reader, Arc::clone(&got), STEPS.len()).await;
        sender.await;
        assert_eq!(*got.lock().await, STEPS);
    });
}

#[test]
fn reads_of_what_is_there() {
    swept("StreamReader::read", async |knife| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let sender = spawn(async move {
            for piece in TEXT.chunks(7) {
                settle().await;
                far.write_all(piece).await.unwrap();
            }
        });
        let read_on = async |reader: Arc<Mutex<StreamReader>>, got: Arc<Mutex<Vec<u8>>>| {
            let (mut reader, mut got) = (reader.lock().await, got.lock().await);
            while !reader.at_eof() {
                let read = reader.read(4).await.unwrap();
                got.extend(read);
            }
        };
        let reader = Arc::new(Mutex::new(StreamReader::new(near)));
        let got = Arc::default();
        let _ = knife
            .run(read_on(Arc::clone(&reader), Arc::clone(&got)))
            .await;
        read_on(reader, Arc::clone(&got)).await;
        sender.await;
        assert_eq!(*got.lock().await, TEXT);
    });
    swept("StreamReader", async |knife| {
        let (near, far) = UnixStream::pair().unwrap();
        cut_reader(knife, StreamReader::new(near), far).await;
    });
}

#[test]
fn what_was_written_is_sent() {
    swept(
        "StreamWriter::drain, StreamWriter::wait_closed",
        async |knife| {
            const PIECE: usize = 150_000;
            let (near, far) = UnixStream::pair().unwrap();
            let (_, writer) = near.into_streams().unwrap();
            let writer = Arc::new(writer);
            let written = Arc::new(Mutex::new(0));
            let (inner, seen) = (Arc::clone(&writer), Arc::clone(&written));
            let receiver = spawn(async move {
                settle().await;
                read_all(far).await
            });
            let _ = knife
                .run(async move {
                    let all = bytes(4 * PIECE);
                    for piece in all.chunks(PIECE) {
                        inner.write(piece).unwrap();
                        *seen.lock().await += PIECE;
                        inner.drain().await.unwrap();
                    }
                    inner.close();
                    inner.wait_closed().await.unwrap();
                })
                .await;
            writer.close();
            writer.wait_closed().await.unwrap();
            let written = *written.lock().await;
            assert!(receiver.await == bytes(written), "all of it, once");
            // What said so may be in the last moment of its task.
            until(|| all_tasks().len() == 1).await;
        },
    );
}

#[test]
fn a_connection_that_does_not_come() {
    let silent = Silent::new();
    swept("net::open_connection", async |knife| {
        let end = knife
            .run(timeout(ms(5), open_connection(silent.addr)))
            .await;
        assert!(end.is_err() || end.unwrap().is_err());
    });
    swept("net::open_unix_connection", async |knife| {
        let folder = Folder::new();
        let path = folder.path("socket");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let first = UnixStream::connect(&path).await.unwrap();
        let end = knife.run(timeout(ms(5), open_unix_connection(path))).await;
        assert!(end.is_err() || end.unwrap().is_err());
        drop(first);
    });
}
