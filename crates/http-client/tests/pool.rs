//! Connections are used again, and are no more than the limits allow.

mod common;

use common::{Count, Peer, each, echo, text};
use futures::future::{FutureExt, join_all};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use weftwork::sync::{Barrier, Semaphore};
use weftwork::{gather, spawn, yield_now};
use weftwork_http::{Client, Error, ErrorKind};
use weftwork_std_or_loom::Mutex;

async fn get(client: &Client, url: String) -> Result<String, Error> {
    client.get(url).send().await?.text().await
}

#[test]
fn requests_one_after_another_share_a_connection() {
    each(|| async {
        let peer = Peer::start(echo).await;
        let client = Client::new();
        for n in 0..50 {
            let path = format!("/{n}");
            assert_eq!(get(&client, peer.url(&path)).await.unwrap(), path);
        }
        // One, unless the machine was busy with something else.
        let connections = peer.connections.all();
        assert!(
            connections < 10,
            "{connections} connections for 50 requests"
        );
        peer.close().await;
    });
}

/// The server answers when three requests are there, and there are never more.
#[test]
fn the_limit_is_used_and_kept() {
    each(|| async {
        let (requests, barrier) = (Arc::new(Count::default()), Arc::new(Barrier::new(3)));
        let counted = Arc::clone(&requests);
        let peer = Peer::start(move |_| {
            let (counted, barrier) = (counted.enter(), Arc::clone(&barrier));
            async move {
                barrier.wait().await.unwrap();
                drop(counted);
                text("done")
            }
        })
        .await;
        let client = Client::builder().limit(3).build();
        let url = peer.url("/");
        let texts = gather((0..60).map(|_| {
            let (client, url) = (client.clone(), url.clone());
            async move { get(&client, url).await.unwrap() }
        }));
        assert_eq!(texts.await, ["done"; 60]);
        assert_eq!(requests.most(), 3);
        // Three, unless the machine was busy with something else.
        let connections = peer.connections.all();
        assert!(
            connections < 20,
            "{connections} connections for 60 requests"
        );
        peer.close().await;
    });
}

#[test]
fn those_that_wait_are_served_in_order() {
    each(|| async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        let peer = Peer::start(move |request| {
            seen.lock().push(request.uri().path().to_owned());
            echo(request)
        })
        .await;
        let client = Client::builder().limit(1).build();
        // All are polled once before the first has its answer.
        join_all((0..30).map(|n| get(&client, peer.url(&format!("/{n}"))))).await;
        let expected: Vec<_> = (0..30).map(|n| format!("/{n}")).collect();
        assert_eq!(*order.lock(), expected);
        peer.close().await;
    });
}

#[test]
fn who_waits_for_a_busy_host_holds_up_nobody_else() {
    each(|| async {
        let gate = Arc::new(Semaphore::new(0));
        let at_gate = Arc::clone(&gate);
        let busy = Peer::start(move |request| {
            let gate = Arc::clone(&at_gate);
            async move {
                gate.acquire().await.unwrap().forget();
                echo(request).await
            }
        })
        .await;
        let free = Peer::start(echo).await;
        let client = Client::builder().limit(2).limit_per_host(1).build();
        let mut waiting = Vec::from_iter((0..5).map(|_| get(&client, busy.url("/b")).boxed()));
        for future in &mut waiting {
            assert!(future.now_or_never().is_none());
        }
        for _ in 0..5 {
            assert_eq!(get(&client, free.url("/f")).await.unwrap(), "/f");
        }
        gate.add_permits(5);
        for text in join_all(waiting).await {
            assert_eq!(text.unwrap(), "/b");
        }
        assert_eq!(busy.connections.most(), 1);
        busy.close().await;
        free.close().await;
    });
}

/// A place within the limit is free when the body has been read, or the answer dropped.
#[test]
fn an_answer_that_was_not_read_holds_its_place() {
    each(|| async {
        let peer = Peer::start(|_| async { text(vec![b'x'; 3_000_000]) }).await;
        let client = Client::builder().limit(1).build();
        for is_dropped in [false, true] {
            let first = client.get(peer.url("/")).send().await.unwrap();
            let mut second = Box::pin(client.get(peer.url("/")).send());
            for _ in 0..100 {
                assert!((&mut second).now_or_never().is_none());
                yield_now().await;
            }
            if is_dropped {
                drop(first);
            } else {
                assert_eq!(first.bytes().await.unwrap().len(), 3_000_000);
            }
            let second = second.await.unwrap();
            assert_eq!(second.bytes().await.unwrap().len(), 3_000_000);
        }
        peer.close().await;
    });
}

#[test]
fn a_connection_that_nobody_uses_is_closed_in_time() {
    each(|| async {
        let peer = Peer::start(echo).await;
        let client = Client::builder()
            .keepalive(Duration::from_millis(20))
            .build();
        get(&client, peer.url("/")).await.unwrap();
        // Nobody asks again, and the client lives.
        peer.connections.until(0).await;
        assert_eq!(get(&client, peer.url("/a")).await.unwrap(), "/a");
        assert_eq!(peer.connections.all(), 2);

        let client = Client::builder().keepalive(Duration::ZERO).build();
        for _ in 0..3 {
            get(&client, peer.url("/")).await.unwrap();
        }
        peer.connections.until(0).await;
        assert_eq!(peer.connections.all(), 5);

        let client = Client::new();
        get(&client, peer.url("/")).await.unwrap();
        drop(client);
        peer.connections.until(0).await;
        peer.close().await;
    });
}

/// What is kept for other hosts makes room.
#[test]
fn kept_connections_count() {
    each(|| async {
        let peers = gather((0..5).map(|_| Peer::start(echo))).await;
        let client = Client::builder().limit(2).build();
        for peer in &peers {
            get(&client, peer.url("/")).await.unwrap();
        }
        for peer in &peers[..3] {
            peer.connections.until(0).await;
        }
        for peer in &peers[3..] {
            // Still there.
            get(&client, peer.url("/")).await.unwrap();
            assert_eq!(peer.connections.all(), 1);
        }
        for peer in peers {
            peer.close().await;
        }
    });
}

/// A server may close a connection just when it is used again.
#[test]
fn what_does_no_harm_twice_is_asked_again() {
    each(|| async {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let peer = Peer::talking(move |mut reader, writer, _| {
            let count = Arc::clone(&count);
            async move {
                reader.readuntil(b"\r\n\r\n").await.unwrap();
                count.fetch_add(1, Relaxed);
                writer
                    .write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .unwrap();
                writer.drain().await.unwrap();
                // The next request is read, and has no answer.
                let _ = reader.readuntil(b"\r\n\r\n").await;
                count.fetch_add(1, Relaxed);
            }
        })
        .await;
        let client = Client::new();
        for _ in 0..2 {
            assert_eq!(get(&client, peer.url("/")).await.unwrap(), "ok");
        }
        assert_eq!(requests.load(Relaxed), 3);
        let posted = client.post(peer.url("/")).body("x").send().await;
        let error = posted.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exchange);
        assert!(error.to_string().contains("no answer"), "{error}");
        assert_eq!(requests.load(Relaxed), 4);
        peer.close().await;
    });
}

/// A connection that the server has closed long ago is not used, whatever the method.
#[test]
fn a_closed_connection_is_not_used() {
    each(|| async {
        let peer = Peer::talking(|mut reader, writer, _| async move {
            reader.readuntil(b"\r\n\r\n").await.unwrap();
            writer
                .write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .unwrap();
            writer.close();
            writer.wait_closed().await.unwrap();
        })
        .await;
        let client = Client::new();
        for _ in 0..5 {
            let response = client.post(peer.url("/")).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), "ok");
            peer.connections.until(0).await;
            // Until the end has come here, too.
            for _ in 0..10 {
                weftwork::time::sleep(Duration::from_millis(1)).await;
            }
        }
        peer.close().await;
    });
}

/// The same client in one runtime after another: the kept connections have gone with theirs.
#[test]
fn a_client_outlives_a_runtime() {
    let client = Client::builder().limit(1).build();
    each(|| async {
        let peer = Peer::start(echo).await;
        assert_eq!(get(&client, peer.url("/a")).await.unwrap(), "/a");
        let asked = spawn({
            let (client, url) = (client.clone(), peer.url("/b"));
            async move { get(&client, url).await.unwrap() }
        });
        assert_eq!(asked.await, "/b");
        peer.close().await;
    });
}
