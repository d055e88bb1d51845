//! The echo servers of the runtimes.

use std::io;
use std::net::TcpListener;

use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::accept;

/// The buffer of a connection, longer than what comes at a time.
const BUFFER: usize = 1024;

pub(super) fn on_weftwork(listener: TcpListener, workers: usize, busy: usize) -> io::Result<()> {
    accept::on_weftwork(listener, workers, busy, echo)
}

pub(super) fn on_smol(listener: TcpListener, busy: usize) -> io::Result<()> {
    accept::on_smol(listener, busy, echo)
}

pub(super) fn on_tokio(listener: TcpListener, workers: usize, busy: usize) -> io::Result<()> {
    accept::on_tokio(listener, workers, busy, echo_on_tokio)
}

/// Ends with the client, who says what it misses.
async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = [0; BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// The same through tokio's traits.
async fn echo_on_tokio(mut stream: tokio::net::TcpStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut buffer = [0; BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
