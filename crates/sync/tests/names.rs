//! Whoever looks for a name of asyncio or of tokio finds its equivalent: by its own name, or by a
//! `doc(alias)`.

use std::fs;
use std::path::Path;

/// Where a primitive lives, and the names by which others know it and its parts.
const NAMES: &[(&str, &[&str])] = &[
    (
        "barrier.rs",
        &[
            "asyncio.Barrier",
            "asyncio.BrokenBarrierError",
            "BrokenBarrierError",
            "wait",
            "reset",
            "abort",
            "parties",
            "n_waiting",
            "broken",
        ],
    ),
    (
        "broadcast",
        &[
            "broadcast::channel",
            "Sender",
            "Receiver",
            "send",
            "subscribe",
            "resubscribe",
            "recv",
            "try_recv",
            "blocking_recv",
            "receiver_count",
            "is_empty",
            "Lagged",
            "Closed",
            "Empty",
            "broadcast::Sender",
            "broadcast::Receiver",
        ],
    ),
    (
        "channel",
        &[
            "mpsc::channel",
            "unbounded_channel",
            "Sender",
            "Receiver",
            "send",
            "try_send",
            "recv",
            "try_recv",
            "recv_many",
            "blocking_send",
            "blocking_recv",
            "close",
            "is_closed",
            "mpsc::Sender",
            "mpsc::Receiver",
        ],
    ),
    (
        "condvar.rs",
        &[
            "asyncio.Condition",
            "Condition",
            "wait",
            "wait_for",
            "notify",
            "notify_all",
            "notify_one",
        ],
    ),
    (
        "event.rs",
        &["asyncio.Event", "wait", "set", "is_set", "clear"],
    ),
    (
        "limiter.rs",
        &[
            "CapacityLimiter",
            "acquire",
            "acquire_nowait",
            "total_tokens",
            "borrowed_tokens",
            "available_tokens",
            "statistics",
            "borrowers",
            "tasks_waiting",
        ],
    ),
    (
        "mapped.rs",
        &[
            "MappedMutexGuard",
            "OwnedMappedMutexGuard",
            "RwLockMappedWriteGuard",
        ],
    ),
    (
        "mutex",
        &[
            "asyncio.Lock",
            "Lock",
            "acquire",
            "locked",
            "lock",
            "try_lock",
            "lock_owned",
            "try_lock_owned",
            "blocking_lock",
            "TryLockError",
            "MutexGuard",
            "OwnedMutexGuard",
            "map",
            "release",
        ],
    ),
    ("no_receivers.rs", &["SendError"]),
    (
        "notify.rs",
        &[
            "Notify",
            "notified",
            "notified_owned",
            "notify_one",
            "notify_waiters",
            "Notified",
        ],
    ),
    (
        "once_cell.rs",
        &[
            "OnceCell",
            "get_or_init",
            "get_or_try_init",
            "set",
            "get",
            "initialized",
            "SetError",
        ],
    ),
    (
        "oneshot",
        &[
            "asyncio.Future",
            "create_future",
            "set_result",
            "set_exception",
            "cancel",
            "done",
            "result",
            "InvalidStateError",
            "asyncio.InvalidStateError",
            "oneshot::channel",
            "send",
            "closed",
            "is_closed",
            "try_recv",
            "close",
            "blocking_recv",
            "oneshot::Sender",
            "oneshot::Receiver",
        ],
    ),
    (
        "queue",
        &[
            "asyncio.Queue",
            "asyncio.LifoQueue",
            "asyncio.PriorityQueue",
            "asyncio.QueueFull",
            "asyncio.QueueEmpty",
            "asyncio.QueueShutDown",
            "QueueFull",
            "QueueEmpty",
            "QueueShutDown",
            "put",
            "put_nowait",
            "get",
            "get_nowait",
            "qsize",
            "empty",
            "full",
            "maxsize",
            "join",
            "task_done",
            "shutdown",
            "send",
            "try_send",
            "recv",
            "try_recv",
            "recv_many",
            "blocking_send",
            "blocking_recv",
            "close",
            "is_closed",
            "TrySendError",
            "TryRecvError",
            "SendError",
            "max_capacity",
            "mpsc",
        ],
    ),
    (
        "rwlock",
        &[
            "RwLock",
            "read",
            "write",
            "try_read",
            "try_write",
            "read_owned",
            "write_owned",
            "blocking_read",
            "blocking_write",
            "downgrade",
            "map",
            "RwLockReadGuard",
            "OwnedRwLockWriteGuard",
            "RwLockWriteGuard",
            "OwnedRwLockReadGuard",
        ],
    ),
    (
        "semaphore",
        &[
            "asyncio.Semaphore",
            "asyncio.BoundedSemaphore",
            "acquire",
            "release",
            "locked",
            "acquire_many",
            "try_acquire",
            "try_acquire_many",
            "acquire_owned",
            "acquire_many_owned",
            "try_acquire_owned",
            "add_permits",
            "forget_permits",
            "forget",
            "close",
            "is_closed",
            "available_permits",
            "AcquireError",
            "TryAcquireError",
            "SemaphorePermit",
            "OwnedSemaphorePermit",
            "num_permits",
        ],
    ),
    (
        "token",
        &[
            "CancellationToken",
            "CancelScope",
            "child_token",
            "cancel",
            "cancelled",
            "cancelled_owned",
            "is_cancelled",
            "run_until_cancelled",
            "drop_guard",
            "DropGuard",
            "disarm",
            "WaitForCancellationFuture",
        ],
    ),
    (
        "watch",
        &[
            "watch::channel",
            "Sender",
            "Receiver",
            "send",
            "send_modify",
            "send_if_modified",
            "send_replace",
            "borrow",
            "borrow_and_update",
            "changed",
            "has_changed",
            "wait_for",
            "subscribe",
            "closed",
            "is_closed",
            "receiver_count",
            "RecvError",
            "watch::Sender",
            "watch::Receiver",
        ],
    ),
];

/// The text of a file, or of all files of a folder.
fn text(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let files = fs::read_dir(path).unwrap();
    files.map(|file| text(&file.unwrap().path())).collect()
}

/// True if somebody who looks for `name` finds something in `code`.
fn finds(code: &str, name: &str) -> bool {
    let alias = format!("doc(alias = \"{name}\")");
    let is_it = |line: &str| {
        let item = line.trim_start();
        let public = item.strip_prefix("pub ").map(|item| {
            let item = item.strip_prefix("async ").unwrap_or(item);
            let item = item.strip_prefix("const ").unwrap_or(item);
            let kinds = ["fn ", "struct ", "enum ", "type "];
            // Otherwise it is a field.
            let rest = kinds.iter().find_map(|kind| item.strip_prefix(kind));
            rest.unwrap_or(item)
        });
        // Or a variant.
        let variant = item.starts_with(char::is_uppercase).then_some(item);
        let rest = public.or(variant).and_then(|item| item.strip_prefix(name));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    code.contains(&alias) || code.lines().any(is_it)
}

#[test]
fn every_name_of_asyncio_and_tokio_is_found() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let missing: Vec<String> = NAMES
        .iter()
        .flat_map(|(place, names)| {
            let code = text(&src.join(place));
            let missing = names.iter().filter(move |name| !finds(&code, name));
            missing.map(move |name| format!("{place}: {name}"))
        })
        .collect();
    assert!(
        missing.is_empty(),
        "neither an item nor a doc(alias): {missing:#?}"
    );
}

#[test]
fn a_name_that_is_not_there_is_not_found() {
    let code = "pub fn put_all() {}\n#[doc(alias = \"send\")]\npub struct Put;\n    get: u8,";
    assert!(finds(code, "put_all") && finds(code, "send") && finds(code, "Put"));
    assert!(
        !finds(code, "get") && !finds(code, "put") && !finds(code, "sen") && !finds(code, "ut")
    );
}

/// A primitive that is new is in the list.
#[test]
fn every_primitive_is_in_the_list() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let modules = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules {
        let file = format!("{module}.rs");
        let listed = NAMES
            .iter()
            .any(|(place, _)| *place == module || *place == file);
        assert!(
            listed,
            "{module}: which names of asyncio and tokio find it?"
        );
    }
}
