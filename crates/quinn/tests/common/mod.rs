//! What the tests of QUIC share: runtimes, a pair of endpoints, and what is sent.

#![allow(dead_code, reason = "each test file uses a part of it")]

use futures::future::join;
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, RecvStream, SendStream, ServerConfig,
};
use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use weftwork::{Runtime, run_local, spawn, timeout};
use weftwork_quinn::QuinnRuntime;

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

/// Of a server, and of clients that trust it.
static CONFIGS: LazyLock<(ServerConfig, ClientConfig)> = LazyLock::new(|| {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let certificate = identity.cert.der().clone();
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate.clone()).unwrap();
    let server = ServerConfig::with_single_cert(vec![certificate], key.into()).unwrap();
    let client = ClientConfig::with_root_certificates(Arc::new(trusted)).unwrap();
    (server, client)
});

pub(crate) fn server_config() -> ServerConfig {
    CONFIGS.0.clone()
}

pub(crate) fn client_config() -> ClientConfig {
    CONFIGS.1.clone()
}

pub(crate) fn server() -> Endpoint {
    endpoint(Some(server_config()), ([127, 0, 0, 1], 0).into())
}

pub(crate) fn client() -> Endpoint {
    let mut client = endpoint(None, ([127, 0, 0, 1], 0).into());
    client.set_default_client_config(client_config());
    client
}

pub(crate) fn endpoint(config: Option<ServerConfig>, addr: SocketAddr) -> Endpoint {
    let socket = UdpSocket::bind(addr).unwrap();
    let runtime = Arc::new(QuinnRuntime::current());
    Endpoint::new(EndpointConfig::default(), config, socket, runtime).unwrap()
}

pub(crate) async fn connect(client: &Endpoint, server: &Endpoint) -> Connection {
    let addr = server.local_addr().unwrap();
    client.connect(addr, "localhost").unwrap().await.unwrap()
}

/// The two ends of a connection: the client's, and the server's.
pub(crate) async fn pair(client: &Endpoint, server: &Endpoint) -> (Connection, Connection) {
    let accepting = async { server.accept().await.unwrap().await.unwrap() };
    join(connect(client, server), accepting).await
}

/// Gives back what comes on every stream of a connection, until it is closed.
pub(crate) async fn echo(connection: Connection) {
    while let Ok((send, receive)) = connection.accept_bi().await {
        spawn(echo_stream(send, receive)).detach();
    }
}

/// Gives back what comes, as it comes.
pub(crate) async fn echo_stream(mut send: SendStream, mut receive: RecvStream) {
    while let Ok(Some(chunk)) = receive.read_chunk(64 * 1024, true).await {
        if send.write_chunk(chunk.bytes).await.is_err() {
            return;
        }
    }
    // The connection may be closed.
    let _ = send.finish();
}

/// A megabyte that differs from those of other seeds.
pub(crate) fn megabyte(seed: u32) -> Vec<u8> {
    let words = (0..250_000).map(|n: u32| n.wrapping_mul(2 * seed + 1));
    words.flat_map(u32::to_le_bytes).collect()
}

/// Closes the client, waits until the server has heard of it, and closes that.
pub(crate) async fn close(client: Endpoint, server: Endpoint) {
    for endpoint in [client, server] {
        endpoint.close(0u32.into(), b"");
        endpoint.wait_idle().await;
    }
}
