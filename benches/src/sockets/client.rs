//! The client of all servers: a closed loop over many connections, on bare epoll.
//!
//! Each connection sends a request, waits for the answer, checks it, and sends the next one, as
//! long as there are numbers left. All connections take theirs from one counter, so a server that
//! favours some shows it in how many the others got.

#![allow(
    clippy::disallowed_types,
    reason = "the benchmarks are not checked by loom"
)]

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::service::{LONGEST, Service};
use crate::latency::{Latency, nanos};

/// The threads of the client, for it needs about as much time for a request as a server does.
const THREADS: usize = 2;

/// So many events one wait brings at most.
const EVENTS: usize = 256;

/// The open connections, dealt out to the threads.
pub(super) struct Client {
    hands: Vec<Hand>,
    service: Service,
}

/// What one thread looks after.
struct Hand {
    epoll: OwnedFd,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    /// The number of the request that is on its way.
    number: u64,
    request: Vec<u8>,
    sent: Instant,
    answer: Answer,
    /// How many answers came in this run.
    served: u64,
}

/// What has come of an answer.
struct Answer {
    bytes: [u8; LONGEST],
    len: usize,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Of each answer, in nanoseconds.
    latencies: Vec<u32>,
    /// Of each connection.
    served: Vec<u64>,
    /// The sum of the numbers that were answered.
    sum: u64,
}

impl Client {
    pub(super) fn connect(
        addr: SocketAddr,
        service: Service,
        connections: u64,
    ) -> Result<Self, String> {
        let fail = |error: io::Error| format!("cannot connect to the server: {error}");
        let mut hands = Vec::new();
        for _ in 0..THREADS {
            hands.push(Hand::new().map_err(fail)?);
        }
        for n in 0..connections {
            let stream = TcpStream::connect(addr).map_err(fail)?;
            let hand = n as usize % THREADS;
            hands[hand].add(stream).map_err(fail)?;
        }
        Ok(Self { hands, service })
    }

    /// Has so many requests answered, of the numbers from 0 on.
    pub(super) fn run(&mut self, requests: u64) -> Result<Answers, String> {
        let service = self.service;
        let next = AtomicU64::new(0);
        let numbers = || Some(next.fetch_add(1, Relaxed)).filter(|number| *number < requests);
        let parts: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = self
                .hands
                .iter_mut()
                .map(|hand| scope.spawn(|| hand.run(service, numbers)))
                .collect();
            threads.into_iter().map(|thread| thread.join()).collect()
        });
        let mut answers = Answers::default();
        for part in parts {
            answers.add(part.map_err(|_| "a thread of the client panicked")??);
        }
        let count = answers.latencies.len() as u64;
        if count != requests {
            return Err(format!("{requests} requests had {count} answers"));
        }
        Ok(answers)
    }
}

impl Hand {
    fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::new(),
        })
    }

    fn add(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let key = EventData::new_u64(self.connections.len() as u64);
        epoll::add(&self.epoll, &stream, key, EventFlags::IN)?;
        self.connections.push(Connection {
            stream,
            number: 0,
            request: Vec::new(),
            sent: Instant::now(),
            answer: Answer {
                bytes: [0; LONGEST],
                len: 0,
            },
            served: 0,
        });
        Ok(())
    }

    fn run(
        &mut self,
        service: Service,
        numbers: impl Fn() -> Option<u64>,
    ) -> Result<Answers, String> {
        let mut answers = Answers::default();
        let mut waiting = 0;
        for connection in &mut self.connections {
            connection.served = 0;
            waiting += u64::from(connection.ask(service, numbers())?);
        }
        let mut room = [MaybeUninit::uninit(); EVENTS];
        while waiting > 0 {
            let events = match epoll::wait(&self.epoll, &mut room, None) {
                Ok((events, _)) => events,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(format!("epoll fails: {error}")),
            };
            for event in events {
                let key = event.data.u64() as usize;
                let connection = &mut self.connections[key];
                if connection.hear(service)? {
                    answers.latencies.push(connection.latency());
                    answers.sum += connection.number;
                    if !connection.ask(service, numbers())? {
                        waiting -= 1;
                    }
                }
            }
        }
        answers.served = self.connections.iter().map(|one| one.served).collect();
        Ok(answers)
    }
}

impl Connection {
    /// Sends the request of this number, if there is one.
    fn ask(&mut self, service: Service, number: Option<u64>) -> Result<bool, String> {
        let Some(number) = number else {
            return Ok(false);
        };
        self.number = number;
        service.request(number, &mut self.request);
        self.sent = Instant::now();
        match self.stream.write(&self.request) {
            Ok(count) if count == self.request.len() => Ok(true),
            Ok(_) => Err("a small request did not fit into an empty buffer".to_owned()),
            Err(error) => Err(self.lost(&error.to_string())),
        }
    }

    /// Reads what there is; true with the last byte of the answer.
    fn hear(&mut self, service: Service) -> Result<bool, String> {
        let Answer { bytes, len } = &mut self.answer;
        match self.stream.read(&mut bytes[*len..]) {
            Ok(0) => return Err(self.lost("the server closed it, or the answer is too long")),
            Ok(count) => *len += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(self.lost(&error.to_string())),
        }
        let whole = service.is_whole(&self.request, &bytes[..*len])?;
        if whole {
            *len = 0;
            self.served += 1;
        }
        Ok(whole)
    }

    /// How long the answer took that has just come.
    fn latency(&self) -> u32 {
        nanos(self.sent.elapsed())
    }

    fn lost(&self, why: &str) -> String {
        let served = self.served;
        format!("a connection is lost after {served} answers: {why}")
    }
}

impl Answers {
    fn add(&mut self, part: Self) {
        self.latencies.extend(part.latencies);
        self.served.extend(part.served);
        self.sum += part.sum;
    }

    /// How many answers the connection got that got the fewest.
    pub(super) fn least(&self) -> u64 {
        self.served.iter().copied().min().unwrap_or(0)
    }

    /// How long they took, from the request to the answer.
    pub(super) fn latency(&mut self) -> Latency {
        Latency::of(&mut self.latencies)
    }

    pub(super) fn checksum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Duration;

    /// A server that answers with what `answer` makes of the n-th chunk that comes.
    fn with_server<T>(
        answer: fn(u64, &mut Vec<u8>) -> bool,
        run: impl FnOnce(SocketAddr) -> T,
    ) -> T {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut buf = [0; 1024];
                    for n in 0.. {
                        let Ok(count @ 1..) = stream.read(&mut buf) else {
                            return;
                        };
                        let mut bytes = buf[..count].to_vec();
                        if !answer(n, &mut bytes) || stream.write_all(&bytes).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        run(addr)
    }

    fn echo(answer: fn(u64, &mut Vec<u8>) -> bool) -> Result<Answers, String> {
        with_server(answer, |addr| {
            let mut client = Client::connect(addr, Service::Echo, 3)?;
            client.run(10)?;
            client.run(100)
        })
    }

    #[test]
    fn every_request_is_counted_once() {
        let mut answers = echo(|_, _| true).unwrap();
        assert_eq!(answers.checksum(), 99 * 100 / 2);
        assert_eq!(answers.served.iter().sum::<u64>(), 100);
        assert_eq!(answers.served.len(), 3);
        // Not more than its share; that one is not served at all is the machine's affair.
        assert!(answers.least() <= 33, "{answers:?}");
        let latency = answers.latency();
        assert!(Duration::ZERO < latency.p50 && latency.p50 <= latency.p99);
    }

    #[test]
    fn a_server_that_goes_wrong_is_an_error() {
        let changed = echo(|n, bytes| {
            bytes[63] ^= u8::from(n == 20);
            true
        });
        assert!(changed.unwrap_err().contains("expected"));
        let doubled = echo(|n, bytes| {
            if n == 20 {
                bytes.extend_from_within(..);
            }
            true
        });
        assert!(doubled.unwrap_err().contains("expected"));
        let closed = echo(|n, _| n < 20);
        assert!(closed.unwrap_err().contains("is lost"));
    }
}
