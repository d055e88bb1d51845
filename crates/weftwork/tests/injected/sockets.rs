//! The calls of sockets, and of servers.

use crate::cell::Expected::{Fails, Reported, Works};
use crate::cell::Program::On;
use crate::cell::{self, Cell, EVERY, FIRST, NOW_AND_THEN, SECOND, Use};
use crate::common::Folder;
use futures::future::try_join;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::io;
use std::net::SocketAddr;
use weftwork::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
    start_server, start_unix_server,
};

const HERE: &str = "127.0.0.1:0";
const LIMIT: &str = "this process";
const SYSTEM: &str = "the whole system";
const MEMORY: &str = "Cannot allocate memory";
const ROOM: &str = "No buffer space";
/// On each thread.
const THREE_TIMES: &str = "1..3";

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    // A socket that there is not.
    ("socket", "EMFILE", FIRST, On(tcp), Fails(LIMIT)),
    ("socket", "EMFILE", SECOND, On(tcp), Fails(LIMIT)),
    ("socket", "EMFILE", EVERY, On(tcp), Fails(LIMIT)),
    ("socket", "ENFILE", FIRST, On(tcp), Fails(SYSTEM)),
    ("socket", "ENFILE", SECOND, On(tcp), Fails(SYSTEM)),
    ("socket", "ENOMEM", FIRST, On(tcp), Fails(MEMORY)),
    ("socket", "ENOBUFS", SECOND, On(tcp), Fails(ROOM)),
    ("socket", "EMFILE", FIRST, On(udp), Fails(LIMIT)),
    ("socket", "EMFILE", FIRST, On(unix), Fails(LIMIT)),
    ("socket", "EMFILE", SECOND, On(unix), Fails(LIMIT)),
    ("socket", "EMFILE", SECOND, On(datagrams), Fails(LIMIT)),
    ("socket", "ENFILE", FIRST, On(options), Fails(SYSTEM)),
    ("socketpair", "EMFILE", FIRST, On(pair), Fails(LIMIT)),
    ("socketpair", "ENFILE", FIRST, On(pair), Fails(SYSTEM)),
    // What the system says on the way to a connection.
    ("bind", "EADDRINUSE", FIRST, On(tcp), Fails("Address already in use")),
    ("bind", "EACCES", FIRST, On(udp), Fails("Permission denied")),
    ("listen", "EADDRINUSE", FIRST, On(tcp), Fails("Address already in use")),
    ("setsockopt", "ENOBUFS", FIRST, On(tcp), Fails(ROOM)),
    ("getsockname", "ENOBUFS", FIRST, On(tcp), Fails(ROOM)),
    ("setsockopt", "ENOBUFS", EVERY, On(server), Fails(ROOM)),
    ("connect", "ECONNREFUSED", FIRST, On(tcp), Fails("Connection refused")),
    ("connect", "ENETUNREACH", FIRST, On(tcp), Fails("Network is unreachable")),
    ("connect", "EADDRNOTAVAIL", FIRST, On(tcp), Fails("Cannot assign requested address")),
    ("connect", "EAGAIN", FIRST, On(unix), Works),
    ("connect", "EAGAIN", NOW_AND_THEN, On(unix), Works),
    ("connect", "ECONNREFUSED", FIRST, On(unix), Fails("Connection refused")),
    ("getsockopt", "ENOBUFS", FIRST, On(tcp), Fails(ROOM)),
    // A connection that is gone before it is accepted is none of the listener's business.
    ("accept4", "EINTR", FIRST, On(tcp), Works),
    ("accept4", "EINTR", NOW_AND_THEN, On(tcp), Works),
    ("accept4", "ECONNABORTED", FIRST, On(tcp), Works),
    ("accept4", "ECONNABORTED", SECOND, On(unix), Works),
    ("accept4", "EPROTO", FIRST, On(tcp), Works),
    ("accept4", "ENETDOWN", FIRST, On(tcp), Works),
    ("accept4", "EINTR", THREE_TIMES, On(server), Works),
    ("accept4", "ECONNABORTED", THREE_TIMES, On(server), Works),
    ("accept4", "EHOSTDOWN", FIRST, On(server), Works),
    ("accept4", "ENONET", FIRST, On(server), Works),
    ("accept4", "ENOPROTOOPT", FIRST, On(server), Works),
    ("accept4", "EMFILE", FIRST, On(tcp), Fails(LIMIT)),
    ("accept4", "EMFILE", FIRST, On(unix), Fails(LIMIT)),
    // A server says it once and goes on.
    ("accept4", "EMFILE", FIRST, On(server), Reported(LIMIT)),
    ("accept4", "EMFILE", SECOND, On(server), Reported(LIMIT)),
    ("accept4", "EMFILE", THREE_TIMES, On(server), Reported(LIMIT)),
    ("accept4", "ENFILE", THREE_TIMES, On(server), Reported(SYSTEM)),
    ("accept4", "ENOMEM", THREE_TIMES, On(server), Reported(MEMORY)),
    ("accept4", "ENOBUFS", THREE_TIMES, On(server), Reported(ROOM)),
    ("accept4", "EMFILE", FIRST, On(unix_server), Reported(LIMIT)),
    ("epoll_ctl", "ENOSPC", SECOND, On(tcp), Fails("max_user_watches")),
    ("epoll_ctl", "ENOMEM", "3", On(tcp), Fails(MEMORY)),
    // Reads and writes.
    ("recvfrom", "EINTR", FIRST, On(tcp), Works),
    ("recvfrom", "EINTR", NOW_AND_THEN, On(tcp), Works),
    ("recvfrom", "ECONNRESET", FIRST, On(tcp), Fails("Connection reset")),
    ("recvfrom", "ETIMEDOUT", SECOND, On(tcp), Fails("timed out")),
    ("recvfrom", "ENOMEM", FIRST, On(tcp), Fails(MEMORY)),
    ("sendto", "EINTR", FIRST, On(tcp), Works),
    ("sendto", "EINTR", NOW_AND_THEN, On(tcp), Works),
    ("sendto", "EPIPE", SECOND, On(tcp), Fails("Broken pipe")),
    ("sendto", "ENOBUFS", FIRST, On(tcp), Fails(ROOM)),
    ("recvfrom", "EINTR", NOW_AND_THEN, On(udp), Works),
    ("recvfrom", "ECONNREFUSED", FIRST, On(udp), Fails("Connection refused")),
    ("sendto", "EINTR", NOW_AND_THEN, On(udp), Works),
    ("sendto", "ENOBUFS", FIRST, On(udp), Fails(ROOM)),
    ("sendto", "EPERM", SECOND, On(udp), Fails("Operation not permitted")),
    ("?sendto,?sendmsg", "EINTR", NOW_AND_THEN, On(datagrams), Works),
    ("?recvfrom,?recvmsg", "ENOMEM", FIRST, On(datagrams), Fails(MEMORY)),
    ("recvfrom", "ECONNRESET", FIRST, On(pair), Fails("Connection reset")),
    ("sendto", "EINTR", NOW_AND_THEN, On(pair), Works),
];

#[test]
fn calls_of_sockets_fail() {
    cell::all("sockets::calls_of_sockets_fail", CELLS);
}

/// One side sends in three pieces and ends, the other one reads to the end; and back.
async fn talk(
    mut near: impl AsyncRead + AsyncWrite + Unpin,
    mut far: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    try_join(ask(&mut near), answer(&mut far)).await?;
    Ok(())
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    for _ in 0..3 {
        stream.write_all(b"ask").await?;
        stream.read_exact(&mut [0; 6]).await?;
    }
    stream.close().await?;
    assert_eq!(stream.read(&mut [0]).await?, 0);
    Ok(())
}

/// Until the end.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut asked = [0; 3];
    while stream.read(&mut asked[..1]).await? == 1 {
        stream.read_exact(&mut asked[1..]).await?;
        assert_eq!(asked, *b"ask");
        stream.write_all(b"answer").await?;
    }
    stream.close().await
}

fn tcp() -> Use {
    Box::pin(async {
        let listener = TcpListener::bind(HERE).await?;
        let addr = listener.local_addr()?;
        let (near, (far, _)) = try_join(TcpStream::connect(addr), listener.accept()).await?;
        talk(near, far).await
    })
}

fn unix() -> Use {
    Box::pin(async {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.path("socket"))?;
        for _ in 0..2 {
            let connecting = UnixStream::connect(folder.path("socket"));
            let (near, (far, _)) = try_join(connecting, listener.accept()).await?;
            talk(near, far).await?;
        }
        Ok(())
    })
}

fn pair() -> Use {
    Box::pin(async {
        let (near, far) = UnixStream::pair()?;
        talk(near, far).await
    })
}

fn udp() -> Use {
    Box::pin(async {
        let (near, far) = (UdpSocket::bind(HERE).await?, UdpSocket::bind(HERE).await?);
        for _ in 0..3 {
            near.send_to(b"ask", far.local_addr()?).await?;
            let mut asked = [0; 4];
            let (count, peer) = far.recv_from(&mut asked).await?;
            assert_eq!(&asked[..count], b"ask");
            assert_eq!(peer, near.local_addr()?);
        }
        Ok(())
    })
}

fn datagrams() -> Use {
    Box::pin(async {
        let folder = Folder::new();
        let near = UnixDatagram::bind(folder.path("near"))?;
        let far = UnixDatagram::bind(folder.path("far"))?;
        for _ in 0..3 {
            near.send_to(b"ask", folder.path("far")).await?;
            let mut asked = [0; 4];
            let (count, _) = far.recv_from(&mut asked).await?;
            assert_eq!(&asked[..count], b"ask");
        }
        Ok(())
    })
}

/// A socket that has settings before it listens.
fn options() -> Use {
    Box::pin(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuse_address(true)?;
        socket.bind(HERE.parse().unwrap())?;
        let listener = socket.listen(8)?;
        TcpStream::connect(listener.local_addr()?).await.map(drop)
    })
}

fn server() -> Use {
    Box::pin(async {
        let serve = async |mut stream: TcpStream, _: SocketAddr| answer(&mut stream).await;
        let server = start_server(HERE, serve).await?;
        for _ in 0..2 {
            let mut stream = TcpStream::connect(server.local_addr()).await?;
            ask(&mut stream).await?;
        }
        server.close();
        server.wait_closed().await;
        Ok(())
    })
}

fn unix_server() -> Use {
    Box::pin(async {
        let folder = Folder::new();
        let path = folder.path("socket");
        let serve = async |mut stream: UnixStream, _| answer(&mut stream).await;
        let server = start_unix_server(&path, serve).await?;
        let mut stream = UnixStream::connect(&path).await?;
        ask(&mut stream).await?;
        server.close();
        server.wait_closed().await;
        Ok(())
    })
}
