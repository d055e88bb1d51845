//! The redis crate over weftwork's streams, against a real server that is killed in the middle.
//!
//! Without a `redis-server` the tests say so and are skipped; `.ci/run` installs it, and takes
//! its lack for a failure.

use futures::StreamExt;
use futures::future::{BoxFuture, join};
use redis::{AsyncCommands, AsyncConnectionConfig, Direction, PushInfo, PushKind, RedisResult};
use std::collections::BTreeSet;
use std::future::Future;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use weftwork::sync::{CancellationToken, Queue};
use weftwork::{Runtime, gather, run_local, sleep, spawn, spawn_blocking, timeout};
use weftwork_examples::redis::{Consumer, RedisServer, connect, connect_with};
use weftwork_tokio::tokio_context;

/// More than anything here takes, also on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// True where a peer that is not installed is a failure.
fn is_required() -> bool {
    std::env::var_os("WEFTWORK_PEERS").is_some_and(|value| value == "required")
}

/// On 1, 2 and 8 workers and on one local thread, each with a server of its own.
fn each<F: Future<Output = ()>>(body: impl Fn(RedisServer) -> F) {
    let server = || match RedisServer::start_own() {
        Ok(server) => Some(server),
        Err(error) if error.kind() == ErrorKind::NotFound && !is_required() => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    };
    for workers in [1, 2, 8] {
        let Some(server) = server() else { return };
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(async { timeout(LONG, body(server)).await.unwrap() });
        runtime.close().unwrap();
    }
    let Some(server) = server() else { return };
    run_local(async { timeout(LONG, body(server)).await.unwrap() });
}

/// Waits until a condition holds.
async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    while !condition().await {
        sleep(Duration::from_millis(2)).await;
    }
}

/// How many clients wait in a blocking command.
async fn blocked(url: &str) -> usize {
    let mut redis = connect(url).await.unwrap();
    let mut info = redis::cmd("INFO");
    let info: String = info.arg("clients").query_async(&mut *redis).await.unwrap();
    let mut lines = info.lines();
    let line = lines.find_map(|line| line.strip_prefix("blocked_clients:"));
    line.unwrap().parse().unwrap()
}

#[test]
fn pipelines_keep_their_order_and_tell_errors_apart() {
    each(|server| async move {
        let mut redis = connect(server.url()).await.unwrap();
        let mut pipeline = redis::pipe();
        for n in 0..1000 {
            pipeline.rpush("list", n).ignore();
        }
        pipeline.lrange("list", 0, -1);
        let (list,): (Vec<u32>,) = pipeline.query_async(&mut *redis).await.unwrap();
        assert!(list.into_iter().eq(0..1000));

        let wrong: RedisResult<u32> = redis.incr("list", 1).await;
        assert_eq!(wrong.unwrap_err().code(), Some("WRONGTYPE"));
        let big = "x".repeat(3_000_000);
        let _: () = redis.set("big", &big).await.unwrap();
        let back: String = redis.get("big").await.unwrap();
        assert!(back == big);
    });
}

#[test]
fn a_hundred_clients_of_their_own_and_a_hundred_on_one_connection() {
    each(|server| async move {
        let mut shared = connect(server.url()).await.unwrap();
        gather((0..200).map(|n| {
            let (url, shared) = (server.url().to_owned(), shared.clone());
            async move {
                let own = connect(&url).await.unwrap();
                let mut redis = if n < 100 { own.clone() } else { shared };
                for round in 0..20 {
                    let _: () = redis.set(n, round).await.unwrap();
                    let back: u32 = redis.get(n).await.unwrap();
                    assert_eq!(back, round);
                    let _: () = redis.incr("count", 1).await.unwrap();
                }
            }
        }))
        .await;
        let count: u32 = shared.get("count").await.unwrap();
        assert_eq!(count, 4000);
    });
}

/// The redis crate opens its connections itself, and tokio drives them.
#[test]
fn the_crates_own_connections_work_in_a_context_of_tokio() {
    each(|server| async move {
        let client = redis::Client::open(server.url()).unwrap();
        tokio_context(async {
            let mut listener = client.get_async_pubsub().await.unwrap();
            listener.subscribe("news").await.unwrap();
            let no_limit = AsyncConnectionConfig::new()
                .set_connection_timeout(None)
                .set_response_timeout(None);
            let redis = client.get_multiplexed_async_connection_with_config(&no_limit);
            let redis = redis.await.unwrap();
            gather((0..100_u32).map(|n| {
                let mut redis = redis.clone();
                // What is spawned is not in the context by itself.
                tokio_context(async move {
                    let _: () = redis.set(n, n).await.unwrap();
                    let back: u32 = redis.get(n).await.unwrap();
                    assert_eq!(back, n);
                    let listeners: u32 = redis.publish("news", n).await.unwrap();
                    assert_eq!(listeners, 1);
                })
            }))
            .await;
            let news = listener.on_message().take(100);
            let heard: BTreeSet<u32> = news
                .map(|news| news.get_payload::<u32>().unwrap())
                .collect()
                .await;
            assert!(heard.into_iter().eq(0..100));
        })
        .await;
    });
}

#[test]
fn what_is_published_comes_in_order() {
    each(|server| async move {
        let heard = Arc::new(Queue::new(0));
        let pushes = Arc::clone(&heard);
        let config = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
            pushes.try_put(push).map_err(|_| redis::aio::SendError)
        });
        let url = format!("{}?protocol=resp3", server.url());
        let mut listener = connect_with(&url, config).await.unwrap();
        listener.subscribe("news").await.unwrap();
        assert_eq!(heard.get().await.unwrap().kind, PushKind::Subscribe);

        let mut speaker = connect(server.url()).await.unwrap();
        for n in 0..100 {
            let listeners: u32 = speaker.publish("news", n).await.unwrap();
            assert_eq!(listeners, 1);
        }
        for n in 0..100_u32 {
            let push = heard.get().await.unwrap();
            assert_eq!(push.kind, PushKind::Message);
            let number: u32 = redis::from_redis_value_ref(&push.data[1]).unwrap();
            assert_eq!(number, n);
        }
        // What is closed here is closed there.
        drop(listener);
        until(|| async {
            let mut speaker = speaker.clone();
            let listeners: u32 = speaker.publish("news", 0).await.unwrap();
            listeners == 0
        })
        .await;
    });
}

#[test]
fn a_pop_that_was_dropped_stays_on_the_server_until_its_connection_goes() {
    each(|server| async move {
        let url = server.url();
        let mut redis = connect(url).await.unwrap();
        let pops = connect(url).await.unwrap();
        let mut pop = pops.clone();
        let pop = spawn(async move {
            let (from, to) = (Direction::Right, Direction::Left);
            let popped: RedisResult<String> = pop.blmove("from", "to", from, to, 0.0).await;
            popped
        });
        until(|| async { blocked(url).await == 1 }).await;
        pop.cancel();
        assert!(pop.outcome().await.unwrap_err().is_cancelled());
        // Nobody waits for it any more, and it takes what comes all the same.
        let _: usize = redis.lpush("from", "message").await.unwrap();
        let taken: Vec<String> = redis.lrange("to", 0, -1).await.unwrap();
        assert_eq!(taken, ["message"]);

        let mut pop = pops.clone();
        let popping = async {
            let (from, to) = (Direction::Right, Direction::Left);
            let popped: RedisResult<String> = pop.blmove("from", "to", from, to, 0.0).await;
            assert!(popped.unwrap_err().is_connection_dropped());
        };
        let dropping = async {
            until(|| async { blocked(url).await == 1 }).await;
            drop(pops);
        };
        join(popping, dropping).await;
        until(|| async { blocked(url).await == 0 }).await;
    });
}

/// What consumers have done.
#[derive(Clone, Default)]
struct Done(Arc<Mutex<Vec<u32>>>);

impl Done {
    fn list(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }

    fn set(&self) -> BTreeSet<u32> {
        self.list().into_iter().collect()
    }

    /// Work that adds each message after a moment.
    fn work(&self) -> impl Fn(Vec<u8>) -> BoxFuture<'static, ()> + Send + use<> {
        let done = Arc::clone(&self.0);
        move |message| {
            let done = Arc::clone(&done);
            Box::pin(async move {
                sleep(Duration::from_millis(1)).await;
                let number = String::from_utf8_lossy(&message).parse().unwrap();
                done.lock().unwrap().push(number);
            })
        }
    }
}

/// How many messages are in the lists of a consumer.
async fn left(url: &str, consumer: &Consumer) -> (usize, usize) {
    let mut redis = connect(url).await.unwrap();
    let queue = redis.llen("queue").await.unwrap();
    (queue, redis.llen(consumer.processing()).await.unwrap())
}

/// Pushes numbers until it is stopped, and gives those that the server has acknowledged.
async fn produce(url: String, stop: CancellationToken) -> BTreeSet<u32> {
    let mut acknowledged = BTreeSet::new();
    let mut redis = None;
    for number in 0.. {
        if stop.is_cancelled() {
            break;
        }
        if redis.is_none() {
            redis = connect(&url).await.ok();
        }
        let Some(connection) = &mut redis else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        let pushed: RedisResult<usize> = connection.lpush("queue", number).await;
        match pushed {
            Ok(_) => drop(acknowledged.insert(number)),
            Err(_) => redis = None,
        }
    }
    acknowledged
}

#[test]
fn a_server_that_is_killed_and_started_again_loses_nothing_acknowledged() {
    each(|mut server| async move {
        let url = server.url().to_owned();
        let consumer = Arc::new(Consumer::new(&url, "queue", "one"));
        let (done, stop) = (Done::default(), CancellationToken::new());
        let consuming = spawn({
            let (consumer, stop, work) = (Arc::clone(&consumer), stop.clone(), done.work());
            async move { consumer.run(&stop, work).await }
        });
        let enough = CancellationToken::new();
        let producing = spawn(produce(url.clone(), enough.clone()));
        let fifty_more = || async {
            let seen = done.set().len();
            until(|| async { done.set().len() > seen + 50 }).await;
        };
        for kill in 1..=3 {
            fifty_more().await;
            server = spawn_blocking(move || {
                server.kill().unwrap();
                std::thread::sleep(Duration::from_millis(30 * kill));
                server.restart().unwrap();
                server
            })
            .await;
        }
        fifty_more().await;
        enough.cancel();
        let acknowledged = producing.await;
        until(|| async { done.set().is_superset(&acknowledged) }).await;
        stop.cancel();
        consuming.await.unwrap();
        assert_eq!(left(&url, &consumer).await, (0, 0));
    });
}

#[test]
fn consumers_that_end_in_the_middle_leave_their_messages_to_the_next_one() {
    each(|server| async move {
        let url = server.url();
        let mut redis = connect(url).await.unwrap();
        let consumer = Consumer::new(url, "queue", "one");
        let done = Done::default();
        for round in 0..40_u32 {
            let two = [2 * round, 2 * round + 1];
            let _: usize = redis.lpush("queue", &two[..]).await.unwrap();
            // It is ended while it connects, pops, works, acknowledges.
            let limit = Duration::from_millis((round % 8).into());
            let stop = CancellationToken::new();
            let run = timeout(limit, consumer.run(&stop, done.work())).await;
            assert!(run.is_err());
        }
        let stop = CancellationToken::new();
        let finish = async {
            until(|| async { done.set().len() == 80 }).await;
            stop.cancel();
        };
        join(consumer.run(&stop, done.work()), finish)
            .await
            .0
            .unwrap();
        assert!(done.set().into_iter().eq(0..80));
        assert_eq!(left(url, &consumer).await, (0, 0));
    });
}

#[test]
fn equal_messages_are_as_many_works() {
    each(|server| async move {
        let url = server.url();
        let mut redis = connect(url).await.unwrap();
        let consumer = Consumer::new(url, "queue", "one");
        // Three from a consumer that crashed, three that are new.
        let of_old = consumer.processing();
        let _: usize = redis.lpush(of_old, &[7; 3][..]).await.unwrap();
        let _: usize = redis.lpush("queue", &[7; 3][..]).await.unwrap();
        let (done, stop) = (Done::default(), CancellationToken::new());
        let finish = async {
            until(|| async { done.list().len() == 6 }).await;
            stop.cancel();
        };
        join(consumer.run(&stop, done.work()), finish)
            .await
            .0
            .unwrap();
        assert_eq!(done.list(), [7; 6]);
        assert_eq!(left(url, &consumer).await, (0, 0));
    });
}

#[test]
fn what_another_attempt_would_not_mend_is_an_error() {
    each(|mut server| async move {
        let url = server.url().to_owned();
        let mut redis = connect(&url).await.unwrap();
        let consumer = Consumer::new(&url, "queue", "one");
        let stop = CancellationToken::new();
        let run = || consumer.run(&stop, |_| async { unreachable!("there is no message") });
        let _: () = redis.set("queue", "no list").await.unwrap();
        assert_eq!(run().await.unwrap_err().code(), Some("WRONGTYPE"));

        // Stopped while there is no server: it need not come back.
        server.kill().unwrap();
        let stopping = async {
            sleep(Duration::from_millis(50)).await;
            stop.cancel();
        };
        assert!(join(run(), stopping).await.0.unwrap_err().is_io_error());

        let error = connect("http://127.0.0.1:1").await.unwrap_err();
        assert_eq!(error.kind(), redis::ErrorKind::InvalidClientConfig);
    });
}
