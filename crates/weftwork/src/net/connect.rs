//! Connecting to whichever of several addresses answers first: RFC 8305, "happy eyeballs".

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use weftwork_io_driver::{Reactor, Registered};

/// A new attempt begins when the last one has not answered for so long (the value that RFC 8305
/// recommends).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

type Stream = Registered<TcpStream>;
type Attempt = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// Connects to the first address that answers.
pub(super) async fn connect(reactor: &Arc<Reactor>, addrs: Vec<SocketAddr>) -> io::Result<Stream> {
    match *addrs {
        [] => Err(super::addr::none_given()),
        [addr] => weftwork_io_driver::connect(reactor, addr).await,
        _ => {
            let mut race = Race::new(Arc::clone(reactor), addrs);
            poll_fn(|cx| race.poll(cx)).await
        }
    }
}

/// The attempts that are under way.
struct Race {
    reactor: Arc<Reactor>,
    /// Not tried yet.
    queue: VecDeque<SocketAddr>,
    attempts: Vec<(SocketAddr, Attempt)>,
    /// When the next one begins in any case.
    delay: crate::time::Sleep,
    errors: Vec<(SocketAddr, io::Error)>,
}

impl Race {
    fn new(reactor: Arc<Reactor>, addrs: Vec<SocketAddr>) -> Self {
        Self {
            reactor,
            queue: interleave(addrs).into(),
            attempts: Vec::new(),
            delay: crate::time::sleep(ATTEMPT_DELAY),
            errors: Vec::new(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        loop {
            let failed = self.errors.len();
            if let Some(stream) = self.poll_attempts(cx) {
                return Poll::Ready(Ok(stream));
            }
            if self.queue.is_empty() {
                return match self.attempts.is_empty() {
                    true => Poll::Ready(Err(all_failed(std::mem::take(&mut self.errors)))),
                    false => Poll::Pending,
                };
            }
            // One that has failed makes room for the next one at once.
            let is_due = self.attempts.is_empty()
                || self.errors.len() > failed
                || Pin::new(&mut self.delay).poll(cx).is_ready();
            if !is_due {
                return Poll::Pending;
            }
            self.begin_next();
        }
    }

    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Option<Stream> {
        let mut stream = None;
        self.attempts.retain_mut(|(addr, attempt)| {
            if stream.is_some() {
                return true;
            }
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(connected)) => stream = Some(connected),
                Poll::Ready(Err(error)) => self.errors.push((*addr, error)),
                Poll::Pending => return true,
            }
            false
        });
        stream
    }

    fn begin_next(&mut self) {
        let Some(addr) = self.queue.pop_front() else {
            return;
        };
        let reactor = Arc::clone(&self.reactor);
        let attempt = async move { weftwork_io_driver::connect(&reactor, addr).await };
        self.attempts.push((addr, Box::pin(attempt)));
        self.delay = crate::time::sleep(ATTEMPT_DELAY);
    }
}

/// The families in turn, beginning with that of the first address; within a family in order.
fn interleave(addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addrs.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = addrs
        .into_iter()
        .partition(|addr| addr.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

/// One error for all of them, of the kind of the first.
fn all_failed(errors: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let Some((_, first)) = errors.first() else {
        return super::addr::none_given();
    };
    if weftwork_io_driver::DescriptorLimit::of(first).is_some() {
        let (_, error) = errors.into_iter().next().expect("there is a first one");
        return error;
    }
    let each: Vec<_> = errors
        .iter()
        .map(|(addr, error)| format!("{addr}: {error}"))
        .collect();
    let message = format!(
        "none of {} addresses answered: {}",
        each.len(),
        each.join("; ")
    );
    io::Error::new(first.kind(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns() {
        let given = addrs(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let mixed = addrs(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleave(given), mixed);
        let given = addrs(&["1.0.0.1:1", "1.0.0.2:1", "[::1]:1"]);
        let mixed = addrs(&["1.0.0.1:1", "[::1]:1", "1.0.0.2:1"]);
        assert_eq!(interleave(given), mixed);
        assert_eq!(interleave(Vec::new()), []);
    }
}
