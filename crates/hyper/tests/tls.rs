//! TLS on weftwork's streams, both ends, and against curl and openssl.

mod common;

use common::{HERE, answer, close, curl_command, each, has, output};
use futures::{AsyncReadExt, AsyncWriteExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::server::conn::auto;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use std::cell::Cell;
use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use weftwork::net::{Server, TcpListener, TcpStream, start_server};
use weftwork::testing::sweep_drops;
use weftwork::{gather, spawn, spawn_blocking};
use weftwork_hyper::futures_rustls::pki_types::ServerName;
use weftwork_hyper::futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use weftwork_hyper::futures_rustls::{TlsAcceptor, TlsConnector};
use weftwork_hyper::{ConnectInfo, Connector, HyperExecutor, HyperIo, HyperTimer};

/// A certificate for `localhost` that has signed itself.
struct Identity(CertifiedKey<KeyPair>);

impl Identity {
    fn new() -> Self {
        Self(generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap())
    }

    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let chain = vec![self.0.cert.der().clone()];
        let key = self.0.signing_key.serialize_der().try_into().unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// What a client needs to trust it.
    fn trusted(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.cert.der().clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    }

    /// A file with the certificate, for other programs to trust.
    fn file(&self, name: &str) -> PathBuf {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&file, self.0.cert.pem()).unwrap();
        file
    }
}

/// Serves HTTP of both versions over TLS.
async fn https_server(acceptor: TlsAcceptor) -> Server {
    let handler = move |stream: TcpStream, _: SocketAddr| {
        let acceptor = acceptor.clone();
        async move {
            // A client that does not trust the certificate goes away.
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut builder = auto::Builder::new(HyperExecutor);
            builder.http1().timer(HyperTimer);
            let connection = builder.serve_connection(HyperIo(stream), service_fn(answer));
            // How the client ends the connection is not the matter here.
            let _ = connection.await;
        }
    };
    start_server(HERE, handler).await.unwrap()
}

#[test]
fn the_pooled_client_gets_and_posts() {
    let identity = Identity::new();
    each(|| async {
        let server = https_server(identity.acceptor(&[])).await;
        let connector = Connector::new().with_tls(identity.trusted(&[]));
        let client = Client::builder(HyperExecutor).build(connector);
        let port = server.local_addr().port();
        gather((0..10).map(|n| {
            let client = client.clone();
            async move {
                let sent = Bytes::from(vec![n as u8; 200_000]);
                let request = Request::post(format!("https://localhost:{port}/echo"));
                let request = request.body(Full::new(sent.clone())).unwrap();
                let response = client.request(request).await.unwrap();
                assert_eq!(response.version(), Version::HTTP_11);
                let back = response.into_body().collect().await.unwrap().to_bytes();
                assert!(back == sent);
            }
        }))
        .await;
        drop(client);
        close(server).await;
    });
}

#[test]
fn the_handshake_chooses_the_version() {
    let identity = Identity::new();
    each(|| async {
        let protocols = ["h2", "http/1.1"];
        let server = https_server(identity.acceptor(&protocols)).await;
        let url: Uri = format!("https://{}/h", server.local_addr())
            .parse()
            .unwrap();
        for (offered, version) in [
            (&protocols[..], Version::HTTP_2),
            (&protocols[1..], Version::HTTP_11),
        ] {
            let connector = Connector::new().with_tls(identity.trusted(offered));
            let client = Client::builder(HyperExecutor).build::<_, Full<Bytes>>(connector);
            let response = client.get(url.clone()).await.unwrap();
            assert_eq!(response.version(), version);
            let info = response.extensions().get::<ConnectInfo>().unwrap();
            assert_eq!(info.is_http2, version == Version::HTTP_2);
        }
        close(server).await;
    });
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_an_error_with_the_name_of_the_host() {
    let identity = Identity::new();
    each(|| async {
        let server = https_server(identity.acceptor(&[])).await;
        let url = format!("https://localhost:{}/", server.local_addr().port());
        let url: Uri = url.parse().unwrap();
        // Mozilla's authorities, and another one that has the same name.
        let other = Connector::new().with_tls(Identity::new().trusted(&[]));
        for connector in [Connector::new(), other] {
            let error = connector.connect(&url).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let text = error.to_string();
            assert!(
                text.starts_with("no TLS with localhost: invalid peer certificate"),
                "{text}"
            );
            assert!(error.get_ref().and_then(Error::source).is_some());
        }
        close(server).await;
    });
}

/// Two connected streams.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(HERE).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    (client, listener.accept().await.unwrap().0)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// A megabyte in each direction at the same time: more than the system buffers.
#[test]
fn bytes_pass_both_ways_at_once() {
    let identity = Identity::new();
    each(|| async {
        let (client, server) = pair().await;
        let acceptor = identity.acceptor(&[]);
        let echo = spawn(async move {
            let (mut reader, mut writer) = acceptor.accept(server).await.unwrap().split();
            let copied = futures::io::copy(&mut reader, &mut writer).await.unwrap();
            writer.close().await.unwrap();
            copied
        });
        let connector = TlsConnector::from(identity.trusted(&[]));
        let stream = connector.connect(localhost(), client).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
        let writing = spawn({
            let sent = sent.clone();
            async move {
                writer.write_all(&sent).await.unwrap();
                writer.close().await.unwrap();
            }
        });
        let mut back = Vec::new();
        reader.read_to_end(&mut back).await.unwrap();
        assert!(back == sent);
        writing.await;
        assert_eq!(echo.await, sent.len() as u64);
    });
}

/// An end that TLS does not vouch for is no end.
#[test]
fn a_connection_that_breaks_off_is_an_error() {
    let identity = Identity::new();
    each(|| async {
        let (client, server) = pair().await;
        let acceptor = identity.acceptor(&[]);
        let broken = spawn(async move {
            let mut stream = acceptor.accept(server).await.unwrap();
            stream.write_all(b"half of it").await.unwrap();
            stream.flush().await.unwrap();
            // Dropped, not closed.
        });
        let connector = TlsConnector::from(identity.trusted(&[]));
        let mut stream = connector.connect(localhost(), client).await.unwrap();
        let mut text = String::new();
        let error = stream.read_to_string(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        broken.await;

        // The same in the handshake.
        let (client, server) = pair().await;
        drop(server);
        let error = connector.connect(localhost(), client).await.unwrap_err();
        let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    });
}

/// Dropped at each of its awaits, a connection leaves nothing behind that harms the server.
#[test]
fn a_connection_can_be_given_up_at_any_point() {
    let identity = Identity::new();
    let points = Cell::new(0);
    each(|| async {
        let server = https_server(identity.acceptor(&[])).await;
        let url: Uri = format!("https://{}/", server.local_addr()).parse().unwrap();
        let connector = Connector::new().with_tls(identity.trusted(&[]));
        let swept = sweep_drops(async |cut| {
            let (connector, url) = (connector.clone(), url.clone());
            let connecting = async move { connector.connect(&url).await.unwrap() };
            // Whether it was dropped or has ended is all the same.
            let _ = cut.run(connecting).await;
        });
        points.set(points.get() + swept.await.points());
        connector.connect(&url).await.unwrap();
        close(server).await;
    });
    // On several threads the server's answers may be there before they are waited for.
    assert!(points.get() > 0);
}

#[test]
fn curl_trusts_the_certificate_or_does_not_care() {
    if !has("curl") {
        return;
    }
    let identity = Identity::new();
    let file = identity.file("curl.pem");
    each(|| async {
        let server = https_server(identity.acceptor(&["h2", "http/1.1"])).await;
        let url = format!("https://localhost:{}/curl", server.local_addr().port());
        let mut careless = curl_command();
        careless.args(["--insecure", &url]);
        let mut trusting = curl_command();
        trusting.arg("--cacert").arg(&file).arg(&url);
        for curl in [careless, trusting] {
            assert_eq!(output(curl).await.stdout, b"/curl with 0 bytes\n");
        }
        let refusing = spawn_blocking(move || curl_command().arg(url).output().unwrap());
        // The exit code of a certificate that is not trusted.
        assert_eq!(refusing.await.status.code(), Some(60));
        close(server).await;
    });
}

#[test]
fn openssl_talks_to_the_server() {
    if !has("openssl") {
        return;
    }
    let identity = Identity::new();
    let file = identity.file("openssl.pem");
    each(|| async {
        let server = https_server(identity.acceptor(&[])).await;
        for version in ["-tls1_2", "-tls1_3"] {
            let mut openssl = Command::new("openssl");
            openssl.args(["s_client", "-quiet", "-verify_return_error", version]);
            openssl.args(["-servername", "localhost", "-connect"]);
            openssl.arg(server.local_addr().to_string());
            openssl.arg("-CAfile").arg(&file);
            let told = spawn_blocking(move || {
                let openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut child = openssl.stderr(Stdio::piped()).spawn().unwrap();
                let request =
                    "GET /openssl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
                // It stays open until the server has ended the connection.
                let input = child.stdin.as_mut().unwrap();
                input.write_all(request.as_bytes()).unwrap();
                let mut told = String::new();
                io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut told).unwrap();
                child.wait().unwrap();
                told
            });
            let told = told.await;
            assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{version}: {told}");
            assert!(
                told.ends_with("/openssl with 0 bytes\n"),
                "{version}: {told}"
            );
        }
        close(server).await;
    });
}
