//! Options of sockets for which std has no call.

use rustix::io::Result;
use rustix::net::sockopt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// When the system asks a silent peer whether it is still there.
///
/// What is `None` is left as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// How long a connection is silent before the first question.
    pub idle: Option<Duration>,
    /// How long after a question that was not answered the next one follows.
    pub interval: Option<Duration>,
    /// After how many questions without an answer the connection is lost.
    pub probes: Option<u32>,
}

impl Keepalive {
    /// The first question after so long, in whole seconds.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Further questions after so long, in whole seconds.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// The connection is lost after so many questions without an answer.
    #[must_use]
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = Some(probes);
        self
    }
}

/// Whether and when a silent peer is asked; none: it is not.
///
/// # Errors
/// What the system says.
pub fn keepalive(socket: impl AsFd) -> io::Result<Option<Keepalive>> {
    if !sockopt::socket_keepalive(&socket)? {
        return Ok(None);
    }
    Ok(Some(times::get(socket)?))
}

/// Says whether and when a silent peer is asked.
///
/// # Errors
/// What the system says; for a time of less than a second it is `InvalidInput`.
pub fn set_keepalive(socket: impl AsFd, keepalive: Option<Keepalive>) -> io::Result<()> {
    if let Some(keepalive) = keepalive {
        times::set(&socket, keepalive)?;
    }
    Ok(sockopt::set_socket_keepalive(socket, keepalive.is_some())?)
}

#[cfg(not(target_os = "openbsd"))]
mod times {
    use super::{AsFd, Duration, Keepalive, Result, io, sockopt};

    pub(super) fn get(socket: impl AsFd) -> Result<Keepalive> {
        Ok(Keepalive {
            idle: Some(sockopt::tcp_keepidle(&socket)?),
            interval: Some(sockopt::tcp_keepintvl(&socket)?),
            probes: Some(sockopt::tcp_keepcnt(&socket)?),
        })
    }

    pub(super) fn set(socket: impl AsFd, keepalive: Keepalive) -> io::Result<()> {
        let times = [keepalive.idle, keepalive.interval];
        if times
            .into_iter()
            .flatten()
            .any(|time| time < Duration::from_secs(1))
        {
            let message =
                "a peer is asked whether it is there every second at most: give whole seconds";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if let Some(idle) = keepalive.idle {
            sockopt::set_tcp_keepidle(&socket, idle)?;
        }
        if let Some(interval) = keepalive.interval {
            sockopt::set_tcp_keepintvl(&socket, interval)?;
        }
        if let Some(probes) = keepalive.probes {
            sockopt::set_tcp_keepcnt(&socket, probes)?;
        }
        Ok(())
    }
}

/// OpenBSD has these times for the whole system only.
#[cfg(target_os = "openbsd")]
mod times {
    use super::{AsFd, Keepalive, Result, io};

    pub(super) fn get(_: impl AsFd) -> Result<Keepalive> {
        Ok(Keepalive::default())
    }

    pub(super) fn set(_: impl AsFd, keepalive: Keepalive) -> io::Result<()> {
        if keepalive == Keepalive::default() {
            return Ok(());
        }
        let message = "this system has no times of one socket: use `Keepalive::default()`";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}

/// An option that one call of the system sets and another one gets.
macro_rules! options {
    ($($(#[$doc:meta])* $get:ident, $set:ident: $ty:ty = $sys_get:ident, $sys_set:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// What the system says.
        pub fn $get(socket: impl AsFd) -> io::Result<$ty> {
            Ok(sockopt::$sys_get(socket)?)
        }

        /// Sets what the function of the same name without `set_` gives.
        ///
        /// # Errors
        /// What the system says.
        pub fn $set(socket: impl AsFd, value: $ty) -> io::Result<()> {
            Ok(sockopt::$sys_set(socket, value)?)
        }
    )*};
}

options! {
    /// How long closing waits for unsent data.
    linger, set_linger: Option<Duration> = socket_linger, set_socket_linger;
    /// Whether an address may be taken that closing connections still use.
    reuse_address, set_reuse_address: bool = socket_reuseaddr, set_socket_reuseaddr;
    /// Whether several sockets may share an address.
    reuse_port, set_reuse_port: bool = socket_reuseport, set_socket_reuseport;
    /// The size of the buffer for what comes, in bytes.
    recv_buffer_size, set_recv_buffer_size: usize =
        socket_recv_buffer_size, set_socket_recv_buffer_size;
    /// The size of the buffer for what goes, in bytes.
    send_buffer_size, set_send_buffer_size: usize =
        socket_send_buffer_size, set_socket_send_buffer_size;
    /// Whether small writes are sent at once.
    nodelay, set_nodelay: bool = tcp_nodelay, set_tcp_nodelay;
    /// Whether a socket for IPv6 leaves IPv4 alone.
    only_v6, set_only_v6: bool = ipv6_v6only, set_ipv6_v6only;
}
