//! What stands for TLS without the feature `tls`: an error that says so.

use crate::stream::HttpStream;
use std::convert::Infallible;
use std::io;
use weftwork::net::TcpStream;

/// No configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls;

/// There is none.
pub(crate) struct Security(Infallible);

impl Tls {
    pub(crate) fn security(&self) -> io::Result<Security> {
        let message = "https needs TLS: enable the feature `webpki-roots` of weftwork-hyper, or its \
                       feature `tls` with a configuration of your own";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}

impl Security {
    pub(crate) async fn secure(self, _: &str, _: TcpStream) -> io::Result<HttpStream> {
        match self.0 {}
    }
}
