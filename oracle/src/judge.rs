//! CPython, in a process of its own.

use crate::interpret::Event;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = concat!(
    include_str!("judge.py"),
    "\n\n",
    include_str!("turns.py"),
    "\n\n",
    include_str!("turns_sync.py"),
    "\n\n",
    include_str!("turns_groups.py"),
    "\n\nmain()\n"
);

/// A program for Python, and the deliberate differences that asyncio is to have.
pub(crate) type Case<'a> = (&'a str, &'a [&'a str]);

/// A version of Python.
pub(crate) type Version = (u64, u64, u64);

/// A running Python.
pub(crate) struct Judge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) version: Version,
}

/// What may be a Python: `WEFTWORK_ORACLE_PYTHON` alone, or whatever is in the path and where pyenv
/// installs.
fn candidates() -> Vec<PathBuf> {
    if let Some(python) = std::env::var_os("WEFTWORK_ORACLE_PYTHON") {
        return vec![python.into()];
    }
    let mut found: Vec<_> = (11..30)
        .map(|minor| format!("python3.{minor}").into())
        .collect();
    found.push("python3".into());
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|root| root.join("versions").read_dir().ok());
    for entry in versions.into_iter().flatten().flatten() {
        found.push(entry.path().join("bin/python3"));
    }
    found
}

/// None if it is no Python.
fn version_of(python: &Path) -> Option<Version> {
    let ask = "import json, sys; print(json.dumps(sys.version_info[:3]))";
    let answer = Command::new(python).args(["-I", "-c", ask]).output().ok()?;
    serde_json::from_slice(&answer.stdout).ok()
}

impl Judge {
    /// The newest Python that is found.
    pub(crate) fn newest() -> Result<Self, String> {
        let found = candidates().into_iter();
        let found = found.filter_map(|path| Some((version_of(&path)?, path)));
        let (version, path) = found
            .max()
            .filter(|(version, _)| *version >= (3, 11, 0))
            .ok_or("no python3 of version 3.11 or newer: install one")?;
        Self::start(&path, version).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn start(python: &Path, version: Version) -> io::Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-u", "-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            input,
            output: BufReader::new(output.ok_or(io::ErrorKind::BrokenPipe)?),
            version,
        })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    /// The logs of these programs.
    pub(crate) fn logs(&mut self, cases: &[Case<'_>]) -> io::Result<Vec<Vec<Event>>> {
        let mut input = self.input.take().ok_or(io::ErrorKind::BrokenPipe)?;
        std::thread::scope(|threads| {
            // Apart, for both pipes may be full.
            let writer = threads.spawn(move || {
                for case in cases {
                    serde_json::to_writer(&mut input, case)?;
                    input.write_all(b"\n")?;
                }
                input.flush()?;
                io::Result::Ok(input)
            });
            let logs: io::Result<_> = cases.iter().map(|_| parse(&self.line()?)).collect();
            let written = writer.join();
            self.input = Some(written.map_err(|_| io::ErrorKind::BrokenPipe)??);
            logs
        })
    }
}

fn parse(line: &str) -> io::Result<Vec<Event>> {
    let events: Vec<(u64, String, String)> = serde_json::from_str(line)?;
    let events = events.into_iter();
    Ok(events
        .map(|(time, who, what)| Event { time, who, what })
        .collect())
}

impl Drop for Judge {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
