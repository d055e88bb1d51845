//! Many calls that fail, while many clients send and have it back.

use crate::cell::Expected::Works;
use crate::cell::Program::On;
use crate::cell::{self, Cell, NOW_AND_THEN, Use};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join};
use std::net::SocketAddr;
use weftwork::net::{TcpStream, UnixStream, start_server};
use weftwork::{gather, spawn};

/// The calls of sockets and of the reactor's wait.
const ALL: &str = "accept4,recvfrom,sendto,epoll_pwait";

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    (ALL, "EINTR", NOW_AND_THEN, On(echoes), Works),
    (ALL, "EINTR", "2+3", On(echoes), Works),
    ("accept4", "ECONNABORTED", NOW_AND_THEN, On(echoes), Works),
];

#[test]
fn calls_fail_again_and_again() {
    cell::all("storms::calls_fail_again_and_again", CELLS);
}

/// What is sent, in pieces that do not fit into each other.
fn bytes(seed: usize) -> Vec<u8> {
    (0..100_000)
        .map(|n| (n * (2 * seed + 1) % 251) as u8)
        .collect()
}

/// Twenty clients, each over TCP and over a Unix stream.
fn echoes() -> Use {
    Box::pin(async {
        let handler = async |stream: TcpStream, _: SocketAddr| {
            futures::io::copy(&stream, &mut &stream).await?;
            (&stream).close().await
        };
        let server = start_server("127.0.0.1:0", handler).await?;
        let addr = server.local_addr();
        gather((0..20).map(|n| async move {
            let (reader, writer) = TcpStream::connect(addr).await.unwrap().into_split();
            exchange(reader, writer, n).await;
            let (near, far) = UnixStream::pair().unwrap();
            let echoing = spawn(async move {
                futures::io::copy(&far, &mut &far).await.unwrap();
                (&far).close().await.unwrap();
            });
            exchange(&near, &near, n).await;
            echoing.await;
        }))
        .await;
        server.close();
        server.wait_closed().await;
        Ok(())
    })
}

async fn exchange(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    seed: usize,
) {
    let sent = bytes(seed);
    let sending = async {
        for piece in sent.chunks(7001) {
            writer.write_all(piece).await.unwrap();
        }
        writer.close().await.unwrap();
    };
    let mut received = Vec::new();
    let ((), read) = join!(sending, reader.read_to_end(&mut received));
    assert_eq!(read.unwrap(), sent.len());
    assert!(received == sent);
}
