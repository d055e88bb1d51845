//! Every public wait is swept: its name stands with the program that sweeps it.
//!
//! The sources say which waits there are: an `async fn`, a function that gives an `Operation` or a
//! future, a `poll_..` function, a type with the trait of a future, a stream, a reader or a writer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What is not swept, and why.
const EXCEPTIONS: [(&str, &str); 16] = [
    ("Child", "private: in it runs a child of a task group"),
    ("Cut::run", "the sweep itself"),
    ("Cut::run_local", "the sweep itself"),
    ("Cutting", "private: the sweep itself"),
    ("FromIter", "never waits"),
    ("Pump", "private: the task that sends for a StreamWriter"),
    ("Scheduler::poll_all", "for models"),
    ("Task::poll_done", "the combinators wait by it"),
    ("Task::poll_outcome", "the combinators wait by it"),
    ("Task::poll_quiet", "`Shield` waits by it"),
    ("TaskControl::poll_resolved", "a task group waits by it"),
    ("Timer", "`Sleep`, `Interval` and `Timeout` wait by it"),
    (
        "UnixServerBuilder::start",
        "never waits: no name is looked up",
    ),
    (
        "net::start_unix_server",
        "never waits: no name is looked up",
    ),
    ("testing::sweep", "the sweep itself"),
    ("testing::sweep_drops", "the sweep itself"),
];

/// Where the waits are.
const SOURCES: [&str; 3] = ["src", "../scheduler/src", "../sync/src"];

/// Modules whose name belongs to those of their functions.
const MODULES: [&str; 6] = ["fs", "io", "net", "process", "testing", "time"];

const TRAITS: [&str; 5] = ["Future", "Stream", "AsyncRead", "AsyncWrite", "AsyncSeek"];

/// All Rust files of a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first word of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The trait, if there is one, and the type of an `impl`.
fn header(line: &str) -> Option<(Option<&str>, &str)> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|c| {
            depth += i32::from(c == '<') - i32::from(c == '>');
            depth == 0
        });
        rest = &rest[end? + 1..];
    }
    let (of, subject) = match rest.split_once(" for ") {
        Some((of, subject)) => (Some(word(of.trim())), subject),
        None => (None, rest),
    };
    Some((of, word(subject.trim_start_matches([' ', '&']))))
}

/// The waits of one file. Those of sync have the name of their module: many have one name.
fn waits(text: &str, module: &str, is_sync: bool, found: &mut BTreeSet<String>) {
    let in_module = |name: &str| format!("{module}::{name}");
    let mut owner = None;
    for line in text.lines() {
        if line.starts_with("#[cfg(test)]") {
            return;
        }
        let by_macro = line
            .split_once("_by_reference!(")
            .map(|(_, rest)| word(rest));
        if let Some((of, subject)) = header(line) {
            owner = Some(subject);
            if of.is_some_and(|of| TRAITS.contains(&of)) {
                found.insert(match is_sync {
                    true => in_module(subject),
                    false => subject.to_owned(),
                });
            }
        } else if let Some(subject) = by_macro.filter(|subject| !subject.is_empty()) {
            found.insert(subject.to_owned());
        } else if line.starts_with('}') {
            owner = None;
        } else if let Some(name) = function(line.trim_start()) {
            found.insert(match owner {
                Some(owner) => format!("{owner}::{name}"),
                None if MODULES.contains(&module) => in_module(name),
                None => name.to_owned(),
            });
        }
    }
}

/// The name of a public function that waits.
fn function(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("pub async fn ") {
        return Some(word(rest));
    }
    let name = word(line.strip_prefix("pub fn ")?);
    let waits = line.contains("-> Operation<") || line.contains("-> impl Future");
    (waits || name.starts_with("poll_")).then_some(name)
}

/// All waits of the facade.
fn all_waits() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in SOURCES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let mut paths = Vec::new();
        files(&root, &mut paths);
        for path in paths {
            let module = path.strip_prefix(&root).unwrap().components().next();
            let module = module.unwrap().as_os_str().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let module = module.trim_end_matches(".rs");
            waits(&text, module, source.contains("sync"), &mut found);
        }
    }
    found
}

/// What the programs say that they sweep: the parts of all strings.
fn all_swept() -> BTreeSet<String> {
    let mut paths = Vec::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweep");
    files(&here, &mut paths);
    paths.retain(|path| !path.ends_with("names.rs"));
    let mut found = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(path).unwrap();
        for string in text.split('"').skip(1).step_by(2) {
            let names = string.split([',', '\\', ' ', '\n']);
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_wait_is_swept() {
    let (waits, swept) = (all_waits(), all_swept());
    let excused: BTreeSet<_> = EXCEPTIONS.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = waits
        .iter()
        .filter(|name| !swept.contains(*name) && !excused.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "write a program that is cut while it waits for each of these: {missing:#?}"
    );
    for name in excused {
        let is_needed = waits.contains(name) && !swept.contains(name);
        assert!(is_needed, "no exception is needed for {name}");
    }
}

#[test]
fn the_names_are_found() {
    let text = "impl<M: Deref<Target = Mutex<T>>, T> Future for Lock<M, T> {\n}\n\
                impl<T> Queue<T> {\n    pub async fn get(&self) -> T {\n    fn put(&self) {\n}\n\
                pub fn copy(from: A) -> Operation<u64> {\n\
                read_by_reference!(TcpStream, |this| &*this);\n\
                impl fmt::Debug for Queue {\n}\n";
    let mut found = BTreeSet::new();
    waits(text, "fs", false, &mut found);
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["Lock", "Queue::get", "TcpStream", "fs::copy"]);
    assert!(
        all_waits().len() > 100,
        "they are not where they are looked for"
    );
}
