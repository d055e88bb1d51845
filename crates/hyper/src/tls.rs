//! TLS for the connector, by rustls.

use crate::connector::Connector;
use crate::stream::HttpStream;
use futures_rustls::TlsConnector;
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls::ClientConfig;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use weftwork::net::TcpStream;

/// The configuration that a connector has, if it has one.
#[derive(Clone)]
pub(crate) struct Tls(Option<Arc<ClientConfig>>);

impl Connector {
    /// Opens the connections for `https` with this configuration of rustls.
    ///
    /// What it says of protocols (ALPN) has to fit the client: nothing, or `http/1.1`, for one that
    /// speaks HTTP/1 only.
    #[must_use]
    pub fn with_tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Tls(Some(config));
        self
    }
}

/// What secures one connection.
pub(crate) struct Security(Arc<ClientConfig>);

impl Tls {
    pub(crate) fn security(&self) -> io::Result<Security> {
        let config = self.0.as_ref().ok_or_else(|| {
            let message = "https needs certificate authorities to trust: give the connector a \
                           configuration with `with_tls`, or enable the feature `webpki-roots`";
            io::Error::new(io::ErrorKind::Unsupported, message)
        });
        Ok(Security(Arc::clone(config?)))
    }
}

impl Security {
    /// The handshake with this host.
    pub(crate) async fn secure(self, host: &str, stream: TcpStream) -> io::Result<HttpStream> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let handshake = TlsConnector::from(self.0).connect(name, stream);
        let stream = handshake.await.map_err(|source| {
            let host = host.to_owned();
            io::Error::new(source.kind(), HandshakeError { host, source })
        })?;
        HttpStream::secure(stream)
    }
}

impl Default for Tls {
    #[cfg(feature = "webpki-roots")]
    fn default() -> Self {
        use futures_rustls::rustls::{RootCertStore, crypto::ring};
        use std::sync::LazyLock;

        static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
            let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            let provider = Arc::new(ring::default_provider());
            let builder = ClientConfig::builder_with_provider(provider);
            let builder = builder
                .with_safe_default_protocol_versions()
                .expect("ring has the default versions");
            Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
        });
        Self(Some(Arc::clone(&CONFIG)))
    }

    #[cfg(not(feature = "webpki-roots"))]
    fn default() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration is long, and says little.
        f.write_str(if self.0.is_some() {
            "configured"
        } else {
            "none"
        })
    }
}

/// The handshake has failed.
#[derive(Debug)]
struct HandshakeError {
    host: String,
    source: io::Error,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no TLS with {}: {}", self.host, self.source)
    }
}

impl Error for HandshakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
