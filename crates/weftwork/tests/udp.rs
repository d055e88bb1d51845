//! UDP sockets.

mod common;

use common::{each, settle};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::Arc;
use weftwork::net::UdpSocket;
use weftwork::{gather, spawn};

const HERE: &str = "127.0.0.1:0";

async fn bind() -> UdpSocket {
    UdpSocket::bind(HERE).await.unwrap()
}

#[test]
fn datagrams_keep_their_bounds_and_say_where_they_are_from() {
    each(|| async {
        let (one, other) = (bind().await, bind().await);
        let (from, to) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        for sent in [&b"first"[..], b"", b"third"] {
            assert_eq!(one.send_to(sent, to).await.unwrap(), sent.len());
        }
        let mut buf = [0; 64];
        assert_eq!(other.peek_from(&mut buf).await.unwrap(), (5, from));
        assert_eq!(other.recv_from(&mut buf).await.unwrap(), (5, from));
        assert_eq!(&buf[..5], b"first");
        assert_eq!(other.recv_from(&mut buf).await.unwrap(), (0, from));
        // A short buffer cuts; a short datagram does not end anything.
        assert_eq!(other.recv_from(&mut buf[..2]).await.unwrap(), (2, from));
        assert_eq!(&buf[..2], b"th");
        let nothing = other.try_recv_from(&mut buf).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    each(|| async {
        let (one, other, stranger) = (bind().await, bind().await, bind().await);
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        one.connect(other.local_addr().unwrap()).await.unwrap();
        other.connect(one.local_addr().unwrap()).await.unwrap();
        let to = one.local_addr().unwrap();
        stranger.send_to(b"strange", to).await.unwrap();
        other.send(b"known").await.unwrap();
        let mut buf = [0; 64];
        assert_eq!(one.peek(&mut buf).await.unwrap(), 5);
        assert_eq!(one.recv(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf[..5], b"known");
        // The peer is gone: an error that ends nothing.
        let addr = other.local_addr().unwrap();
        drop(other);
        one.send(b"lost").await.unwrap();
        let refused = one.recv(&mut buf).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let other = UdpSocket::bind(addr).await.unwrap();
        other.send_to(b"again", to).await.unwrap();
        assert_eq!(one.recv(&mut buf).await.unwrap(), 5);
    });
}

#[test]
fn a_cancelled_receive_takes_nothing() {
    each(|| async {
        let (one, other) = (bind().await, Arc::new(bind().await));
        let to = other.local_addr().unwrap();
        for round in 0..100_u8 {
            let receiving = spawn({
                let other = Arc::clone(&other);
                async move {
                    let mut buf = [0; 8];
                    other.recv_from(&mut buf).await.unwrap();
                    buf[0]
                }
            });
            if round % 2 == 0 {
                weftwork::yield_now().await;
            }
            receiving.cancel();
            one.send_to(&[round], to).await.unwrap();
            let came = match receiving.outcome().await {
                Ok(came) => came,
                Err(_) => {
                    let mut buf = [0; 8];
                    other.recv_from(&mut buf).await.unwrap();
                    buf[0]
                }
            };
            assert_eq!(came, round);
        }
    });
}

#[test]
fn many_receive_on_one_socket() {
    each(|| async {
        let (one, other) = (bind().await, Arc::new(bind().await));
        let to = other.local_addr().unwrap();
        let receiving: Vec<_> = (0..50)
            .map(|_| {
                let other = Arc::clone(&other);
                spawn(async move {
                    let mut buf = [0; 8];
                    let came = std::future::poll_fn(|cx| other.poll_recv_from(cx, &mut buf));
                    came.await.unwrap();
                    buf[0]
                })
            })
            .collect();
        settle().await;
        for n in 0..50 {
            one.send_to(&[n], to).await.unwrap();
        }
        let mut came = gather(receiving).await;
        came.sort_unstable();
        assert_eq!(came, Vec::from_iter(0..50));
    });
}

#[test]
fn readiness_and_options() {
    each(|| async {
        let (one, other) = (bind().await, bind().await);
        one.writable().await.unwrap();
        let to = other.local_addr().unwrap();
        assert_eq!(one.try_send_to(b"x", to).unwrap(), 1);
        other.readable().await.unwrap();
        let mut buf = [0; 8];
        while other.try_recv_from(&mut buf).is_err() {
            other.readable().await.unwrap();
        }
        assert!(!one.broadcast().unwrap());
        one.set_broadcast(true).unwrap();
        assert!(one.broadcast().unwrap());
        one.set_ttl(9).unwrap();
        assert_eq!(one.ttl().unwrap(), 9);
        one.set_multicast_ttl_v4(3).unwrap();
        assert_eq!(one.multicast_ttl_v4().unwrap(), 3);
        one.set_multicast_loop_v4(false).unwrap();
        assert!(!one.multicast_loop_v4().unwrap());
        let taken = UdpSocket::bind(to).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_group_is_heard_by_its_members() {
    const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 77);
    each(|| async {
        let member = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let port = member.local_addr().unwrap().port();
        if let Err(error) = member.join_multicast_v4(GROUP, Ipv4Addr::LOCALHOST) {
            eprintln!("skipped: no multicast here: {error}");
            return;
        }
        let sender = bind().await;
        let sent = sender.send_to(b"all", (GROUP, port).into()).await;
        if let Err(error) = sent {
            eprintln!("skipped: no route for multicast here: {error}");
            return;
        }
        let mut buf = [0; 8];
        let received = weftwork::timeout(common::ms(5000), member.recv_from(&mut buf)).await;
        let Ok(received) = received else {
            eprintln!("skipped: multicast does not come round here");
            return;
        };
        assert_eq!(received.unwrap().0, 3);
        member
            .leave_multicast_v4(GROUP, Ipv4Addr::LOCALHOST)
            .unwrap();
    });
}
