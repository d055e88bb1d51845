//! The same hyper service on the runtimes.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use weftwork_hyper::HyperIo;

use super::accept;
use super::service::HELLO;

pub(super) fn on_weftwork(listener: TcpListener, workers: usize) -> io::Result<()> {
    accept::on_weftwork(listener, workers, 0, |stream| serve(HyperIo(stream)))
}

pub(super) fn on_tokio(listener: TcpListener, workers: usize) -> io::Result<()> {
    accept::on_tokio(listener, workers, 0, |stream| serve(TokioIo::new(stream)))
}

/// Through weftwork's adapter, which is for any stream of futures-io.
pub(super) fn on_smol(listener: TcpListener) -> io::Result<()> {
    accept::on_smol(listener, 0, |stream| serve(HyperIo(stream)))
}

async fn serve(io: impl Read + Write + Unpin) {
    let serving = http1::Builder::new().serve_connection(io, service_fn(hello));
    // An error means that the client is gone, who says what it misses.
    drop(serving.await);
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(HELLO))))
}
