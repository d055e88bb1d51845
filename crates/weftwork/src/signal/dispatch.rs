//! Who hears of which signal: one table and one thread for the whole process.
//!
//! The thread starts with the first listener and ends with the process. It belongs to no
//! runtime: a signal reaches the listeners on all of them, one that is stuck or gone holds up
//! nobody, and the second Ctrl-C ends even a program whose workers hang.

use super::main_task::MainTask;
use super::unix::SignalKind;
use crate::TaskControl;
use crate::cancel::declines;
use crate::thread::wake_all;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use weftwork_io_driver::signal::{
    CaughtSignals, Disposition, SignalCatcher, default_action, disposition, signals,
};
use weftwork_std_or_loom::Mutex;

static TABLE: Mutex<Table> = Mutex::new(Table {
    catcher: None,
    signals: BTreeMap::new(),
    calls: BTreeMap::new(),
});

struct Table {
    catcher: Option<SignalCatcher>,
    /// Those that are caught, by number.
    signals: BTreeMap<i32, Caught>,
    /// Functions of this crate's own, in the thread. One of a signal that is ignored waits here
    /// until somebody listens.
    calls: BTreeMap<i32, fn()>,
}

/// One signal.
struct Caught {
    /// What happened at it before.
    before: Disposition,
    listeners: Vec<Arc<Listener>>,
    mains: Vec<Arc<MainTask>>,
}

/// Somebody who waits for a signal.
#[derive(Debug, Default)]
struct Listener(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    came: bool,
    waker: Option<Waker>,
}

/// A place among the listeners of a signal.
#[derive(Debug)]
pub(super) struct Listening {
    signal: i32,
    listener: Arc<Listener>,
}

/// A main task's place among those that a signal cancels.
#[derive(Debug)]
pub(super) struct MainGuard {
    signal: i32,
    main: Arc<MainTask>,
}

impl Table {
    /// The one entry of a main task: two different signals are a first and a second one, too.
    fn main_task(&self, task: TaskControl) -> Arc<MainTask> {
        let mut mains = self.signals.values().flat_map(|caught| &caught.mains);
        let known = mains.find(|main| main.is(&task)).map(Arc::clone);
        known.unwrap_or_else(|| Arc::new(MainTask::new(task)))
    }

    /// What happens or happened at a signal that this crate does not catch.
    fn before(&self, signal: i32) -> io::Result<Disposition> {
        match self.signals.get(&signal) {
            Some(caught) => Ok(caught.before),
            None => disposition(signal),
        }
    }

    /// The entry of a signal, which is caught from here on.
    fn caught(&mut self, signal: i32) -> io::Result<&mut Caught> {
        if !self.signals.contains_key(&signal) {
            let catcher = match self.catcher.take() {
                Some(catcher) => catcher,
                None => start()?,
            };
            let before = self.catcher.insert(catcher).catch(signal)?;
            let caught = Caught {
                before,
                listeners: Vec::new(),
                mains: Vec::new(),
            };
            self.signals.insert(signal, caught);
        }
        // It was put there just now, if not earlier.
        self.signals
            .get_mut(&signal)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Starts the thread.
fn start() -> io::Result<SignalCatcher> {
    let (catcher, mut caught) = signals()?;
    std::thread::Builder::new()
        .name("weftwork-signals".to_owned())
        .spawn(move || serve(&mut caught))?;
    Ok(catcher)
}

fn serve(caught: &mut CaughtSignals) {
    // An error means that somebody closed our pipe: there is nothing to wait for any more.
    while let Ok(signal) = caught.next_signal() {
        dispatch(signal);
    }
}

/// Calls a function of this crate at a signal, whoever else listens. A signal that is ignored
/// stays so: false says that it will not be heard of.
pub(crate) fn call_at(kind: SignalKind, call: fn()) -> io::Result<bool> {
    let signal = kind.as_raw();
    let mut table = TABLE.lock();
    table.calls.insert(signal, call);
    if table.signals.contains_key(&signal) {
        return Ok(true);
    }
    if disposition(signal)? == Disposition::Ignored {
        return Ok(false);
    }
    table.caught(signal)?;
    Ok(true)
}

fn dispatch(signal: i32) {
    let (before, listeners, mains, call) = {
        let table = TABLE.lock();
        let Some(caught) = table.signals.get(&signal) else {
            return;
        };
        let Caught {
            before,
            listeners,
            mains,
        } = caught;
        let call = table.calls.get(&signal).copied();
        (*before, listeners.clone(), mains.clone(), call)
    };
    if let Some(call) = call {
        call();
    }
    for listener in &listeners {
        listener.ring();
    }
    if !listeners.is_empty() {
        return;
    }
    let mut taken = false;
    for main in &mains {
        taken |= main.strike(signal);
    }
    let insists = !taken && !mains.is_empty();
    if insists || (mains.is_empty() && before == Disposition::Default) {
        default_action(signal);
    }
}

impl Listener {
    fn ring(&self) {
        let waker = {
            let mut state = self.0.lock();
            state.came = true;
            state.waker.take()
        };
        wake_all(waker);
    }
}

impl Listening {
    /// Hears of a signal from here on.
    pub(super) fn new(signal: i32) -> io::Result<Self> {
        let listener = Arc::new(Listener::default());
        let mut table = TABLE.lock();
        let caught = table.caught(signal)?;
        caught.listeners.push(Arc::clone(&listener));
        Ok(Self { signal, listener })
    }

    /// Ready if the signal has come since the last time.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if declines(cx) {
            return Poll::Pending;
        }
        // To clone and to drop a waker is user code, so not under the lock.
        let waker = cx.waker().clone();
        let mut state = self.listener.0.lock();
        let came = std::mem::take(&mut state.came);
        let old = state.waker.replace(waker);
        drop(state);
        drop(old);
        if came { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Not in the thread, which may have the listener in its hand.
        let waker = self.listener.0.lock().waker.take();
        drop(waker);
        if let Some(caught) = TABLE.lock().signals.get_mut(&self.signal) {
            // A clone: no waker is dropped under the lock.
            let listeners = &mut caught.listeners;
            listeners.retain(|other| !Arc::ptr_eq(other, &self.listener));
        }
    }
}

impl MainGuard {
    /// The signal cancels this main task from here on; none if it is ignored, as for a program
    /// that a shell runs in the background.
    pub(super) fn new(signal: i32, task: TaskControl) -> io::Result<Option<Self>> {
        let mut table = TABLE.lock();
        if table.before(signal)? == Disposition::Ignored {
            return Ok(None);
        }
        let main = table.main_task(task);
        table.caught(signal)?.mains.push(Arc::clone(&main));
        Ok(Some(Self { signal, main }))
    }
}

impl Drop for MainGuard {
    fn drop(&mut self) {
        if let Some(caught) = TABLE.lock().signals.get_mut(&self.signal) {
            let mains = &mut caught.mains;
            mains.retain(|other| !Arc::ptr_eq(other, &self.main));
        }
    }
}
