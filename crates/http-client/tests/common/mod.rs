//! A server whose connections and requests are counted.

#![allow(dead_code, reason = "each test file uses a part of it")]

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use weftwork::net::{Server, StreamReader, StreamWriter, TcpStream, start_server};
use weftwork::time::{sleep, timeout};
use weftwork::{Runtime, run_local};
use weftwork_hyper::HyperIo;
use weftwork_hyper::futures_rustls::rustls::{ClientConfig, RootCertStore};

pub(crate) const HERE: &str = "127.0.0.1:0";

/// On 1, 2 and 8 workers and on one local thread.
pub(crate) fn each<F: Future<Output = ()>>(body: impl Fn() -> F) {
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(body());
        runtime.close().unwrap();
    }
    run_local(body());
}

/// So many there are, there were at most, and there have been.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) now: AtomicUsize,
    pub(crate) most: AtomicUsize,
    pub(crate) all: AtomicUsize,
}

/// One of them.
pub(crate) struct Counted(Arc<Count>);

impl Count {
    pub(crate) fn enter(self: &Arc<Self>) -> Counted {
        let now = self.now.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(now, Relaxed);
        self.all.fetch_add(1, Relaxed);
        Counted(Arc::clone(self))
    }

    pub(crate) fn all(&self) -> usize {
        self.all.load(Relaxed)
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// Waits until there are so many.
    pub(crate) async fn until(&self, n: usize) {
        let reached = async {
            while self.now.load(Relaxed) != n {
                sleep(Duration::from_millis(1)).await;
            }
        };
        if timeout(Duration::from_secs(60), reached).await.is_err() {
            panic!("there are {:?}, not {n}", self.now);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Relaxed);
    }
}

/// A server of HTTP, and its connections.
pub(crate) struct Peer {
    pub(crate) server: Server,
    pub(crate) connections: Arc<Count>,
}

impl Peer {
    /// Answers every request with what `answer` gives.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let connections = Arc::new(Count::default());
        let count = Arc::clone(&connections);
        let handler = move |stream: TcpStream, _: SocketAddr| {
            let (counted, answer) = (count.enter(), answer.clone());
            async move {
                let service = service_fn(|request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let http = http1::Builder::new();
                // A client may break off.
                let _ = http.serve_connection(HyperIo(stream), service).await;
                drop(counted);
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        Self {
            server,
            connections,
        }
    }

    /// Every connection is served by `talk`, which is told how many there were before.
    pub(crate) async fn talking<T, F>(talk: T) -> Self
    where
        T: Fn(StreamReader, StreamWriter, usize) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let connections = Arc::new(Count::default());
        let count = Arc::clone(&connections);
        let handler = move |stream: TcpStream, _: SocketAddr| {
            let before = count.all();
            let counted = count.enter();
            let (reader, writer) = stream.into_streams().unwrap();
            let talking = talk(reader, writer, before);
            async move {
                talking.await;
                drop(counted);
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        Self {
            server,
            connections,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.local_addr())
    }

    pub(crate) async fn close(self) {
        self.server.close();
        self.server.abort_clients();
        self.server.wait_closed().await;
    }
}

/// Gives back the body, or the path.
pub(crate) async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    text(if body.is_empty() { path.into() } else { body })
}

pub(crate) fn text(body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::new(Full::new(body.into()))
}

/// TLS that trusts nobody.
pub(crate) fn no_trust() -> Arc<ClientConfig> {
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
    Arc::new(config.with_no_client_auth())
}
