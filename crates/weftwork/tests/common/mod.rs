//! What all tests share: a body on 1, 2 and 8 workers and on one local thread, a watchdog that
//! ends a test that hangs, logs, gates, counters of drops.

#![allow(dead_code, reason = "each test binary uses its own part of it")]
#![allow(clippy::print_stderr, reason = "the last words of a test")]

#[cfg(target_os = "linux")]
#[path = "descriptors.rs"]
mod descriptors;

#[cfg(target_os = "linux")]
#[path = "remote.rs"]
pub(crate) mod remote;

use std::fmt::Debug;
use std::future::{Future, pending};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use weftwork::sync::oneshot;
use weftwork::{Builder, Cancelled, Report, Runtime, Task, TaskControl, panic_message, yield_now};
use weftwork_std_or_loom::Mutex;
use weftwork_std_or_loom::atomic::{AtomicUsize, Ordering::SeqCst};

/// A test that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// No test waits that long: a time that must not be over.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Ends the process with a message unless it is dropped in time. When the last one goes, nothing may
/// be open that was not when the first one came.
pub(crate) struct Watchdog(mpsc::Sender<()>);

impl Watchdog {
    pub(crate) fn start() -> Self {
        Self::of(std::thread::current().name().unwrap_or("a test"))
    }

    /// With a name for the message.
    pub(crate) fn of(name: &str) -> Self {
        #[cfg(target_os = "linux")]
        descriptors::a_test_begins();
        let (alive, dead) = mpsc::channel::<()>();
        let name = name.to_owned();
        std::thread::spawn(move || {
            if dead.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Past what libtest captures, for it is lost with the process.
                let _ = writeln!(std::io::stderr(), "{name} hangs: no end after {LIMIT:?}");
                std::process::abort();
            }
        });
        Self(alive)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        descriptors::a_test_ends();
    }
}

/// On what a test body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Workers(usize),
    Local,
}

pub(crate) const EVERYWHERE: [On; 4] = [On::Workers(1), On::Workers(2), On::Workers(8), On::Local];
pub(crate) const WORKERS: [On; 3] = [On::Workers(1), On::Workers(2), On::Workers(8)];

impl On {
    /// A runtime of this kind.
    pub(crate) fn runtime(self, builder: Builder) -> Runtime {
        match self {
            Self::Workers(workers) => builder.workers(workers).build().unwrap(),
            Self::Local => weftwork_scheduler::local::runtime(builder).unwrap(),
        }
    }
}

/// What came to the exception handler.
#[derive(Clone, Default)]
pub(crate) struct Reports(Arc<Mutex<Vec<Seen>>>);

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) message: String,
    pub(crate) context: String,
    pub(crate) task: Option<String>,
    pub(crate) line: Option<u32>,
}

impl Reports {
    pub(crate) fn add(&self, report: &Report) {
        self.0.lock().push(Seen {
            message: report.message().to_owned(),
            context: report.context().to_owned(),
            task: report.task().map(|task| task.name()),
            line: report.task().map(|task| task.location().line()),
        });
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }

    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.0.lock())
    }

    /// The texts, sorted.
    pub(crate) fn messages(&self) -> Vec<String> {
        let mut messages: Vec<_> = self.take().into_iter().map(|seen| seen.message).collect();
        messages.sort();
        messages
    }
}

/// Runs a body on the given kinds of runtime; nothing may come to the exception handler but
/// what the body takes out of the reports.
pub(crate) fn on<F: Future<Output = ()>>(kinds: &[On], body: impl Fn(Reports) -> F) {
    let watchdog = Watchdog::start();
    for kind in kinds {
        let reports = Reports::default();
        let sink = reports.clone();
        let runtime =
            kind.runtime(Runtime::builder().exception_handler(move |report| sink.add(report)));
        let ran = catch_unwind(AssertUnwindSafe(|| runtime.block_on(body(reports.clone()))));
        if let Err(payload) = ran {
            eprintln!("on {kind:?}: {}", panic_message(&*payload));
            std::panic::resume_unwind(payload);
        }
        runtime.close().unwrap();
        drop(runtime);
        assert_eq!(reports.take(), [], "unexpected reports on {kind:?}");
    }
    drop(watchdog);
}

/// Runs a body everywhere.
pub(crate) fn each<F: Future<Output = ()>>(body: impl Fn() -> F) {
    on(&EVERYWHERE, |_| body());
}

/// Runs a body everywhere, with what came to the exception handler.
pub(crate) fn each_reporting<F: Future<Output = ()>>(body: impl Fn(Reports) -> F) {
    on(&EVERYWHERE, body);
}

/// Runs a body everywhere with a clock that takes no real time.
pub(crate) fn paused<F: Future<Output = ()>>(body: impl Fn() -> F) {
    for kind in EVERYWHERE {
        let watchdog = Watchdog::start();
        let runtime = kind.runtime(Runtime::builder().start_paused(true));
        runtime.block_on(body());
        runtime.close().unwrap();
        drop(runtime);
        drop(watchdog);
    }
}

/// How many descriptors this process has open, but for those by which the monitor looks at a thread
/// that blocks, as a test does that waits for something to come true.
#[cfg(target_os = "linux")]
pub(crate) fn descriptors() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let is_look = |target: &PathBuf| {
        let mut names = target.iter().skip(3);
        target.starts_with("/proc") && names.next().is_some_and(|name| name == "task")
    };
    targets.filter(|target| !is_look(target)).count()
}

/// The children of this process, zombies included.
#[cfg(target_os = "linux")]
pub(crate) fn children() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let lists = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

/// Lets the others run until it is so.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        yield_now().await;
    }
}

/// A cancel that was asked for has been delivered.
pub(crate) async fn struck(control: &TaskControl) {
    let was_struck = |cause: Cancelled| cause.struck().is_some();
    until(|| control.cancel_cause().is_some_and(was_struck)).await;
}

/// Gives whatever is ready many turns, for a test that something does not happen.
pub(crate) async fn settle() {
    for _ in 0..100 {
        // Workers that have no core at the moment are to have theirs.
        std::thread::yield_now();
        yield_now().await;
    }
}

/// A future that is never ready and that weftwork knows nothing of.
pub(crate) async fn forever<T>() -> T {
    pending().await
}

/// Tells that a place was reached, and waits there for ever.
pub(crate) async fn stuck_at<T>(reached: oneshot::Sender<()>) -> T {
    let _ = reached.send(());
    pending().await
}

/// A task that is stuck in a foreign future, which it has reached.
pub(crate) async fn stuck<T: Send + 'static>() -> Task<T> {
    let (reached, is_reached) = oneshot::channel();
    let task = weftwork::spawn(stuck_at(reached));
    is_reached.await.unwrap();
    task
}

/// A task that has reached the point where its body says so.
pub(crate) async fn started<F>(body: impl FnOnce(oneshot::Sender<()>) -> F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (reached, is_reached) = oneshot::channel();
    let task = weftwork::spawn(body(reached));
    is_reached.await.unwrap();
    task
}

/// A task that was cancelled and has ended.
pub(crate) async fn cancelled_task<T: Send + 'static>() -> Task<T> {
    let task = weftwork::spawn(forever());
    task.cancel();
    task.finished().await;
    task
}

/// A task that has ended on a runtime, which is at rest before and after.
pub(crate) fn ended_on<F>(runtime: &Runtime, future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = runtime.handle().spawn(future);
    runtime.block_on(task.finished());
    task
}

/// Waits for a cancel and swallows it.
pub(crate) async fn swallow_a_cancel() {
    let caught = weftwork::catch(forever::<()>()).await;
    assert!(caught.unwrap_err().is_cancelled());
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }

    pub(crate) fn get(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Logs when it is dropped.
    pub(crate) fn on_drop(&self, what: impl Into<String>) -> LogDrop {
        LogDrop(self.clone(), what.into())
    }
}

pub(crate) struct LogDrop(Log, String);

impl Drop for LogDrop {
    fn drop(&mut self) {
        self.0.add(std::mem::take(&mut self.1));
    }
}

/// Counts something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// A value that counts its drop.
    pub(crate) fn on_drop(&self) -> CountDrop {
        CountDrop(self.clone())
    }
}

#[derive(Debug)]
pub(crate) struct CountDrop(Counter);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// A flag.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flag(Counter);

impl Flag {
    pub(crate) fn set(&self) {
        self.0.add();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.get() > 0
    }
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The text with which `f` panics.
pub(crate) fn panic_of<R: Debug>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should have panicked");
    panic_message(&*payload).to_owned()
}

/// True once `condition` holds, looked at from a plain thread.
pub(crate) fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(ms(1));
    }
    true
}

/// `count` in an optimized build, a tenth of it with debug assertions.
pub(crate) const fn scaled(count: usize) -> usize {
    if cfg!(debug_assertions) {
        count / 10
    } else {
        count
    }
}

/// A folder of the test's own, which goes with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // One that was killed and had the same number may have left its own.
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let name = format!(
            "weftwork-{}-{}-{}",
            std::process::id(),
            now.subsec_nanos(),
            NEXT.fetch_add(1, SeqCst)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A named pipe: reading from it waits until somebody writes.
    pub(crate) fn fifo(&self) -> PathBuf {
        let path = self.path("fifo");
        let made = std::process::Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file to read and to write, which is made if there is none.
pub(crate) async fn open_both(path: &std::path::Path) -> weftwork::fs::File {
    let mut options = weftwork::fs::OpenOptions::new();
    options.read(true).write(true).create(true);
    options.open(path).await.unwrap()
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A foreign executor: parks this thread until the future is ready.
pub(crate) fn foreign_block_on<F: Future>(future: F) -> F::Output {
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// How long this thread has worked. Where the system does not say, how long it has lived.
pub(crate) fn worked() -> Duration {
    // The number is brought up to date when the thread leaves its processor.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    match nanos {
        Some(nanos) => Duration::from_nanos(nanos),
        None => START.elapsed(),
    }
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

/// Opens files until there is no descriptor left, and none comes free: a thread that starts has
/// one for a moment (the C library's allocator looks how many processors there are).
pub(crate) async fn use_up_descriptors() -> Vec<std::fs::File> {
    let mut files = Vec::new();
    for _ in 0..5 {
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        weftwork::sleep(ms(10)).await;
    }
    files
}
