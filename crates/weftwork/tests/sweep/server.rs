//! Servers: they go on, or end with all their connections, whichever of their waits is cut.

use crate::common::{Counter, Flag, settle, until};
use crate::knife::swept;
use futures::{AsyncReadExt, AsyncWriteExt};
use std::io;
use weftwork::net::{Server, TcpStream, start_server};
use weftwork::{all_tasks, finally, spawn};

/// A server that counts the connections that it has served to the end, or cleaned up.
async fn echo(served: &Counter) -> Server {
    let served = served.clone();
    let handler = move |mut stream: TcpStream, _| {
        let served = served.clone();
        let echo = async move {
            let mut byte = [0];
            stream.read_exact(&mut byte).await?;
            settle().await;
            stream.write_all(&byte).await
        };
        finally(echo, async move { served.add() })
    };
    start_server("127.0.0.1:0", handler).await.unwrap()
}

/// A client that is served.
async fn ask(server: &Server) -> io::Result<u8> {
    let mut stream = TcpStream::connect(server.local_addr()).await?;
    stream.write_all(&[7]).await?;
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    Ok(byte[0])
}

/// It has ended; what said so may be in the last moment of its task.
async fn is_over(server: &Server) {
    server.wait_closed().await;
    until(|| all_tasks().len() == 1).await;
}

#[test]
fn a_server_that_is_waited_for() {
    swept("Server::wait_closed", async |knife| {
        let served = Counter::default();
        let server = echo(&served).await;
        assert_eq!(ask(&server).await.unwrap(), 7);
        let (inner, asked) = (server.clone(), server.clone());
        let client = spawn(async move { ask(&asked).await });
        let closer = server.clone();
        let closer = spawn(async move {
            settle().await;
            closer.close();
        });
        let _ = knife.run(async move { inner.wait_closed().await }).await;
        closer.await;
        server.wait_closed().await;
        assert_eq!(server.connections(), 0);
        let answered = client.await.is_ok();
        is_over(&server).await;
        assert_eq!(served.get(), 1 + usize::from(answered));
    });
}

/// Cancelled, it closes and ends its connections in peace; dropped, it serves on.
#[test]
fn a_server_that_serves_forever() {
    swept("Server::serve_forever", async |knife| {
        let served = Counter::default();
        let server = echo(&served).await;
        let (inner, closer) = (server.clone(), server.clone());
        let closes = Flag::default();
        let is_closed = closes.clone();
        let closer = spawn(async move {
            // It may be refused, or lose its connection.
            let _ = ask(&closer).await;
            closes.set();
            closer.close();
        });
        let _ = knife.run(async move { inner.serve_forever().await }).await;
        if knife.drops() {
            assert!(server.is_serving() || is_closed.is_set());
        } else {
            assert!(!server.is_serving() && server.connections() == 0);
        }
        closer.await;
        is_over(&server).await;
    });
}

#[test]
fn a_server_that_is_not_there_yet() {
    let handler = async |stream: TcpStream, _| drop(stream);
    swept("net::start_server", async |knife| {
        let end = knife.run(start_server("localhost:0", handler)).await;
        if let Ok(server) = end {
            let server = server.unwrap();
            server.close();
            is_over(&server).await;
        }
    });
    swept("ServerBuilder::start", async |knife| {
        let builder = Server::builder().max_connections(1);
        let end = knife.run(builder.start("localhost:0", handler)).await;
        if let Ok(server) = end {
            let server = server.unwrap();
            server.close();
            is_over(&server).await;
        }
    });
}
