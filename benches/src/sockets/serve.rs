//! The server process itself.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::thread;

use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use super::service::Service;
use super::{busy, echo, epoll, hello};
use crate::clock::process_cpu_time;
use crate::row::Peer;

/// Who serves what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) service: Service,
    pub(crate) peer: Peer,
    pub(crate) workers: usize,
}

/// The first argument of a process that serves.
pub(crate) const SERVE: &str = "--serve";

/// So many connections may wait to be accepted: the client opens all of them at once.
const BACKLOG: i32 = 4096;

impl Server {
    /// The arguments that make a process this server.
    pub(crate) fn to_args(self) -> [String; 4] {
        [
            SERVE.to_owned(),
            self.service.name().to_owned(),
            self.peer.name().to_owned(),
            self.workers.to_string(),
        ]
    }

    /// What follows [`SERVE`] in them.
    pub(crate) fn from_args(args: &[String]) -> Option<Self> {
        let [service, peer, workers] = args else {
            return None;
        };
        Some(Self {
            service: Service::by_name(service)?,
            peer: Peer::by_name(peer)?,
            workers: workers.parse().ok()?,
        })
    }

    /// Prints its port and serves; prints its CPU time in nanoseconds for each line that it gets,
    /// and ends with its input.
    pub(crate) fn run(self) -> Result<(), String> {
        let Self { peer, workers, .. } = self;
        let listener = listener().map_err(|error| format!("cannot listen: {error}"))?;
        let addr = listener.local_addr().map_err(|error| error.to_string())?;
        println!("{}", addr.port());
        thread::spawn(obey);
        let busy = match self.service {
            Service::Mixed => busy::FOR_A_WORKER * workers,
            Service::Echo | Service::Hello => 0,
        };
        match (self.service, peer) {
            (Service::Echo | Service::Mixed, Peer::Weftwork) => {
                echo::on_weftwork(listener, workers, busy)
            }
            (Service::Echo | Service::Mixed, Peer::Tokio) => {
                echo::on_tokio(listener, workers, busy)
            }
            (Service::Echo | Service::Mixed, Peer::Smol) => echo::on_smol(listener, busy),
            (Service::Echo, Peer::Floor) => epoll::echo(&listener, workers),
            (Service::Echo, Peer::FloorOne) => epoll::echo(&listener, 1),
            (Service::Hello, Peer::Weftwork) => hello::on_weftwork(listener, workers),
            (Service::Hello, Peer::Tokio) => hello::on_tokio(listener, workers),
            (Service::Hello, Peer::Smol) => hello::on_smol(listener),
            (service, peer) => {
                let (service, peer) = (service.name(), peer.name());
                return Err(format!("{peer} does not serve {service}"));
            }
        }
        .map_err(|error| format!("cannot serve: {error}"))
    }
}

fn obey() {
    for line in io::stdin().lines() {
        if line.is_err() {
            break;
        }
        println!("{}", process_cpu_time().as_nanos());
    }
    process::exit(0);
}

/// A listener on a free port. The one of the standard library holds back 128 connections at most.
fn listener() -> io::Result<TcpListener> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_survives_the_command_line() {
        let server = Server {
            service: Service::Hello,
            peer: Peer::FloorOne,
            workers: 3,
        };
        let args = server.to_args();
        assert_eq!(args[0], SERVE);
        assert_eq!(Server::from_args(&args[1..]), Some(server));
        assert_eq!(Server::from_args(&args), None);
    }
}
