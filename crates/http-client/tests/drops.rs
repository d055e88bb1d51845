//! Requests that are cancelled or dropped at any point: no place is lost, no connection stays.

mod common;

use common::{Peer, each, echo, text};
use futures::future::FutureExt;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, poll};
use std::cell::Cell;
use weftwork::testing::{Cut, sweep, sweep_drops};
use weftwork::yield_now;
use weftwork_http::Client;

/// As many requests at the same time as the client allows, and one more that waits.
async fn has_all_places(client: &Client, peer: &Peer, limit: usize) {
    let gets = (0..=limit).map(|_| async {
        let response = client.get(peer.url("/all")).send().await.unwrap();
        assert!(response.bytes().await.unwrap().len() >= 4);
    });
    gets.collect::<FuturesUnordered<_>>()
        .collect::<Vec<_>>()
        .await;
}

#[test]
fn a_request_can_end_at_each_of_its_awaits() {
    let points = Cell::new((0, 0));
    each(|| async {
        let peer = Peer::start(echo).await;
        let client = Client::builder().limit(1).build();
        let run = async |cut: &Cut| {
            let (asking, url) = (client.clone(), peer.url("/swept"));
            let _ = cut
                .run(async move {
                    let response = asking.get(url).body("body").send().await.unwrap();
                    response.text().await.unwrap()
                })
                .await;
            has_all_places(&client, &peer, 1).await;
        };
        let (cancels, drops) = points.get();
        let cancels = cancels + sweep(run).await.points();
        points.set((cancels, drops + sweep_drops(run).await.points()));
        peer.close().await;
    });
    // On several threads the peer's answer may be there before it is waited for.
    assert!(points.get().0 > 0 && points.get().1 > 0);
}

/// A thousand requests, each dropped after so many polls: while it waits, sends, or reads.
#[test]
fn a_thousand_requests_are_given_up() {
    each(|| async {
        // More than one piece.
        let peer = Peer::start(|_| async { text(vec![b'x'; 100_000]) }).await;
        let client = Client::builder().limit(3).build();
        let whole = async || {
            let response = client.get(peer.url("/")).send().await.unwrap();
            response.bytes().await.unwrap();
        };
        let mut others = Vec::new();
        for round in 0..250 {
            let mut get = whole().boxed_local();
            for _ in 0..round % 9 {
                if poll!(&mut get).is_ready() {
                    get = whole().boxed_local();
                }
                yield_now().await;
            }
            // Some stay for a while, so that the next ones wait.
            others.push(get);
            if others.len() > 4 {
                drop(others.remove(round % 5));
            }
        }
        drop(others);
        has_all_places(&client, &peer, 3).await;
        drop(client);
        peer.connections.until(0).await;
        peer.close().await;
    });
}
