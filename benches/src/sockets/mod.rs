//! What the rows over sockets share: a server process of each peer, and one client for all.
//!
//! The process that measures is the client. It starts the program once more, as the server, so
//! that the CPU time of the server is known by itself.

mod accept;
mod busy;
mod client;
mod echo;
mod epoll;
mod hello;
mod serve;
mod server_process;
mod service;

use std::process;
use std::time::Instant;

use crate::clock::Sample;
use crate::row::{Peer, Setup};
use crate::served::Served;
use client::Client;
pub(crate) use serve::{SERVE, Server};
use server_process::ServerProcess;
pub(crate) use service::Service;

/// Descriptors that a process needs besides its connections.
const OTHER_DESCRIPTORS: u64 = 64;

/// Measures a peer's server with so many connections. Whatever goes wrong ends the process, with a
/// message.
pub(crate) fn measure(setup: Setup, service: Service, peer: Peer, connections: u64) -> Sample {
    let server = Server {
        service,
        peer,
        workers: setup.workers,
    };
    match try_measure(setup, &server, connections) {
        Ok(sample) => sample,
        Err(message) => {
            eprintln!("weftwork-benches: {message}");
            process::exit(1)
        }
    }
}

fn try_measure(setup: Setup, server: &Server, connections: u64) -> Result<Sample, String> {
    // The server inherits the limit.
    let limit = weftwork::net::raise_descriptor_limit().map_err(|error| error.to_string())?;
    check_limit(limit, connections + OTHER_DESCRIPTORS)?;
    let mut server_process = ServerProcess::start(server)?;
    let mut client = Client::connect(server_process.addr(), server.service, connections)?;
    client.run(setup.warm_up)?;

    let cpu_before = server_process.cpu_time()?;
    let began = Instant::now();
    let mut answers = client.run(setup.ops)?;
    let wall = began.elapsed();
    let cpu = server_process.cpu_time()?.saturating_sub(cpu_before);
    // Before the connections end, so that what it would do then is not counted by anybody.
    server_process.stop()?;
    drop(client);
    Ok(Sample {
        wall,
        cpu,
        counted: None,
        latency: Some(answers.latency()),
        served: Some(Served {
            connections,
            least: answers.least(),
        }),
        checksum: answers.checksum(),
    })
}

fn check_limit(limit: Option<u64>, needed: u64) -> Result<(), String> {
    match limit {
        Some(limit) if limit < needed => Err(format!(
            "the row needs {needed} descriptors, and this process may have {limit}: raise the hard \
             limit (`ulimit -Hn {needed}` as root) or leave the row out"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_named() {
        assert_eq!(check_limit(None, 1064), Ok(()));
        assert_eq!(check_limit(Some(1064), 1064), Ok(()));
        let error = check_limit(Some(1024), 1064).unwrap_err();
        assert!(error.contains("1064") && error.contains("1024"), "{error}");
    }
}
