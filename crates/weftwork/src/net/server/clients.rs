//! The open connections of a server.

use super::listens::Listens;
use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use weftwork_io_driver::Registered;
use weftwork_scheduler::TaskControl;
use weftwork_std_or_loom::Mutex;
use weftwork_sync::CancellationToken;

/// The connections, and how many tasks still accept further ones.
pub(super) struct Clients<L: Listens> {
    state: Mutex<State<L>>,
    /// Nobody accepts any more, and the last connection has ended.
    drained: CancellationToken,
}

struct State<L: Listens> {
    accepting: usize,
    /// None is added any more.
    closed: bool,
    next: u64,
    open: HashMap<u64, Client<L>>,
}

struct Client<L: Listens> {
    /// It is the handler's, and is gone when that has dropped it.
    stream: Weak<Registered<L::Socket>>,
    /// None for the moment between accepting and spawning.
    task: Option<TaskControl>,
    aborted: bool,
}

impl<L: Listens> Clients<L> {
    pub(super) fn new(accepting: usize) -> Self {
        Self {
            state: Mutex::new(State {
                accepting,
                closed: false,
                next: 0,
                open: HashMap::new(),
            }),
            drained: CancellationToken::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().open.len()
    }

    /// A connection was accepted; gives its number, none once the server is closed.
    pub(super) fn add(&self, stream: &L::Stream) -> Option<u64> {
        let client = Client {
            stream: Arc::downgrade(L::socket(stream)),
            task: None,
            aborted: false,
        };
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.open.insert(number, client);
        Some(number)
    }

    /// From here on none is added: whoever closes or aborts all that are there has them all.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// The task that serves it was spawned, and may have ended already.
    pub(super) fn is_served_by(&self, number: u64, task: TaskControl) {
        let mut state = self.state.lock();
        let aborted = match state.open.get_mut(&number) {
            Some(client) if client.aborted => task,
            Some(client) => {
                client.task = Some(task);
                return;
            }
            None => return,
        };
        drop(state);
        cancel(&aborted);
    }

    /// A connection has ended.
    pub(super) fn remove(&self, number: u64) {
        let mut state = self.state.lock();
        let client = state.open.remove(&number);
        let is_drained = state.is_drained();
        drop(state);
        drop(client);
        if is_drained {
            self.drained.cancel();
        }
    }

    /// A task accepts no more.
    pub(super) fn accepts_no_more(&self) {
        let mut state = self.state.lock();
        state.accepting -= 1;
        let is_drained = state.is_drained();
        drop(state);
        if is_drained {
            self.drained.cancel();
        }
    }

    pub(super) async fn drained(&self) {
        self.drained.cancelled().await;
    }

    pub(super) fn close_all(&self) {
        for stream in self.streams() {
            // An error means that the connection is gone.
            let _ = L::shutdown(stream.get_ref(), Shutdown::Both);
        }
    }

    pub(super) fn abort_all(&self) {
        let tasks: Vec<_> = {
            let mut state = self.state.lock();
            let open = state.open.values_mut();
            open.filter_map(|client| {
                client.aborted = true;
                client.task.clone()
            })
            .collect()
        };
        let streams = self.streams();
        // Errors mean that the connection is gone.
        for stream in &streams {
            let _ = L::reset_at_close(stream.get_ref());
        }
        for task in tasks {
            cancel(&task);
        }
        // Whoever reads it in another task than the handler's hears of the end as well; the handler
        // itself was cancelled before it can take this for the end of its client.
        for stream in &streams {
            let _ = L::shutdown(stream.get_ref(), Shutdown::Read);
        }
    }

    /// The streams that are still there.
    fn streams(&self) -> Vec<Arc<Registered<L::Socket>>> {
        let state = self.state.lock();
        let streams = state.open.values().map(|client| client.stream.upgrade());
        streams.flatten().collect()
    }
}

impl<L: Listens> State<L> {
    fn is_drained(&self) -> bool {
        self.accepting == 0 && self.open.is_empty()
    }
}

fn cancel(task: &TaskControl) {
    task.cancel_with("the server aborts its clients");
}
