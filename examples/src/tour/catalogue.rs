//! The list of all programs.

use crate::programs;

/// One program of the tutorials.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// What it shows, in a few words.
    pub(crate) shows: &'static str,
    pub(crate) main: fn(),
    /// What CPython printed.
    pub(crate) expected: &'static str,
}

macro_rules! programs {
    ($($name:ident: $shows:literal,)+) => {
        &[$(Program {
            name: stringify!($name),
            shows: $shows,
            main: programs::$name::main,
            expected: include_str!(concat!("../../expected/", stringify!($name), ".txt")),
        }),+]
    };
}

/// In the order of the tutorials.
pub(crate) const PROGRAMS: &[Program] = programs! {
    hello: "ensure_future",
    callback_sum: "a callback computes 10 + result",
    do_some_work: "results from the caller's own list",
    first_coroutine: "run and sleep",
    task_repr: "a task's repr, before and after",
    task_result: "result() and InvalidStateError",
    done_callback: "a callback with one more argument",
    wait_three_times: "wait: first, timeout, the rest",
    wait_first_exception: "wait: FIRST_EXCEPTION, order of completion",
    gather_groups: "gather: groups of groups",
    gather_groups_cancelled: "gather: one group cancelled",
    gather_groups_failures: "gather: failures as values",
    results_after_wait: "result() after wait",
    results_by_gather: "results of gather, in order",
    call_soon_threadsafe: "callbacks from another thread",
    run_coroutine_threadsafe: "tasks from another thread",
    call_later: "call_later, call_at, loop.time",
    thread_holds: "a loop that holds the process",
    thread_daemon: "a loop in a daemon thread",
    producer_consumer: "two threads and a deque feed a loop",
    redis_rpop: "a thread that polls Redis feeds a loop",
    redis_blocking_pop: "a blocking pop of Redis in the loop",
    current_and_all_tasks: "current_task and all_tasks",
    http_get_10: "ten HTTP requests at the same time",
    http_get_600: "600, and too few file descriptors",
    http_get_600_limited: "600, of which 500 at the same time",
    crawl_600: "a crawler: Semaphore, and buffered",
    time_sleep_trap: "time.sleep, harmless on workers, and spawn_blocking",
};

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    fn files(folder: &str, ending: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(ending)?.to_owned()));
        names
            .filter(|name| {
                !["local_http", "local_redis", "mod", "record", "tutorial"].contains(&name.as_str())
            })
            .collect()
    }

    #[test]
    fn each_program_is_everywhere() {
        let names: BTreeSet<_> = PROGRAMS.iter().map(|p| p.name.to_owned()).collect();
        assert_eq!(names.len(), PROGRAMS.len(), "a name stands there twice");
        assert_eq!(names, files("src/programs", ".rs"));
        assert_eq!(names, files("python", ".py"));
        assert_eq!(names, files("expected", ".txt"));
    }

    #[test]
    fn the_readme_and_the_manifest_name_each_program() {
        let readme = include_str!("../../README.md");
        let manifest = include_str!("../../Cargo.toml");
        for program in PROGRAMS {
            let row = format!("| [{0}](src/programs/{0}.rs) |", program.name);
            assert!(readme.contains(&row), "no row in the README: {row}");
            let example = format!(
                "name = \"{0}\"\npath = \"src/programs/{0}.rs\"",
                program.name
            );
            assert!(manifest.contains(&example), "no example: {}", program.name);
        }
    }
}
