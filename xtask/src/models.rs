//! The models of `loom-tests` and the scenarios of `shuttle-tests`: building them once, listing them,
//! running one of them.
//!
//! Each model runs in a process of its own, so that one that hangs or aborts takes no other
//! with it, and has a time of its own.

use crate::libtest::{self, Summary};
use crate::{Result, cargo};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A model checker, and where its models are.
#[derive(Debug)]
pub(crate) struct Checker {
    package: &'static str,
    folder: &'static str,
    flags: &'static str,
    /// The folder in `target` for builds with these flags.
    target: &'static str,
    /// What it goes through.
    pub(crate) counts: &'static str,
    /// Variables of the environment, where they are not set.
    defaults: &'static [(&'static str, &'static str)],
}

pub(crate) static LOOM: Checker = Checker {
    package: "weftwork-loom-tests",
    folder: "loom-tests",
    flags: "--cfg weftwork_loom",
    target: "loom",
    counts: "interleavings",
    // The log of this one module says how many interleavings there were, and costs nothing.
    defaults: &[
        ("LOOM_MAX_PREEMPTIONS", "3"),
        ("LOOM_LOG", "loom::model=info"),
    ],
};

pub(crate) static SHUTTLE: Checker = Checker {
    package: "weftwork-shuttle-tests",
    folder: "shuttle-tests",
    flags: "--cfg weftwork_loom --cfg weftwork_shuttle",
    target: "shuttle",
    counts: "schedules",
    defaults: &[],
};

/// As many bytes of a model's output are kept, of each of its two streams.
const OUTPUT_LIMIT: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) checker: &'static Checker,
    /// Variables of the environment.
    pub(crate) variables: Vec<(&'static str, String)>,
    binary: PathBuf,
    /// The name inside its file.
    test: String,
    /// The file and the name: `wake::the_last_wake_is_seen`.
    pub(crate) name: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Passed,
    /// A check failed, or the process died of what the model did.
    Failed,
    TimedOut,
    /// Somebody else ended the process (the kernel, when memory is short).
    Killed,
    /// The test binary ran no test.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
    pub(crate) interleavings: Option<u64>,
    /// The message of the first panic, also of one that the test expects.
    pub(crate) panic: Option<String>,
    pub(crate) output: String,
}

/// Builds the tests for a checker and lists their models.
pub(crate) fn build(checker: &'static Checker) -> Result<Vec<Model>> {
    let mut command = cargo::cargo();
    command
        .args([
            "test",
            "--package",
            checker.package,
            "--release",
            "--no-run",
        ])
        .arg("--message-format=json-render-diagnostics")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", checker.flags)
        .env("CARGO_TARGET_DIR", cargo::target().join(checker.target));
    let messages = cargo::output(&mut command)?;
    let mut models = Vec::new();
    for binary in messages.lines().filter_map(libtest::test_binary) {
        models.extend(list(checker, Path::new(&binary))?);
    }
    if models.is_empty() {
        return Err(format!("{} has no model", checker.package));
    }
    Ok(models)
}

/// Those models whose name contains every one of the filters.
pub(crate) fn filter(mut models: Vec<Model>, filters: &[String]) -> Result<Vec<Model>> {
    models.retain(|model| filters.iter().all(|filter| model.name.contains(filter)));
    if models.is_empty() {
        return Err(format!("no model has {filters:?} in its name"));
    }
    Ok(models)
}

/// The models of one test binary, without those that are marked `#[ignore]`.
fn list(checker: &'static Checker, binary: &Path) -> Result<Vec<Model>> {
    let names = |more: &[&str]| {
        let mut command = Command::new(binary);
        command.args(["--list", "--format", "terse"]).args(more);
        cargo::output(&mut command).map(|list| libtest::names(&list))
    };
    let ignored = names(&["--ignored"])?;
    let mut tests = names(&[])?;
    tests.retain(|test| !ignored.contains(test));
    let file = file_of(binary);
    let model = |test: String| Model {
        checker,
        variables: Vec::new(),
        binary: binary.to_owned(),
        name: format!("{file}::{test}"),
        test,
    };
    Ok(tests.into_iter().map(model).collect())
}

/// The name of the source file: cargo adds a hash to that of the binary.
fn file_of(binary: &Path) -> String {
    let stem = binary.file_stem().unwrap_or_default().to_string_lossy();
    let (file, _) = stem.rsplit_once('-').unwrap_or((&stem, ""));
    file.to_owned()
}

impl Model {
    /// Whether a row of docs/verification.md means this model.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let rest = self.name.strip_suffix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
    }

    /// Runs the model, with the edge of that name weakened.
    pub(crate) fn run(&self, weakened: Option<&str>, limit: Duration) -> Result<Run> {
        let start = Instant::now();
        let mut child = self
            .command(weakened)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", self.binary.display()))?;
        let readers = [reader(child.stdout.take()), reader(child.stderr.take())];
        let status = wait(&mut child, start + limit);
        let output: String = readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_default())
            .collect();
        Ok(Run {
            outcome: outcome(status?, &output),
            elapsed: start.elapsed(),
            interleavings: libtest::interleavings(&output),
            panic: libtest::first_panic(&output),
            output,
        })
    }

    fn command(&self, weakened: Option<&str>) -> Command {
        let mut command = Command::new(&self.binary);
        // Without capture: what a hanging model has printed is seen.
        command
            .args([&self.test, "--exact", "--test-threads=1", "--nocapture"])
            .current_dir(cargo::root().join(self.checker.folder))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("WEFTWORK_WEAKEN")
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "0")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        for (name, default) in self.checker.defaults {
            if std::env::var_os(name).is_none() {
                command.env(name, default);
            }
        }
        if let Some(edge) = weakened {
            command.env("WEFTWORK_WEAKEN", edge);
        }
        command
    }
}

/// Reads a stream to its end, so that the child never waits for a reader.
fn reader(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let Some(mut stream) = stream else {
            return String::new();
        };
        let mut kept = Vec::new();
        // An error ends the output; what was read counts.
        let _ = stream.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut kept);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

/// Waits for the end, which `None` says did not come in time.
fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    let failed = |error| format!("cannot wait for a model: {error}");
    let mut pause = Duration::from_millis(1);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Some(status));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    child.kill().map_err(failed)?;
    child.wait().map_err(failed)?;
    Ok(None)
}

fn outcome(status: Option<ExitStatus>, output: &str) -> Outcome {
    let Some(status) = status else {
        return Outcome::TimedOut;
    };
    match libtest::summary(output) {
        Some(Summary { failed: 1.., .. }) => Outcome::Failed,
        Some(Summary { passed: 1.., .. }) if status.success() => Outcome::Passed,
        _ if status.success() => Outcome::Nothing,
        // An abort in the middle of a model leaves no summary.
        _ if status.to_string().contains("SIGKILL") => Outcome::Killed,
        _ => Outcome::Failed,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    /// A model that is a shell script; `$1` of the script is the name of the test.
    fn script(text: &str) -> (Model, PathBuf) {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let name = format!("xtask-{}-{:x}", std::process::id(), hasher.finish());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        let model = Model {
            checker: &LOOM,
            variables: Vec::new(),
            binary: "/bin/sh".into(),
            test: path.to_str().unwrap().to_owned(),
            name: "file::path::model".to_owned(),
        };
        (model, path)
    }

    fn run(text: &str, limit: Duration) -> Run {
        let (model, path) = script(text);
        let run = model.run(Some("T1"), limit).unwrap();
        std::fs::remove_file(path).unwrap();
        run
    }

    #[test]
    fn the_summary_and_the_status_decide() {
        let minute = Duration::from_secs(60);
        let ended = |text: &str| run(text, minute).outcome;
        let passed = "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'";
        assert_eq!(ended(passed), Outcome::Passed);
        assert_eq!(
            ended("echo 'test result: ok. 0 passed; 0 failed; 0 ignored'"),
            Outcome::Nothing
        );
        assert_eq!(
            ended("echo 'test result: FAILED. 0 passed; 1 failed;'; exit 101"),
            Outcome::Failed
        );
        assert_eq!(ended(&format!("{passed}; exit 3")), Outcome::Failed);
        assert_eq!(ended("kill -ABRT $$"), Outcome::Failed);
        assert_eq!(ended("kill -KILL $$"), Outcome::Killed);
    }

    #[test]
    fn a_model_that_hangs_is_ended_and_its_output_kept() {
        let text = "echo \"thread 'm' panicked at m.rs:1:1:\" >&2; echo weak $WEFTWORK_WEAKEN >&2\nexec sleep 60";
        let run = run(text, Duration::from_millis(300));
        assert_eq!(run.outcome, Outcome::TimedOut);
        assert_eq!(run.panic.as_deref(), Some("weak T1"));
        assert!(run.elapsed < Duration::from_secs(30));
    }

    #[test]
    fn a_flood_of_output_does_not_block_a_model() {
        let text = "head -c 3000000 /dev/zero | tr '\\0' x\necho\nexit 1";
        let run = run(text, Duration::from_secs(60));
        assert_eq!(run.outcome, Outcome::Failed);
        assert_eq!(run.output.len() as u64, OUTPUT_LIMIT);
    }

    #[test]
    fn a_model_is_called_by_its_last_names() {
        let (model, path) = script("exit 0");
        std::fs::remove_file(path).unwrap();
        assert!(model.is_called("model") && model.is_called("path::model"));
        assert!(!model.is_called("odel") && !model.is_called("path"));
        assert_eq!(
            file_of(Path::new("/t/deps/wake_up-9aa162f72c6c")),
            "wake_up"
        );
    }
}
