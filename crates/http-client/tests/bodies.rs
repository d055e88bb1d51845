//! Bodies in both directions, whole and in pieces, and what is wrong with them.

mod common;

use common::{Peer, each, echo, text};
use futures::{StreamExt, TryStreamExt};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use weftwork::gather;
use weftwork_http::{Body, Bytes, Client, ErrorKind, StatusCode};

#[test]
fn bodies_of_every_size_come_back() {
    each(|| async {
        let peer = Peer::start(echo).await;
        let client = Client::new();
        gather([1, 1000, 65_536, 65_537, 1_000_000].map(|size| {
            let (client, url) = (client.clone(), peer.url("/"));
            async move {
                let sent: Bytes = (0..size).map(|n| (n / 3) as u8).collect();
                let response = client.post(&url).body(sent.clone()).send().await.unwrap();
                assert!(response.bytes().await.unwrap() == sent);

                let pieces: Vec<_> = sent.chunks(7000).map(Bytes::copy_from_slice).collect();
                let pieces = futures::stream::iter(pieces.into_iter().map(Ok::<_, io::Error>));
                let request = client.put(&url).body(Body::stream(pieces));
                let response = request.send().await.unwrap();
                let back: Vec<Bytes> = response.try_collect().await.unwrap();
                assert!(back.concat() == sent);
            }
        }))
        .await;
        let response = client.get(peer.url("/none")).body("").send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "/none");
        let response = client.head(peer.url("/head")).send().await.unwrap();
        assert_eq!(response.headers()["content-length"], "5");
        assert_eq!(response.bytes().await.unwrap(), "");
        peer.close().await;
    });
}

/// A server that does not read takes no more of a stream than the buffers have room for.
#[test]
fn a_stream_waits_for_the_server() {
    each(|| async {
        let peer = Peer::talking(|mut reader, writer, _| async move {
            reader.readuntil(b"\r\n\r\n").await.unwrap();
            // An answer before the request has ended.
            writer
                .write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
                .unwrap();
            writer.drain().await.unwrap();
            std::future::pending().await
        })
        .await;
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let endless = futures::stream::repeat_with(move || {
            count.fetch_add(1, Relaxed);
            Ok::<_, io::Error>(Bytes::from(vec![0; 100_000]))
        });
        let client = Client::builder().limit(1).build();
        let request = client.post(peer.url("/")).body(Body::stream(endless));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let error = response.error_for_status().unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::PAYLOAD_TOO_LARGE));
        // It was dropped unread: the connection goes, and the stream with it.
        while Arc::strong_count(&taken) > 1 {
            weftwork::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert!(taken.load(Relaxed) < 1000);
        peer.close().await;
    });
}

#[test]
fn a_body_that_breaks_off_is_no_body() {
    each(|| async {
        let peer = Peer::talking(|mut reader, writer, _| async move {
            reader.readuntil(b"\r\n\r\n").await.unwrap();
            writer
                .write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                .unwrap();
            writer.close();
            writer.wait_closed().await.unwrap();
        })
        .await;
        let client = Client::builder().limit(1).build();
        for _ in 0..2 {
            let response = client.get(peer.url("/")).send().await.unwrap();
            let error = response.bytes().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Body);
            assert!(error.to_string().contains("the body broke off"), "{error}");
        }
        let mut response = client.get(peer.url("/")).send().await.unwrap();
        assert_eq!(response.next().await.unwrap().unwrap(), "half");
        assert!(response.next().await.unwrap().is_err());
        assert!(response.next().await.is_none());
        peer.close().await;
    });
}

/// The server must not take what there was for the whole.
#[test]
fn a_stream_that_fails_breaks_the_request_off() {
    each(|| async {
        let peer = Peer::talking(|mut reader, writer, _| async move {
            let told = reader.read_to_eof().await.unwrap();
            assert!(!told.ends_with(b"0\r\n\r\n"), "the end of a whole body");
            drop(writer);
        })
        .await;
        let pieces = [Ok("some"), Err(io::Error::other("the disk is full"))];
        let body = Body::stream(futures::stream::iter(pieces));
        let request = Client::new().post(peer.url("/")).body(body);
        let error = request.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exchange);
        assert!(error.to_string().contains("the disk is full"), "{error}");
        peer.connections.until(0).await;
        peer.close().await;
    });
}

#[test]
fn what_is_no_text_comes_back_in_the_error() {
    each(|| async {
        let peer = Peer::start(|_| async { text(&b"caf\xe9"[..]) }).await;
        let response = Client::new().get(peer.url("/")).send().await.unwrap();
        let error = response.text().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotUtf8);
        assert!(error.to_string().starts_with(&peer.url("/")), "{error}");
        assert_eq!(error.into_bytes(), &b"caf\xe9"[..]);
        peer.close().await;
    });
}

#[test]
fn what_cannot_be_sent_is_refused() {
    each(|| async {
        let client = Client::new();
        let url = "http://localhost/";
        for request in [
            client.get("localhost/"),
            client.get(url).header("a b", "c"),
            client.get(url).header("a", "b\nc"),
        ] {
            let error = request.send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request, "{error}");
        }
        let refused = Peer::start(echo).await;
        let url = refused.url("/");
        refused.close().await;
        let error = client.get(&url).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(error.to_string().contains("refused"), "{error}");
    });
}
