//! Servers on weftwork, under the load of wrk, and with an axum Router.

mod common;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use common::{HERE, close, curl_command, each, has, http_server, output};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::process::Command;
use weftwork::gather;
use weftwork::net::{Server, TcpStream, start_server};
use weftwork_hyper::{Connector, HyperExecutor, HyperIo, HyperTimer};

async fn axum_server() -> Server {
    let router = Router::new()
        .route(
            "/hello/{name}",
            get(async |Path(name): Path<String>| format!("hello {name}\n")),
        )
        .route("/length", post(async |body: Bytes| body.len().to_string()));
    let handler = move |stream: TcpStream, _: SocketAddr| {
        let service = TowerToHyperService::new(router.clone());
        async move {
            let mut builder = auto::Builder::new(HyperExecutor);
            builder.http1().timer(HyperTimer);
            let connection = builder.serve_connection(HyperIo(stream), service);
            connection.await.unwrap();
        }
    };
    start_server(HERE, handler).await.unwrap()
}

#[test]
fn a_router_of_axum_is_served() {
    each(|| async {
        let server = axum_server().await;
        let addr = server.local_addr();
        let client = Client::builder(HyperExecutor).build(Connector::new());
        gather((0..20).map(|n| {
            let client = client.clone();
            async move {
                let request = Request::get(format!("http://{addr}/hello/{n}"));
                let response = client.request(request.body(Full::default()).unwrap()).await;
                let body = response.unwrap().into_body().collect().await.unwrap();
                assert_eq!(body.to_bytes(), format!("hello {n}\n"));

                let sent = Full::new(Bytes::from(vec![0; n * 10_000]));
                let request = Request::post(format!("http://{addr}/length"));
                let response = client.request(request.body(sent).unwrap()).await;
                let body = response.unwrap().into_body().collect().await.unwrap();
                assert_eq!(body.to_bytes(), (n * 10_000).to_string());
            }
        }))
        .await;
        let response = client
            .get(format!("http://{addr}/else").parse().unwrap())
            .await;
        assert_eq!(response.unwrap().status(), 404);
        drop(client);
        close(server).await;
    });
}

#[test]
fn curl_asks_a_router_of_axum() {
    if !has("curl") {
        return;
    }
    each(|| async {
        let server = axum_server().await;
        let mut curl = curl_command();
        curl.arg(format!("http://{}/hello/curl", server.local_addr()));
        assert_eq!(output(curl).await.stdout, b"hello curl\n");
        close(server).await;
    });
}

/// Sixty-four connections that ask again and again, and a server that is closed after them.
#[test]
fn wrk_gets_an_answer_to_every_request() {
    if !has("wrk") {
        return;
    }
    each(|| async {
        let server = http_server().await;
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "2", "--connections", "64", "--duration", "1s"]);
        wrk.args(["--timeout", "30s"]);
        wrk.arg(format!("http://{}/wrk", server.local_addr()));
        let told = String::from_utf8(output(wrk).await.stdout).unwrap();
        // It names errors only if there are any.
        assert!(!told.contains("Socket errors"), "{told}");
        assert!(!told.contains("Non-2xx"), "{told}");
        let (_, rate) = told.split_once("Requests/sec:").unwrap();
        let rate: f64 = rate.lines().next().unwrap().trim().parse().unwrap();
        assert!(rate > 0.0, "{told}");
        close(server).await;
    });
}
