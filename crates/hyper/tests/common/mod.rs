//! What the tests against real peers share.

#![allow(clippy::print_stderr, reason = "what is skipped is said")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::future::Future;
use std::net::SocketAddr;
use std::process::{Command, Output};
use weftwork::net::{Server, TcpStream, start_server};
use weftwork::{Runtime, run_local, spawn_blocking};
use weftwork_hyper::HyperIo;

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

/// True if the tool is there. `.ci/run` installs it, and takes its lack for a failure.
pub(crate) fn has(tool: &str) -> bool {
    let has = Command::new(tool).arg("--version").output().is_ok();
    if !has {
        let is_required =
            std::env::var_os("WEFTWORK_PEERS").is_some_and(|value| value == "required");
        assert!(!is_required, "{tool} is not installed");
        eprintln!("skipped: {tool} is not installed");
    }
    has
}

/// Runs a command to its end.
pub(crate) async fn output(mut command: Command) -> Output {
    let output = spawn_blocking(move || command.output().unwrap()).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    output
}

/// curl, which says nothing but what it gets and what went wrong.
pub(crate) fn curl_command() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail"]);
    curl
}

/// Gives back what it is sent, or says how much that was and where it came from.
pub(crate) async fn answer(
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(match path.as_str() {
        "/echo" => Full::from(body),
        path => Full::from(format!("{path} with {} bytes\n", body.len())),
    }))
}

pub(crate) async fn http_server() -> Server {
    let handler = async |stream: TcpStream, _: SocketAddr| {
        let service = service_fn(answer);
        let connection = http1::Builder::new().serve_connection(HyperIo(stream), service);
        connection.await
    };
    start_server(HERE, handler).await.unwrap()
}

pub(crate) async fn close(server: Server) {
    server.close();
    server.wait_closed().await;
}
