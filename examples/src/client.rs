//! An HTTP client as small as the tutorial's use of aiohttp: a session for each request.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use std::error::Error;
use std::io;
use weftwork::net::TcpStream;
use weftwork::{Task, spawn};
use weftwork_hyper::HyperIo;

/// An answer, and the connection on which it came.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    sender: SendRequest<Empty<Bytes>>,
    connection: Task<hyper::Result<()>>,
}

/// Gets a URL, on a connection of its own: `session.get(url)`.
///
/// # Errors
/// What the system says of the connection, and as `Other` what hyper says of the exchange.
pub async fn get(url: &str) -> io::Result<Response> {
    let url: Uri = url.parse().map_err(io::Error::other)?;
    let address = url
        .authority()
        .ok_or_else(|| io::Error::other("the URL names no host"))?;
    let stream = TcpStream::connect(address.as_str()).await?;

    let (mut sender, connection) = handshake(HyperIo(stream)).await.map_err(io::Error::other)?;
    // The connection is a future that moves the bytes: a task of its own drives it.
    let connection = spawn(connection);

    let request = Request::get(url.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, address.as_str())
        .body(Empty::new())
        .map_err(io::Error::other)?;
    let mut response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    while let Some(frame) = response.frame().await {
        frame.map_err(io::Error::other)?;
    }
    Ok(Response {
        status: response.status(),
        sender,
        connection,
    })
}

impl Response {
    /// What the server says of the request, as a number.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Closes the connection: when this has ended, its descriptor is free.
    ///
    /// # Errors
    /// As `Other`, what hyper says of the end of the connection.
    pub async fn close(self) -> io::Result<()> {
        drop(self.sender);
        self.connection.await.map_err(io::Error::other)
    }
}

/// The text of the system for an error, as Python's `OSError.strerror`.
#[must_use]
pub fn strerror(error: &io::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    // The last cause is the system's; the errors around it explain it.
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text.split(" (os error").next().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_system_is_found() {
        let plain = io::Error::from_raw_os_error(2);
        assert_eq!(strerror(&plain), "No such file or directory");
        let explained = io::Error::other("what to do about it");
        assert_eq!(strerror(&explained), "what to do about it");
    }
}
