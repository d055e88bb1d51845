//! The client against Python's http.server, a Router of axum, and servers with TLS.

#![allow(clippy::print_stderr, reason = "what is skipped is said")]

mod common;

use axum::Router;
use axum::extract::Path;
use axum::response::Redirect;
use axum::routing::get;
use common::{HERE, each, echo};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use rcgen::generate_simple_self_signed;
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use weftwork::net::{TcpStream, start_server};
use weftwork::{buffered, gather, spawn_blocking};
use weftwork_http::{Client, Connector, ErrorKind};
use weftwork_hyper::HyperIo;
use weftwork_hyper::futures_rustls::TlsAcceptor;
use weftwork_hyper::futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Ends a process, also when the test fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves this folder, and says where; none if Python is not installed, which `.ci/run` takes for
/// a failure.
fn python_server() -> Option<(Process, SocketAddr)> {
    let mut python = Command::new("python3");
    python.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]);
    let python = python.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(child) = python else {
        let is_required =
            std::env::var_os("WEFTWORK_PEERS").is_some_and(|value| value == "required");
        assert!(!is_required, "python3 is not installed");
        eprintln!("skipped: python3 is not installed");
        return None;
    };
    let mut process = Process(child);
    let mut line = String::new();
    let mut told = BufReader::new(process.0.stdout.take().unwrap());
    told.read_line(&mut line).unwrap();
    let (_, port) = line.split_once(" port ").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    // Whatever else it says goes nowhere.
    std::thread::spawn(move || told.lines().for_each(drop));
    let addr = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    Some((process, addr))
}

#[test]
fn files_come_from_python() {
    each(|| async {
        let Some((_process, addr)) = spawn_blocking(python_server).await else {
            return;
        };
        let manifest = std::fs::read("Cargo.toml").unwrap();
        let client = Client::builder().limit_per_host(4).build();
        let gets = buffered(
            (0..40).map(|_| {
                let client = client.clone();
                async move {
                    let url = format!("http://{addr}/Cargo.toml");
                    let response = client.get(url).send().await.unwrap();
                    response.error_for_status().unwrap().bytes().await.unwrap()
                }
            }),
            10,
        );
        for file in gets.await {
            assert!(file == manifest);
        }
        // It redirects to the folder, and lists it.
        let response = client
            .get(format!("http://{addr}/src"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.url().path(), "/src/");
        assert!(response.text().await.unwrap().contains("client.rs"));
        let response = client
            .get(format!("http://{addr}/none"))
            .send()
            .await
            .unwrap();
        let error = response.error_for_status().unwrap_err();
        assert_eq!(error.status().unwrap(), 404);
    });
}

#[test]
fn a_router_of_axum_is_asked() {
    each(|| async {
        let router = Router::new()
            .route(
                "/hello/{name}",
                get(async |Path(name): Path<String>| format!("hello {name}")),
            )
            .route(
                "/old/{name}",
                get(async |Path(name): Path<String>| {
                    Redirect::permanent(&format!("../hello/{name}"))
                }),
            );
        let server = start_server(HERE, move |stream: TcpStream, _: SocketAddr| {
            let service = TowerToHyperService::new(router.clone());
            async move {
                http1::Builder::new()
                    .serve_connection(HyperIo(stream), service)
                    .await
            }
        });
        let server = server.await.unwrap();
        let addr = server.local_addr();
        let client = Client::new();
        gather((0..50).map(|n| {
            let client = client.clone();
            async move {
                let path = if n % 2 == 0 { "hello" } else { "old" };
                let response = client
                    .get(format!("http://{addr}/{path}/ü {n}"))
                    .send()
                    .await;
                let text = response.unwrap().text().await.unwrap();
                assert_eq!(text, format!("hello ü {n}"));
            }
        }))
        .await;
        drop(client);
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn https_goes_to_those_who_are_trusted() {
    let identity = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = identity.cert.der().clone();
    let key = identity.signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots);
    let trusting = Connector::new().with_tls(Arc::new(config.with_no_client_auth()));
    let distrustful = Connector::new().with_tls(common::no_trust());
    each(|| async {
        let acceptor = acceptor.clone();
        let handler = move |stream: TcpStream, _: SocketAddr| {
            let acceptor = acceptor.clone();
            async move {
                // A client that does not trust us goes away.
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(async |request| Ok::<_, Infallible>(echo(request).await));
                let http = http1::Builder::new();
                // How the client ends the connection is not the matter here.
                let _ = http.serve_connection(HyperIo(stream), service).await;
            }
        };
        let server = start_server(HERE, handler).await.unwrap();
        let url = format!("https://localhost:{}/", server.local_addr().port());
        let client = Client::builder()
            .connector(trusting.clone())
            .limit(2)
            .build();
        gather((1..10).map(|n| {
            let (client, url) = (client.clone(), url.clone());
            async move {
                let sent = vec![b'x'; n * 50_000];
                let response = client.post(url).body(sent.clone()).send().await.unwrap();
                assert!(response.bytes().await.unwrap() == sent);
            }
        }))
        .await;
        let client = Client::builder().connector(distrustful.clone()).build();
        let error = client.get(&url).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(
            error.to_string().contains("no TLS with localhost"),
            "{error}"
        );
        server.close();
        server.abort_clients();
        server.wait_closed().await;
    });
}
