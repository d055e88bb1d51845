//! The time limits, and when they run.

mod common;

use common::{HERE, Peer, each};
use std::future::pending;
use std::time::Duration;
use weftwork::net::TcpListener;
use weftwork::time::sleep;
use weftwork_http::{Body, Bytes, Client, Connector, Error, ErrorKind, TimeLimit, Timeouts};

const SHORT: Option<Duration> = Some(Duration::from_millis(30));

/// Far more than anything here takes, also on a busy machine.
const LONG: Option<Duration> = Some(Duration::from_secs(60));

fn client(timeouts: Timeouts) -> Client {
    Client::builder().limit(1).timeouts(timeouts).build()
}

fn assert_is(error: &Error, limit: TimeLimit, words: &str) {
    assert_eq!(error.kind(), ErrorKind::Timeout(limit));
    let text = error.to_string();
    assert!(text.starts_with("http") && text.contains(words), "{text}");
}

/// Reads requests, and answers none.
async fn silent_peer() -> Peer {
    Peer::talking(|mut reader, writer, _| async move {
        let _ = reader.read_to_eof().await;
        drop(writer);
    })
    .await
}

/// Sends the head of an answer and half of its body.
async fn stalling_peer() -> Peer {
    Peer::talking(|mut reader, writer, _| async move {
        reader.readuntil(b"\r\n\r\n").await.unwrap();
        writer
            .write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            .unwrap();
        writer.drain().await.unwrap();
        let _ = reader.read_to_eof().await;
        drop(writer);
    })
    .await
}

#[test]
fn the_total_time_is_for_everything() {
    each(|| async {
        let total = client(Timeouts {
            total: SHORT,
            ..Timeouts::NONE
        });
        let silent = silent_peer().await;
        // The connection of the first one is given up: there is room for the second.
        for _ in 0..2 {
            let error = total.get(silent.url("/")).send().await.unwrap_err();
            assert_is(&error, TimeLimit::Total, "30ms, the total time limit");
        }
        silent.connections.until(0).await;
        silent.close().await;

        let stalling = stalling_peer().await;
        let total = Timeouts {
            total: Some(Duration::from_millis(300)),
            ..Timeouts::NONE
        };
        let mut response = client(total).get(stalling.url("/")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
        let error = response.chunk().await.unwrap_err();
        assert_is(&error, TimeLimit::Total, "total");
        // It said so once, and the connection is gone though the response is still there.
        assert!(response.chunk().await.unwrap().is_none());
        stalling.connections.until(0).await;
        stalling.close().await;
    });
}

/// Waiting for a place counts.
#[test]
fn the_total_time_is_for_the_limits_too() {
    each(|| async {
        let silent = silent_peer().await;
        let client = client(Timeouts {
            total: LONG,
            ..Timeouts::NONE
        });
        let holding = weftwork::spawn({
            let request = client.get(silent.url("/"));
            async move { request.send().await.map(drop) }
        });
        silent.connections.until(1).await;
        let request = client.get(silent.url("/"));
        let error = request.timeouts(Timeouts {
            total: SHORT,
            ..Timeouts::NONE
        });
        let error = error.send().await.unwrap_err();
        assert_is(&error, TimeLimit::Total, "total");
        assert!(holding.cancel());
        silent.connections.until(0).await;
        assert_eq!(silent.connections.all(), 1);
        silent.close().await;
    });
}

#[test]
fn the_read_time_is_for_each_wait() {
    each(|| async {
        let read = Timeouts {
            read: SHORT,
            ..Timeouts::NONE
        };
        let silent = silent_peer().await;
        let error = client(read).get(silent.url("/")).send().await.unwrap_err();
        assert_is(
            &error,
            TimeLimit::Read,
            "nothing came from the server for 30ms",
        );
        silent.close().await;

        let stalling = stalling_peer().await;
        let read = Timeouts {
            read: Some(Duration::from_millis(300)),
            ..Timeouts::NONE
        };
        let response = client(read).get(stalling.url("/")).send().await.unwrap();
        let error = response.bytes().await.unwrap_err();
        assert_is(&error, TimeLimit::Read, "nothing came");
        stalling.close().await;
    });
}

/// A request that takes longer to send than the server may be silent.
#[test]
fn sending_is_no_waiting() {
    each(|| async {
        let peer = Peer::start(common::echo).await;
        let read = Some(Duration::from_millis(400));
        let pieces = futures::stream::unfold(0, |n| async move {
            sleep(Duration::from_millis(150)).await;
            (n < 5).then(|| (Ok::<_, std::io::Error>(Bytes::from("piece ")), n + 1))
        });
        let client = client(Timeouts {
            read,
            ..Timeouts::NONE
        });
        let request = client.post(peer.url("/")).body(Body::stream(pieces));
        let response = request.send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "piece ".repeat(5));

        // One that is never sent whole is a matter of the total time.
        let body = Body::stream(futures::stream::once(pending::<Result<Bytes, Error>>()));
        let total = Some(Duration::from_millis(100));
        let times = Timeouts {
            read: SHORT,
            total,
            connect: None,
        };
        let request = client.post(peer.url("/")).body(body).timeouts(times);
        let error = request.send().await.unwrap_err();
        assert_is(&error, TimeLimit::Total, "100ms");
        peer.close().await;
    });
}

/// A server that does not take what it is sent holds up nobody else.
#[test]
fn a_request_that_is_stuck_gives_its_place_back() {
    each(|| async {
        let stuck = Peer::talking(|mut reader, writer, _| async move {
            reader.readuntil(b"\r\n\r\n").await.unwrap();
            pending::<()>().await;
            drop((reader, writer));
        })
        .await;
        let peer = Peer::start(common::echo).await;
        let client = client(Timeouts::NONE);
        let body = vec![0; 30_000_000];
        let times = Timeouts {
            total: Some(Duration::from_millis(200)),
            ..Timeouts::NONE
        };
        let request = client.post(stuck.url("/")).body(body).timeouts(times);
        let error = request.send().await.unwrap_err();
        assert_is(&error, TimeLimit::Total, "total");
        let response = client.get(peer.url("/free")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "/free");
        stuck.close().await;
        peer.close().await;
    });
}

/// A handshake of TLS with somebody who says nothing.
#[test]
fn the_connect_time_is_for_connections_alone() {
    each(|| async {
        let silent = TcpListener::bind(HERE).await.unwrap();
        let url = format!("https://{}/", silent.local_addr().unwrap());
        let times = Timeouts {
            connect: SHORT,
            total: LONG,
            read: LONG,
        };
        let builder = Client::builder().timeouts(times).limit(1);
        let client = builder
            .connector(Connector::new().with_tls(common::no_trust()))
            .build();
        for _ in 0..2 {
            let error = client.get(&url).send().await.unwrap_err();
            assert_is(&error, TimeLimit::Connect, "no connection after 30ms");
            assert!(error.is_timeout());
        }
        // It does not run while somebody waits for an answer.
        let peer = Peer::start(|request| async {
            sleep(Duration::from_millis(100)).await;
            common::echo(request).await
        })
        .await;
        let connect = Some(Duration::from_millis(90));
        let request = client.get(peer.url("/a")).timeouts(Timeouts {
            connect,
            ..Timeouts::NONE
        });
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "/a");
        peer.close().await;
    });
}
