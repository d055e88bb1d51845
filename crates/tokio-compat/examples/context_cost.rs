//! What a context of tokio costs: a poll in it, and a round trip over a socket of tokio.
//!
//! ```sh
//! cargo run --release -p weftwork-tokio --features context --example context_cost
//! ```
//!
//! Times are of five rounds the median. To count instructions instead, run one row with two numbers,
//! for example `context_cost context 200000` and `context_cost context 100000`, under
//! `valgrind --tool=callgrind`, and divide the difference of what was `Collected`.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use weftwork::spawn;
use weftwork_tokio::{TokioIo, tokio_context};

/// Its name, what it does so many times, and how often that is when time is taken.
type Row = (&'static str, fn(u32), u32);

const ROWS: [Row; 6] = [
    ("bare", bare, 2_000_000),
    ("context", context, 2_000_000),
    ("nested", nested, 2_000_000),
    ("weftwork", weftwork_trips, 20_000),
    ("tokio-in-weftwork", tokio_in_weftwork_trips, 20_000),
    ("tokio", tokio_trips, 20_000),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [name, count] = &args[..] {
        let row = ROWS.iter().find(|row| row.0 == name);
        let (_, run, _) =
            row.expect("a row: bare, context, nested, weftwork, tokio-in-weftwork or tokio");
        run(count.parse().expect("how often"));
        return;
    }
    for (name, run, count) in ROWS {
        let mut times: Vec<Duration> = (0..5).map(|_| time(run, count)).collect();
        times.sort();
        let nanos = times[2].as_nanos() as f64 / f64::from(count);
        println!("{name:18} {nanos:10.1} ns");
    }
}

fn time(run: fn(u32), count: u32) -> Duration {
    let began = Instant::now();
    run(count);
    began.elapsed()
}

/// Polls a future that does nothing.
fn poll(count: u32, mut future: Pin<&mut impl Future<Output = ()>>) {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..count {
        assert!(
            std::hint::black_box(&mut future)
                .as_mut()
                .poll(&mut cx)
                .is_pending()
        );
    }
}

fn bare(count: u32) {
    poll(count, pin!(poll_fn(|_| Poll::Pending)));
}

fn context(count: u32) {
    poll(count, pin!(tokio_context(poll_fn(|_| Poll::Pending))));
}

fn nested(count: u32) {
    let inner = tokio_context(poll_fn(|_| Poll::Pending));
    poll(count, pin!(tokio_context(inner)));
}

/// Sends bytes and has them back, again and again.
async fn client(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, count: u32) {
    let mut buf = [7; 64];
    for _ in 0..count {
        stream.write_all(&buf).await.unwrap();
        stream.read_exact(&mut buf).await.unwrap();
    }
    stream.shutdown().await.unwrap();
}

async fn server(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
    let mut buf = [0; 64];
    while stream.read_exact(&mut buf).await.is_ok() {
        stream.write_all(&buf).await.unwrap();
    }
}

const HERE: &str = "127.0.0.1:0";

fn weftwork_trips(count: u32) {
    use weftwork::net::{TcpListener, TcpStream};
    let runtime = weftwork::Runtime::builder().workers(2).build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(HERE).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let far = listener.accept().await.unwrap().0;
        let serving = spawn(server(TokioIo(far)));
        spawn(client(TokioIo(near), count)).await;
        serving.await;
    });
}

/// The two ends of a connection of tokio.
async fn tokio_pair() -> (tokio::net::TcpStream, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind(HERE).await.unwrap();
    let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    (near, listener.accept().await.unwrap().0)
}

fn tokio_in_weftwork_trips(count: u32) {
    let runtime = weftwork::Runtime::builder().workers(2).build().unwrap();
    runtime.block_on(async {
        let (near, far) = tokio_context(tokio_pair()).await;
        let serving = spawn(tokio_context(server(far)));
        spawn(tokio_context(client(near, count))).await;
        serving.await;
    });
}

fn tokio_trips(count: u32) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (near, far) = tokio_pair().await;
        let serving = tokio::spawn(server(far));
        tokio::spawn(client(near, count)).await.unwrap();
        serving.await.unwrap();
    });
}
