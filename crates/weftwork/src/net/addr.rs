//! Addresses: what can be turned into them, and the names that have to be looked up.

use self::sealed::Parsed;
use crate::pooled::submit;
use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs as _,
};
use std::panic::Location;

/// What can be turned into socket addresses: an address, a list of them, an IP address or host
/// name with a port, or a text such as `"localhost:80"` or `"[::1]:80"`.
///
/// As [`std::net::ToSocketAddrs`], but a name is looked up without blocking the worker. It is
/// implemented for the types below only.
#[doc(alias = "getaddrinfo")]
pub trait ToSocketAddrs: sealed::Target {}

#[allow(unnameable_types, reason = "so that nobody else implements it")]
mod sealed {
    pub trait Target {
        /// The addresses, or what to look up.
        fn parse(&self) -> std::io::Result<Parsed>;
    }

    /// An address before names are looked up.
    #[derive(Debug)]
    pub enum Parsed {
        Known(Vec<std::net::SocketAddr>),
        Name(String, u16),
    }
}

/// The addresses of a host, in the order of the system's preference.
///
/// Numbers are taken as they are; a name is looked up by the system, on a thread of the
/// blocking pool.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// weftwork::run(async {
///     let addrs = weftwork::net::lookup_host(("127.0.0.1", 80)).await?;
///     assert_eq!(addrs, ["127.0.0.1:80".parse().unwrap()]);
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
/// `InvalidInput` for what is no address, [`RuntimeError`](crate::RuntimeError) as `Other` for
/// a name outside of a runtime, and whatever the system says.
///
/// # Cancel safety
/// Cancelled or dropped before the pool has begun it, it never happens. Once begun it runs on there,
/// and its answer is lost.
#[doc(alias = "getaddrinfo")]
pub async fn lookup_host(host: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    match host.parse()? {
        Parsed::Known(addrs) => Ok(addrs),
        Parsed::Name(name, port) => look_up(name, port).await,
    }
}

async fn look_up(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let work = move || {
        let found = (name.as_str(), port).to_socket_addrs();
        found.map(Vec::from_iter).map_err(|error| {
            io::Error::new(error.kind(), format!("host {name:?} not found: {error}"))
        })
    };
    submit(Location::caller(), work)?.await
}

/// There was nothing to try.
pub(super) fn none_given() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "no address to try: the list is empty, or the name has none",
    )
}

fn with_port(host: &str, port: u16) -> Parsed {
    match host.parse::<IpAddr>() {
        Ok(ip) => Parsed::Known(vec![SocketAddr::new(ip, port)]),
        Err(_) => Parsed::Name(host.to_owned(), port),
    }
}

fn parse_text(text: &str) -> io::Result<Parsed> {
    if let Ok(addr) = text.parse() {
        return Ok(Parsed::Known(vec![addr]));
    }
    let invalid = || {
        let message = format!("{text:?} is no address: write `host:port` or `[ipv6]:port`");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
    let port = port.parse().map_err(|_| invalid())?;
    if host.is_empty() || host.contains(':') {
        return Err(invalid());
    }
    Ok(with_port(host, port))
}

macro_rules! addresses {
    ($($ty:ty: |$this:ident| $parse:expr;)*) => {$(
        impl ToSocketAddrs for $ty {}
        impl sealed::Target for $ty {
            fn parse(&self) -> io::Result<Parsed> {
                let $this = self;
                $parse
            }
        }
    )*};
}

addresses! {
    SocketAddr: |addr| Ok(Parsed::Known(vec![*addr]));
    SocketAddrV4: |addr| Ok(Parsed::Known(vec![(*addr).into()]));
    SocketAddrV6: |addr| Ok(Parsed::Known(vec![(*addr).into()]));
    (IpAddr, u16): |addr| Ok(Parsed::Known(vec![(*addr).into()]));
    (Ipv4Addr, u16): |addr| Ok(Parsed::Known(vec![(*addr).into()]));
    (Ipv6Addr, u16): |addr| Ok(Parsed::Known(vec![(*addr).into()]));
    [SocketAddr]: |addrs| Ok(Parsed::Known(addrs.to_vec()));
    Vec<SocketAddr>: |addrs| Ok(Parsed::Known(addrs.clone()));
    (&str, u16): |host| Ok(with_port(host.0, host.1));
    (String, u16): |host| Ok(with_port(&host.0, host.1));
    str: |text| parse_text(text);
    String: |text| parse_text(text);
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}
impl<T: ToSocketAddrs + ?Sized> sealed::Target for &T {
    fn parse(&self) -> io::Result<Parsed> {
        T::parse(self)
    }
}

impl<const N: usize> ToSocketAddrs for [SocketAddr; N] {}
impl<const N: usize> sealed::Target for [SocketAddr; N] {
    fn parse(&self) -> io::Result<Parsed> {
        self.as_slice().parse()
    }
}
