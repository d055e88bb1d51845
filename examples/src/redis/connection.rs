//! A connection of the redis crate over weftwork's streams.

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult,
};
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use weftwork::net::{TcpStream, UnixStream};
use weftwork::{CancelOnDrop, spawn};
use weftwork_tokio::TokioIo;

/// So long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection, and the task that moves its bytes.
///
/// Dropping it cancels the task, which closes the connection; commands on clones of the inner
/// connection then fail. Without that a blocking pop would hold it for ever: the server does not
/// learn that its caller has gone.
#[derive(Debug)]
pub struct Redis {
    connection: MultiplexedConnection,
    _driver: CancelOnDrop<()>,
}

impl Deref for Redis {
    type Target = MultiplexedConnection;

    fn deref(&self) -> &MultiplexedConnection {
        &self.connection
    }
}

impl DerefMut for Redis {
    fn deref_mut(&mut self) -> &mut MultiplexedConnection {
        &mut self.connection
    }
}

/// Connects to a server: `redis://host:port` or `unix:///path`.
///
/// # Errors
/// What the system and the server say; a URL that is neither.
///
/// # Cancel safety
/// Dropped before its end, the attempt is given up.
pub async fn connect(url: &str) -> RedisResult<Redis> {
    connect_with(url, AsyncConnectionConfig::new()).await
}

/// As [`connect`], with settings of the redis crate.
///
/// A time limit for answers is not among them: for that the crate needs the timers of tokio or smol.
/// [`weftwork::timeout`] around a command does the same.
///
/// # Errors
/// What the system and the server say; a URL that is neither `redis:` nor `unix:`.
///
/// # Cancel safety
/// Dropped before its end, the attempt is given up.
pub async fn connect_with(url: &str, config: AsyncConnectionConfig) -> RedisResult<Redis> {
    let info = url.into_connection_info()?;
    let config = config.set_response_timeout(None);
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => {
            let stream = TcpStream::connect_timeout((host.as_str(), *port), CONNECT).await?;
            stream.set_nodelay(true)?;
            over(info.redis_settings(), TokioIo(stream), config).await
        }
        ConnectionAddr::Unix(path) => {
            let stream = UnixStream::connect(path).await?;
            over(info.redis_settings(), TokioIo(stream), config).await
        }
        _ => {
            let text = "a server is named by redis://host:port or unix:///path";
            Err((ErrorKind::InvalidClientConfig, text, url.to_owned()).into())
        }
    }
}

async fn over<S>(
    settings: &RedisConnectionInfo,
    stream: S,
    config: AsyncConnectionConfig,
) -> RedisResult<Redis>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let opened = MultiplexedConnection::new_with_config(settings, stream, config);
    let (connection, driver) = opened.await?;
    Ok(Redis {
        connection,
        _driver: spawn(driver).cancel_on_drop(),
    })
}
