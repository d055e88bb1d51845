//! weftwork's streams through tokio's traits, and tokio's streams through those of futures-io.

mod common;

use common::each;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf,
};
use weftwork::net::{TcpListener, TcpStream};
use weftwork::{gather, spawn};
use weftwork_tokio::{FuturesIo, TokioIo};

/// The two ends of a connection.
async fn pair() -> (TokioIo<TcpStream>, TokioIo<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let near = near.await.unwrap();
    (TokioIo(near), TokioIo(listener.accept().await.unwrap().0))
}

/// More than the buffers of two sockets hold, and no two parts of it the same.
fn megabytes() -> Vec<u8> {
    (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn megabytes_come_back_whole_after_the_end_of_writing() {
    each(|| async {
        let (near, far) = pair().await;
        let echo = spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(far);
            let n = tokio::io::copy(&mut reader, &mut writer).await.unwrap();
            writer.shutdown().await.unwrap();
            n
        });
        let (mut reader, mut writer) = tokio::io::split(near);
        let writing = spawn(async move {
            writer.write_all(&megabytes()).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        writing.await;
        assert_eq!(echo.await, 8_000_000);
        assert!(received == megabytes());
    });
}

#[test]
fn tokios_proxy_connects_fifty_pairs() {
    each(|| async {
        gather((0..50).map(|n| async move {
            let (client, mut left) = pair().await;
            let (mut right, server) = pair().await;
            let proxy =
                spawn(async move { tokio::io::copy_bidirectional(&mut left, &mut right).await });
            let answering = spawn(async move {
                let mut lines = BufReader::new(server).lines();
                let line = lines.next_line().await.unwrap().unwrap();
                let mut server = lines.into_inner();
                let answer = format!("{line} too\n");
                server.write_all(answer.as_bytes()).await.unwrap();
            });
            let mut client = BufReader::new(client);
            client.write_all(format!("{n}\n").as_bytes()).await.unwrap();
            let mut answer = String::new();
            client.read_line(&mut answer).await.unwrap();
            assert_eq!(answer, format!("{n} too\n"));
            answering.await;
            client.shutdown().await.unwrap();
            let copied = proxy.await.unwrap();
            assert_eq!(copied, (answer.len() as u64 - 4, answer.len() as u64));
        }))
        .await;
    });
}

#[test]
fn what_is_filled_already_stays_and_reads_that_were_dropped_take_nothing() {
    each(|| async {
        let (mut near, mut far) = pair().await;
        for round in 0..100_u8 {
            let mut memory = [0; 8];
            let mut buf = ReadBuf::new(&mut memory);
            buf.put_slice(b"old");
            let read =
                Pin::new(&mut near).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf);
            assert!(read.is_pending());
            far.write_all(&[round; 4]).await.unwrap();
            std::future::poll_fn(|cx| Pin::new(&mut near).poll_read(cx, &mut buf))
                .await
                .unwrap();
            let n = buf.filled().len() - 3;
            assert_eq!(buf.filled()[..3], *b"old");
            let mut rest = vec![0; 4 - n];
            near.read_exact(&mut rest).await.unwrap();
            assert_eq!([&buf.filled()[3..], &rest].concat(), [round; 4]);
        }
    });
}

#[test]
fn tokios_streams_work_with_the_tools_of_futures() {
    use futures::{AsyncReadExt, AsyncWriteExt};
    each(|| async {
        // Far smaller than what goes through it.
        let (near, far) = tokio::io::duplex(1000);
        let (mut near, mut far) = (FuturesIo(near), FuturesIo(far));
        let writing = spawn(async move {
            near.write_all(&megabytes()[..200_000]).await.unwrap();
            near.close().await.unwrap();
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        writing.await;
        assert!(received == megabytes()[..200_000]);
    });
}

/// Says of each call what it was, and takes part of what it gets.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn wrote(&mut self, name: &str, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let lengths: Vec<_> = bufs.iter().map(|buf| buf.len()).collect();
        self.0.push(format!("{name} {lengths:?}"));
        Poll::Ready(Ok(3))
    }

    fn ended(&mut self, name: &str) -> Poll<io::Result<()>> {
        self.0.push(name.to_owned());
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }
}

macro_rules! log_of {
    ($trait:path, $close:ident) => {
        impl $trait for Log {
            fn poll_write(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.wrote("write", &[IoSlice::new(buf)])
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.wrote("vectored", bufs)
            }

            fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.ended("flush")
            }

            fn $close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.ended("end")
            }
        }
    };
}

log_of!(futures::AsyncWrite, poll_close);
log_of!(AsyncWrite, poll_shutdown);

const CALLS: [&str; 4] = ["write [5]", "vectored [2, 4]", "flush", "end"];

#[test]
fn each_call_is_one_call_of_the_stream_and_errors_come_through() {
    let mut cx = Context::from_waker(Waker::noop());
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cdef")];
    let broken = |result: Poll<io::Result<()>>| matches!(result, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe);

    let mut log = TokioIo(Log::default());
    {
        use tokio::io::AsyncWrite;
        let mut log = pin!(&mut log);
        let write = log.as_mut().poll_write(&mut cx, b"abcde");
        assert!(matches!(write, Poll::Ready(Ok(3))));
        let write = log.as_mut().poll_write_vectored(&mut cx, &slices);
        assert!(matches!(write, Poll::Ready(Ok(3))));
        assert!(broken(log.as_mut().poll_flush(&mut cx)));
        assert!(broken(log.as_mut().poll_shutdown(&mut cx)));
    }
    assert_eq!(log.0.0, CALLS);

    let mut log = FuturesIo(Log::default());
    {
        use futures::AsyncWrite;
        let mut log = pin!(&mut log);
        let write = log.as_mut().poll_write(&mut cx, b"abcde");
        assert!(matches!(write, Poll::Ready(Ok(3))));
        let write = log.as_mut().poll_write_vectored(&mut cx, &slices);
        assert!(matches!(write, Poll::Ready(Ok(3))));
        assert!(broken(log.as_mut().poll_flush(&mut cx)));
        assert!(broken(log.as_mut().poll_close(&mut cx)));
    }
    assert_eq!(log.0.0, CALLS);
}
