//! What the tests against real peers share.

#![allow(clippy::print_stderr, reason = "what is skipped is said")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use weftwork::net::{Server, TcpStream, start_server};
use weftwork::{Runtime, run_local, spawn_blocking, timeout};
use weftwork_hyper::HyperIo;

pub(crate) const HERE: &str = "127.0.0.1:0";

/// More than any test takes, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// On 1, 2 and 8 workers and on one local thread.
pub(crate) fn each<F: Future<Output = ()>>(body: impl Fn() -> F) {
    let limited = || async { timeout(LIMIT, body()).await.expect("the test hangs") };
    for workers in [1, 2, 8] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.block_on(limited());
        runtime.close().unwrap();
    }
    run_local(limited());
}

/// True if the tool is there. `.ci/run` installs it, and takes its lack for a failure.
pub(crate) fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok() || is_lacking(tool)
}

/// True if Python is there with this module.
pub(crate) fn has_python_with(module: &str) -> bool {
    let mut python = Command::new("python3");
    let python = python.args(["-c", &format!("import {module}")]).output();
    let has = python.is_ok_and(|output| output.status.success());
    has || is_lacking(&format!("the module {module} of Python"))
}

/// False, and says so; a failure where all peers are required.
fn is_lacking(what: &str) -> bool {
    let is_required = std::env::var_os("WEFTWORK_PEERS").is_some_and(|value| value == "required");
    assert!(!is_required, "{what} is not installed");
    eprintln!("skipped: {what} is not installed");
    false
}

/// Ends a process, also when the test fails.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Python, with a first line that says where it listens.
pub(crate) async fn python_server(args: &[&str], words: &'static str) -> (Process, SocketAddr) {
    let mut python = Command::new("python3");
    python.arg("-u").args(args).stdout(Stdio::piped());
    python.stderr(Stdio::null()).stdin(Stdio::piped());
    let started = spawn_blocking(move || {
        let mut process = Process(python.spawn().unwrap());
        let mut told = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let line = told.next().unwrap().unwrap();
        let (_, port) = line.split_once(words).unwrap();
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        // Whatever else it says goes nowhere.
        std::thread::spawn(move || told.for_each(drop));
        (
            process,
            SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
        )
    });
    started.await
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
