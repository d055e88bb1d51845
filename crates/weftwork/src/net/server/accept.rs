//! The task that accepts connections, and those that serve them.

use super::Inner;
use super::handler::{HandlerResult, Sealed as _};
use super::listens::Listens;
use crate::Handle;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use weftwork_scheduler::Task;
use weftwork_sync::OwnedSemaphorePermit;

/// After an error, accepting is tried again after this long.
const RETRY: Duration = Duration::from_millis(200);

/// The same trouble is reported again when there was none for this long.
const QUIET: Duration = Duration::from_secs(60);

/// After so many connections without a pause, everybody else has a turn.
const BURST: usize = 32;

/// A task that accepts. If one of them ends, for whatever reason, the server is closed.
pub(super) struct Accepting<L: Listens>(Arc<Inner<L>>);

/// None once the server is closed.
type Accepted<L> = Option<io::Result<(<L as Listens>::Stream, <L as Listens>::Addr)>>;

/// A connection that is served.
struct Served<L: Listens> {
    inner: Arc<Inner<L>>,
    number: u64,
    _room: Option<OwnedSemaphorePermit>,
}

impl<L: Listens> Accepting<L> {
    pub(super) fn new(inner: Arc<Inner<L>>) -> Self {
        Self(inner)
    }
}

impl<L: Listens> Drop for Accepting<L> {
    fn drop(&mut self) {
        self.0.close();
        self.0.clients.accepts_no_more();
    }
}

impl<L: Listens> Drop for Served<L> {
    fn drop(&mut self) {
        self.inner.clients.remove(self.number);
    }
}

pub(super) async fn accept<L, H, F>(accepting: Accepting<L>, index: usize, handler: Arc<H>)
where
    L: Listens,
    H: Fn(L::Stream, L::Addr) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
    F::Output: HandlerResult,
{
    let inner = &accepting.0;
    let mut trouble = Trouble::default();
    for taken in 1_usize.. {
        let (room, accepted) = next_connection(inner, index).await;
        match accepted {
            None => return,
            Some(Ok((stream, peer))) => {
                // Closed meanwhile: as if it were still in the backlog.
                let Some(number) = inner.clients.add(&stream) else {
                    return;
                };
                let served = Served {
                    inner: Arc::clone(inner),
                    number,
                    _room: room,
                };
                let task = serve(Arc::clone(&handler), stream, peer, served);
                inner.clients.is_served_by(number, task.control());
                if taken % BURST == 0 {
                    crate::yield_now().await;
                }
            }
            Some(Err(error)) => {
                trouble.report(&inner.addrs[index], &error);
                drop(room);
                crate::time::sleep(RETRY).await;
            }
        }
    }
}

/// What was accepted, none once the server is closed; and the permit for it, if there is a limit.
async fn next_connection<L: Listens>(
    inner: &Inner<L>,
    index: usize,
) -> (Option<OwnedSemaphorePermit>, Accepted<L>) {
    let Some(room) = &inner.room else {
        let accepted = poll_fn(|cx| match inner.listener(index) {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        });
        return (None, accepted.await);
    };
    loop {
        // A permit is taken when there is a connection for it: the other listeners may need it.
        let ready = poll_fn(|cx| match inner.listener(index) {
            Some(listener) => listener.poll_acceptable(cx).map(Some),
            None => Poll::Ready(None),
        });
        if let Some(Err(error)) = ready.await {
            return (None, Some(Err(error)));
        }
        // It is never closed.
        let room = room.acquire_owned().await.ok();
        match inner.listener(index).map(|listener| listener.try_accept()) {
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            accepted => return (room, accepted),
        }
    }
}

fn serve<L, H, F>(handler: Arc<H>, stream: L::Stream, addr: L::Addr, served: Served<L>) -> Task<()>
where
    L: Listens,
    H: Fn(L::Stream, L::Addr) -> F + Send + Sync + 'static,
    F: Future + Send + 'static,
    F::Output: HandlerResult,
{
    let peer = L::peer(&stream, &addr);
    // The name is what a report of a panic says.
    let name = format!("connection from {peer}");
    // A task that never runs drops the stream before it counts as ended.
    let both = (stream, served);
    let serving = async move {
        let (stream, served) = both;
        if let Some(trouble) = handler(stream, addr).await.trouble() {
            let text = format!("{trouble} (connection from {peer})");
            Handle::current().report("the handler of a connection failed", text);
        }
        drop(served);
    };
    Task::builder().name(name).spawn(serving)
}

/// Keeps an error that comes again and again from being reported again and again.
#[derive(Default)]
struct Trouble(Option<(Instant, String)>);

impl Trouble {
    fn report(&mut self, addr: &impl fmt::Debug, error: &io::Error) {
        let text = error.to_string();
        let now = Instant::now();
        let before = self.0.replace((now, text.clone()));
        let is_known = before.is_some_and(|(at, before)| before == text && now - at < QUIET);
        if !is_known {
            let text = format!("{text}; accepting on {addr:?} is tried again every {RETRY:?}");
            Handle::current().report("a server cannot accept connections", text);
        }
    }
}
