//! Streams, connections and datagrams of QUIC between two endpoints on weftwork.

mod common;

use common::{client, client_config, endpoint, server_config};
use common::{close, connect, each, echo, megabyte, pair, server};
use futures::future::join;
use quinn::{ConnectionError, ReadError, ReadToEndError, WriteError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use weftwork::sync::{Event, Queue, oneshot};
use weftwork::{Handle, Runtime, catch, gather, spawn, yield_now};
use weftwork_quinn::QuinnRuntime;

#[test]
fn a_megabyte_goes_both_ways_on_each_of_ten_streams_at_once() {
    each(|| async {
        let (client, server) = (client(), server());
        let (near, far) = pair(&client, &server).await;
        let echoing = spawn(echo(far));
        gather((0..10).map(|stream| {
            let near = near.clone();
            async move {
                let sent = megabyte(stream);
                let (mut send, mut receive) = near.open_bi().await.unwrap();
                let sending = async {
                    send.write_all(&sent).await.unwrap();
                    send.finish().unwrap();
                };
                let (_, received) = join(sending, receive.read_to_end(2_000_000)).await;
                assert!(received.unwrap() == sent);
            }
        }))
        .await;
        near.close(7u32.into(), b"that was all");
        echoing.await;
        close(client, server).await;
    });
}

#[test]
fn ten_clients_with_a_socket_of_their_own_and_ten_on_one() {
    each(|| async {
        let (one, server) = (client(), Arc::new(server()));
        let serving = spawn({
            let server = Arc::clone(&server);
            async move {
                while let Some(incoming) = server.accept().await {
                    spawn(async move { echo(incoming.await.unwrap()).await }).detach();
                }
            }
        });
        gather((0..20_u32).map(|n| {
            let client = if n % 2 == 0 { client() } else { one.clone() };
            let server = Arc::clone(&server);
            async move {
                let connection = connect(&client, &server).await;
                let (mut send, mut receive) = connection.open_bi().await.unwrap();
                for round in 0..5 {
                    let sent = [n, round].map(u32::to_le_bytes).concat();
                    send.write_all(&sent).await.unwrap();
                    let mut received = [0; 8];
                    receive.read_exact(&mut received).await.unwrap();
                    assert_eq!(received, *sent);
                }
                connection.close(0u32.into(), b"");
                client.wait_idle().await;
            }
        }))
        .await;
        server.close(0u32.into(), b"");
        serving.await;
        close(one, Arc::into_inner(server).unwrap()).await;
    });
}

#[test]
fn datagrams_come_whole() {
    each(|| async {
        let (client, server) = (client(), server());
        let (near, far) = pair(&client, &server).await;
        for n in 0..100_u8 {
            let sent = vec![n; usize::from(n) * 10];
            near.send_datagram(sent.clone().into()).unwrap();
            assert_eq!(far.read_datagram().await.unwrap(), sent);
        }
        close(client, server).await;
    });
}

/// One end closes while the other one writes; another connection of the same sockets goes on.
#[test]
fn a_connection_that_is_closed_in_the_middle_tells_both_ends_why() {
    each(|| async {
        let (client, server) = (client(), server());
        let (near, far) = pair(&client, &server).await;
        let (other, other_far) = pair(&client, &server).await;
        let echoing = spawn(echo(other_far));
        let writing = spawn(async move {
            let mut send = far.open_uni().await.unwrap();
            let bytes = megabyte(1);
            let error = loop {
                if let Err(error) = send.write_all(&bytes).await {
                    break error;
                }
            };
            assert!(far.open_uni().await.is_err());
            error
        });
        let mut receive = near.accept_uni().await.unwrap();
        let mut some = vec![0; 3_000_000];
        receive.read_exact(&mut some).await.unwrap();
        near.close(42u32.into(), b"enough");
        let WriteError::ConnectionLost(ConnectionError::ApplicationClosed(told)) = writing.await
        else {
            panic!("it was not told")
        };
        assert_eq!(
            (told.error_code, &*told.reason),
            (42u32.into(), &b"enough"[..])
        );
        let error = receive.read_to_end(usize::MAX).await.unwrap_err();
        let here = ReadError::ConnectionLost(ConnectionError::LocallyClosed);
        assert_eq!(error, ReadToEndError::Read(here));

        let (mut send, mut receive) = other.open_bi().await.unwrap();
        send.write_all(b"still here").await.unwrap();
        send.finish().unwrap();
        assert_eq!(receive.read_to_end(100).await.unwrap(), b"still here");
        other.close(0u32.into(), b"");
        echoing.await;
        close(client, server).await;
    });
}

#[test]
fn a_receiver_that_is_cancelled_again_and_again_loses_nothing() {
    each(|| async {
        let (client, server) = (client(), server());
        let (near, far) = pair(&client, &server).await;
        let (mut send, mut receive) = {
            let mut send = near.open_uni().await.unwrap();
            send.write_all(b"!").await.unwrap();
            (send, far.accept_uni().await.unwrap())
        };
        let caught = Arc::new(Event::new());
        let has_caught = Arc::clone(&caught);
        let (begun, has_begun) = oneshot::channel();
        let chunks = Arc::new(Queue::new(0));
        let has_come = Arc::clone(&chunks);
        let receiving = spawn(async move {
            let mut buf = vec![0; 10_000];
            receive.read_exact(&mut buf[..1]).await.unwrap();
            begun.send(()).unwrap();
            loop {
                match catch(receive.read(&mut buf)).await {
                    Ok(count) => {
                        let Ok(Some(count)) = count else { return };
                        has_come.try_put(buf[..count].to_vec()).unwrap();
                    }
                    Err(_cancelled) => has_caught.set(),
                }
            }
        });
        has_begun.await.unwrap();
        while !caught.is_set() {
            receiving.cancel();
            yield_now().await;
        }
        let sending = spawn(async move {
            send.write_all(&megabyte(3)).await.unwrap();
            send
        });
        let mut received = Vec::new();
        while received.len() < 1_000_000 {
            receiving.cancel();
            yield_now().await;
            while let Ok(chunk) = chunks.try_get() {
                received.extend_from_slice(&chunk);
            }
        }
        assert!(received == megabyte(3));
        drop(sending.await);
        close(client, server).await;
    });
}

#[test]
fn an_endpoint_moves_to_another_socket_in_the_middle() {
    each(|| async {
        let (client, server) = (client(), server());
        let (near, far) = pair(&client, &server).await;
        let before = far.remote_address();
        let echoing = spawn(echo(far.clone()));
        let (mut send, mut receive) = near.open_bi().await.unwrap();
        let sending = spawn(async move {
            send.write_all(&megabyte(1)).await.unwrap();
            send.write_all(&megabyte(2)).await.unwrap();
            send.finish().unwrap();
        });
        let mut first = vec![0; 1_000_000];
        receive.read_exact(&mut first).await.unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        client.rebind(socket).unwrap();
        let second = receive.read_to_end(2_000_000).await.unwrap();
        assert!(first == megabyte(1) && second == megabyte(2));
        assert_ne!(far.remote_address(), before);
        sending.await;
        near.close(0u32.into(), b"");
        echoing.await;
        close(client, server).await;
    });
}

/// quinn's clock and its timers are those of the runtime.
#[test]
fn an_idle_connection_ends_in_virtual_time() {
    // That of quinn, unless it is told another one.
    let limit = Duration::from_secs(30);
    for workers in [1, 2, 8] {
        let really_began = Instant::now();
        let builder = Runtime::builder().workers(workers).start_paused(true);
        builder.build().unwrap().block_on(async {
            let (client, server) = (client(), server());
            let addr = server.local_addr().unwrap();
            let accepting = spawn(async move {
                let connection = server.accept().await.unwrap().await.unwrap();
                connection.closed().await
            });
            let connecting = client.connect(addr, "localhost").unwrap();
            let connection = connecting.await.unwrap();
            let began = Handle::current().time();
            assert_eq!(connection.closed().await, ConnectionError::TimedOut);
            // The last packet may have come a jump of the clock before this look at it.
            assert!(Handle::current().time() - began > limit / 2);
            assert_eq!(accepting.await, ConnectionError::TimedOut);
        });
        assert!(really_began.elapsed() < limit);
    }
}

#[test]
fn another_runtime_awaits_what_runs_on_this_one() {
    each(|| async {
        let server = server();
        let addr = server.local_addr().unwrap();
        let runtime = QuinnRuntime::from(Handle::current());
        let opening = std::thread::spawn(move || {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let config = quinn::EndpointConfig::default();
            let client = quinn::Endpoint::new(config, None, socket, Arc::new(runtime)).unwrap();
            let connecting = client.connect_with(client_config(), addr, "localhost");
            let connection = Runtime::new()
                .unwrap()
                .block_on(connecting.unwrap())
                .unwrap();
            connection.close(3u32.into(), b"");
            client
        });
        let connection = server.accept().await.unwrap().await.unwrap();
        let ConnectionError::ApplicationClosed(told) = connection.closed().await else {
            panic!("it was not told")
        };
        assert_eq!(told.error_code, 3u32.into());
        close(opening.join().unwrap(), server).await;
    });
}

#[test]
fn a_runtime_ends_with_connections_open_and_frees_the_port() {
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let (server, kept) = runtime.block_on(async {
            let (client, server) = (client(), server());
            let (near, far) = pair(&client, &server).await;
            spawn(async move {
                let mut send = far.open_uni().await.unwrap();
                loop {
                    send.write_all(&megabyte(1)).await.unwrap();
                }
            })
            .detach();
            let mut receive = near.accept_uni().await.unwrap();
            let mut some = vec![0; 500_000];
            receive.read_exact(&mut some).await.unwrap();
            (server, (client, near, receive))
        });
        let addr = server.local_addr().unwrap();
        runtime.close().unwrap();
        drop((server, kept));
        let again = Runtime::builder().workers(workers).build().unwrap();
        again.block_on(async {
            endpoint(Some(server_config()), addr);
        });
    }
}

#[test]
#[should_panic(expected = "no weftwork runtime")]
fn outside_of_a_runtime_it_says_so() {
    let _ = QuinnRuntime::current();
}
