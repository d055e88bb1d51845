//! `StreamReader` and `StreamWriter` over sockets.

mod common;

use common::{each, settle};
use futures::{AsyncReadExt, AsyncWriteExt, join};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use weftwork::net::{
    TcpListener, TcpStream, UnixListener, UnixStream, open_connection, open_unix_connection,
    start_server,
};
use weftwork::spawn;

/// A line protocol both ways, as in asyncio's manual.
#[test]
fn lines_over_tcp_both_ways() {
    const LINES: usize = 500;
    each(|| async {
        let handler = |stream: TcpStream, peer: SocketAddr| async move {
            let (mut reader, writer) = stream.into_streams()?;
            assert_eq!(writer.peer_addr()?, peer);
            loop {
                let line = reader.readline().await?;
                if line.is_empty() {
                    break;
                }
                writer.writelines([&b"> "[..], &line])?;
                writer.drain().await?;
            }
            writer.close();
            writer.wait_closed().await
        };
        let server = start_server("127.0.0.1:0", handler).await.unwrap();
        let (mut reader, writer) = open_connection(server.local_addr()).await.unwrap();
        assert_eq!(writer.peer_addr().unwrap(), server.local_addr());
        let sending = async {
            for n in 0..LINES {
                writer.write(format!("line {n}\n").as_bytes()).unwrap();
                writer.drain().await.unwrap();
            }
            writer.write_eof().unwrap();
        };
        let receiving = async {
            for n in 0..LINES {
                let line = reader.readline().await.unwrap();
                assert_eq!(line, format!("> line {n}\n").into_bytes());
            }
            assert_eq!(reader.read(1).await.unwrap(), b"");
            assert!(reader.at_eof());
        };
        join!(sending, receiving);
        writer.close();
        writer.wait_closed().await.unwrap();
        let gone = writer.peer_addr().unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotConnected);
        server.close();
        server.wait_closed().await;
    });
}

/// More than all buffers hold, to a peer that reads late.
#[test]
fn much_is_written_to_a_slow_peer() {
    const TOTAL: usize = 8 << 20;
    each(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let ((_reader, writer), accepted) = {
            let (opened, accepted) = join!(open_connection(addr), listener.accept());
            (opened.unwrap(), accepted.unwrap().0)
        };
        let all: Vec<u8> = (0..TOTAL).map(|n| (n % 241) as u8).collect();
        writer.write(&all).unwrap();
        assert!(writer.write_buffer_size() > 0, "it did not go at once");
        writer.close();
        let mut came = Vec::new();
        (&accepted).read_to_end(&mut came).await.unwrap();
        assert!(came == all);
        writer.wait_closed().await.unwrap();
    });
}

#[test]
fn closing_the_writer_ends_its_reader() {
    each(|| async {
        let (one, _other) = UnixStream::pair().unwrap();
        let (mut reader, writer) = one.into_streams().unwrap();
        let reading = spawn(async move { reader.readline().await.unwrap() });
        settle().await;
        assert!(!reading.done());
        writer.close();
        assert_eq!(reading.await, b"");
    });
}

#[test]
fn a_dropped_writer_leaves_its_reader() {
    each(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut reader, _) = one.into_streams().unwrap();
        assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
        other.write_all(b"answer").await.unwrap();
        drop(other);
        assert_eq!(reader.read_to_eof().await.unwrap(), b"answer");
    });
}

#[test]
fn what_is_given_up_ends_for_both() {
    each(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (opened, accepted) = join!(open_connection(addr), listener.accept());
        let (mut reader, writer) = opened.unwrap();
        let mut accepted = accepted.unwrap().0;
        let reading = spawn(async move { reader.read_to_eof().await });
        writer.write(&vec![0; 8 << 20]).unwrap();
        settle().await;
        assert!(!reading.done());
        writer.abort();
        assert_eq!(reading.await.unwrap(), b"");
        let mut came = Vec::new();
        // An end or a reset: what was not sent does not come.
        let _ = accepted.read_to_end(&mut came).await;
        assert!(came.len() < 8 << 20);
    });
}

#[test]
fn a_reset_is_an_error_of_both() {
    each(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (opened, accepted) = join!(open_connection(addr), listener.accept());
        let (mut reader, writer) = opened.unwrap();
        let accepted = accepted.unwrap().0;
        accepted.set_linger(Some(Duration::ZERO)).unwrap();
        drop(accepted);
        let error = io::Error::from(reader.readexactly(1).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        writer.write(b"x").unwrap();
        let error = writer.wait_closed().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn streams_over_a_unix_socket() {
    each(|| async {
        let name = format!("weftwork-streams-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind_over_stale(&path).unwrap();
        let (opened, accepted) = join!(open_unix_connection(&path), listener.accept());
        let (mut reader, writer) = opened.unwrap();
        let mut accepted = accepted.unwrap().0;
        writer.write(b"ping").unwrap();
        let mut came = [0; 4];
        accepted.read_exact(&mut came).await.unwrap();
        accepted.write_all(&came).await.unwrap();
        assert_eq!(reader.readexactly(4).await.unwrap(), b"ping");
        assert_eq!(
            writer.peer_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        writer.close();
        assert_eq!(accepted.read(&mut came).await.unwrap(), 0);
    });
}
