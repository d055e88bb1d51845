//! hyper-util's client and server on weftwork.

mod common;

use common::{HERE, answer, close, each, http_server};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Uri, Version, client};
use hyper_util::client::legacy::Client;
use hyper_util::server::conn::auto;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use weftwork::net::{Server, TcpListener, TcpStream, start_server};
use weftwork::{gather, spawn};
use weftwork_hyper::{ConnectInfo, Connector, HyperExecutor, HyperIo, HyperTimer};

fn pooled_client() -> Client<Connector, Full<Bytes>> {
    Client::builder(HyperExecutor)
        .timer(HyperTimer)
        .pool_timer(HyperTimer)
        .build(Connector::new())
}

/// The text of a response, and the address from which the request came.
async fn get(client: &Client<Connector, Full<Bytes>>, url: String) -> (String, SocketAddr) {
    let response = client.get(url.parse().unwrap()).await.unwrap();
    let info = *response.extensions().get::<ConnectInfo>().unwrap();
    assert!(url.contains(&info.peer_addr.port().to_string()));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (String::from_utf8(body.to_vec()).unwrap(), info.local_addr)
}

#[test]
fn the_pooled_client_uses_connections_again() {
    each(|| async {
        let server = http_server().await;
        let client = pooled_client();
        let mut ends = HashSet::new();
        for n in 0..30 {
            // By name: the address of the other family, if the name has one, refuses.
            let url = format!("http://localhost:{}/{n}", server.local_addr().port());
            let (text, end) = get(&client, url).await;
            assert_eq!(text, format!("/{n} with 0 bytes\n"));
            ends.insert(end);
        }
        assert!(ends.len() < 30, "each request had a connection of its own");

        let sent = Bytes::from(vec![b'x'; 300_000]);
        let url = format!("http://{}/echo", server.local_addr());
        gather((0..20).map(|_| {
            let (client, sent, url) = (client.clone(), sent.clone(), url.clone());
            async move {
                let request = Request::post(url).body(Full::new(sent.clone())).unwrap();
                let response = client.request(request).await.unwrap();
                let back = response.into_body().collect().await.unwrap().to_bytes();
                assert!(back == sent);
            }
        }))
        .await;
        // The connections that are kept are closed by the client.
        drop(client);
        close(server).await;
    });
}

async fn auto_server() -> Server {
    let handler = async |stream: TcpStream, _: SocketAddr| {
        let mut builder = auto::Builder::new(HyperExecutor);
        builder.http1().timer(HyperTimer);
        builder.http2().timer(HyperTimer);
        let service = service_fn(answer);
        let connection = builder.serve_connection(HyperIo(stream), service);
        connection.await.unwrap();
    };
    start_server(HERE, handler).await.unwrap()
}

#[test]
fn one_server_speaks_both_versions() {
    each(|| async {
        let server = auto_server().await;
        let addr = server.local_addr();
        let stream = TcpStream::connect(addr).await.unwrap();
        let (mut old, connection) = client::conn::http1::handshake(HyperIo(stream))
            .await
            .unwrap();
        let old_connection = spawn(connection);
        let request = Request::get("/old").header(HOST, addr.to_string());
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = old.send_request(request).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "/old with 0 bytes\n");

        let stream = TcpStream::connect(addr).await.unwrap();
        let builder = client::conn::http2::Builder::new(HyperExecutor);
        let (new, connection) = builder.handshake(HyperIo(stream)).await.unwrap();
        let new_connection = spawn(connection);
        // Many requests on one connection.
        gather((0..20).map(|n| {
            let mut new = new.clone();
            async move {
                let request = Request::post(format!("http://{addr}/{n}"));
                let request = request.body(Full::new(Bytes::from(vec![0; n]))).unwrap();
                let response = new.send_request(request).await.unwrap();
                assert_eq!(response.version(), Version::HTTP_2);
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(body, format!("/{n} with {n} bytes\n"));
            }
        }))
        .await;
        drop((old, new));
        old_connection.await.unwrap();
        new_connection.await.unwrap();
        close(server).await;
    });
}

#[test]
fn a_connection_that_cannot_be_had_is_an_error() {
    each(|| async {
        // Nobody listens there any more.
        let addr = TcpListener::bind(HERE).await.unwrap().local_addr().unwrap();
        let url: Uri = format!("http://{addr}/").parse().unwrap();
        let error = Connector::new().connect(&url).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = pooled_client().get(url).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    });
}

/// The time limit is for the handshake, too.
#[test]
fn a_peer_that_says_nothing_is_not_waited_for() {
    each(|| async {
        let silent = TcpListener::bind(HERE).await.unwrap();
        let url = format!("https://{}/", silent.local_addr().unwrap());
        let connector = Connector::new().timeout(Duration::from_millis(50));
        let error = connector.connect(&url.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("50ms"), "{error}");
    });
}
