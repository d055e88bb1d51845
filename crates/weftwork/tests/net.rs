//! TCP: listener and stream on the runtime.

mod common;

use common::each;
use futures::{AsyncReadExt, AsyncWriteExt};
use weftwork::net::{TcpListener, TcpStream};
use weftwork::{gather, spawn};

/// Sends back what comes until the end.
async fn echo(stream: TcpStream) -> u64 {
    let copied = futures::io::copy(&stream, &mut &stream).await.unwrap();
    (&stream).close().await.unwrap();
    copied
}

#[test]
fn many_connections_are_served_at_once() {
    each(|| async {
        const CONNECTIONS: u64 = 100;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = spawn(async move {
            let mut serving = Vec::new();
            for _ in 0..CONNECTIONS {
                let (stream, _) = listener.accept().await.unwrap();
                serving.push(spawn(echo(stream)));
            }
            gather(serving).await.into_iter().sum::<u64>()
        });
        gather((0..CONNECTIONS).map(|n| async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            for round in 0..20_u64 {
                let sent = (n * 1000 + round).to_le_bytes();
                stream.write_all(&sent).await.unwrap();
                let mut came = [0; 8];
                stream.read_exact(&mut came).await.unwrap();
                assert_eq!(sent, came);
            }
        }))
        .await;
        assert_eq!(server.await, CONNECTIONS * 20 * 8);
    });
}
