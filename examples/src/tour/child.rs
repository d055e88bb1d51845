//! One program in a process of its own, watched: what it prints, how it ends, whether it hangs.

use crate::CHILD;
use crate::catalogue::Program;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use weftwork_examples::redis::UNAVAILABLE;
use weftwork_examples::{Options, compare, is_timed};

/// How a run of a program went.
pub(crate) struct Outcome {
    pub(crate) wall: Duration,
    /// What was not as expected.
    pub(crate) failure: Option<String>,
    /// What was not as expected of a timed program before it was run again, more slowly.
    pub(crate) first: Option<String>,
}

/// At this scale a timed program is run again if its lines were not as expected at a smaller one:
/// a second of the tutorial is then longer than what a busy machine holds a program up for.
pub(crate) const SLOWLY: f64 = 0.5;

/// Why a run of a program is not good.
#[derive(Debug)]
enum Failure {
    /// It ended well, but printed other lines.
    Lines(String),
    /// It failed, or hung, or could not be run.
    Run(String),
}

/// Runs a program and compares what it prints.
pub(crate) fn visit(program: &Program, options: Options) -> Outcome {
    let start = Instant::now();
    let is_timed = is_timed(program.expected) && options.scale < SLOWLY;
    let (result, first) = attempts(is_timed, |slowly| {
        let scale = if slowly { SLOWLY } else { options.scale };
        attempt(program, Options { scale, ..options })
    });
    Outcome {
        wall: start.elapsed(),
        failure: result.err().map(|failure| match failure {
            Failure::Lines(text) | Failure::Run(text) => text,
        }),
        first,
    }
}

/// One attempt, or two: what came of the last one, and why it was not the first.
fn attempts(
    is_timed: bool,
    attempt: impl Fn(bool) -> Result<(), Failure>,
) -> (Result<(), Failure>, Option<String>) {
    match attempt(false) {
        Err(Failure::Lines(first)) if is_timed => (attempt(true), Some(first)),
        result => (result, None),
    }
}

fn attempt(program: &Program, options: Options) -> Result<(), Failure> {
    // Each program sleeps for at most 10 seconds of the tutorial.
    let limit = Duration::from_secs_f64(20.0 + 20.0 * options.scale);
    let run = command(program, options).and_then(|command| watch(command, limit));
    let run = run.map_err(|error| Failure::Run(format!("it could not be run: {error}")))?;
    judge(program, options, limit, &run)
}

/// This very executable, as the program.
fn command(program: &Program, options: Options) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CHILD, program.name, "--scale", &options.scale.to_string()]);
    if options.local {
        command.arg("--local");
    }
    Ok(command)
}

/// What came of a process.
struct Run {
    lines: Vec<String>,
    errors: String,
    /// None if it was killed because its time was over.
    status: Option<ExitStatus>,
}

fn watch(mut command: Command, limit: Duration) -> io::Result<Run> {
    let command = command.stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().expect("it is piped");
    let errors = child.stderr.take().expect("it is piped");
    let lines = read(output, |output| {
        output.lines().collect::<Result<Vec<_>, _>>()
    });
    let errors = read(errors, |mut errors| {
        let mut text = Vec::new();
        errors.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    });
    let status = wait(&mut child, limit)?;
    let join = "reading does not panic";
    Ok(Run {
        lines: lines.join().expect(join)?,
        errors: errors.join().expect(join)?,
        status,
    })
}

/// Reads a pipe on a thread, so that neither pipe fills up.
fn read<P, T, F>(pipe: P, f: F) -> JoinHandle<io::Result<T>>
where
    P: Read + Send + 'static,
    T: Send + 'static,
    F: FnOnce(BufReader<P>) -> io::Result<T> + Send + 'static,
{
    thread::spawn(move || f(BufReader::new(pipe)))
}

/// Waits for the end of a process; one whose time is over is killed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn judge(program: &Program, options: Options, limit: Duration, run: &Run) -> Result<(), Failure> {
    let difference = compare(program.expected, options.local, &run.lines).err();
    let with_errors = |problem: String| match run.errors.trim_end() {
        "" => problem,
        errors => {
            let errors = errors.replace('\n', "\n    ");
            format!("{problem}\nit wrote to stderr\n    {errors}")
        }
    };
    match (run.status, difference) {
        (Some(status), _) if status.code() == Some(UNAVAILABLE) => {
            Err(Failure::Run(format!("not run: {}", run.errors.trim_end())))
        }
        (Some(status), None) if status.success() => Ok(()),
        (Some(status), Some(difference)) if status.success() => {
            Err(Failure::Lines(with_errors(difference.to_string())))
        }
        (Some(status), None) => Err(Failure::Run(with_errors(status.to_string()))),
        (Some(status), Some(difference)) => {
            Err(Failure::Run(with_errors(format!("{status}; {difference}"))))
        }
        (None, _) => {
            let (limit, lines) = (limit.as_secs_f64(), run.lines.len());
            let text = format!("it hangs: killed after {limit:.0} s and {lines} lines");
            Err(Failure::Run(with_errors(text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Run {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        watch(command, limit).unwrap()
    }

    /// Far more than a shell needs, also on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    fn judged(script: &str, expected: &'static str, limit: Duration) -> Result<(), Failure> {
        let program = Program {
            name: "test",
            shows: "",
            main: || {},
            expected,
        };
        let options = Options {
            scale: 1.0,
            local: false,
        };
        judge(&program, options, limit, &shell(script, limit))
    }

    /// What is never run again, also if the program is timed.
    fn bad_run(result: Result<(), Failure>) -> String {
        match result {
            Err(Failure::Run(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn bad_lines(result: Result<(), Failure>) -> String {
        match result {
            Err(Failure::Lines(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_expected_is_no_failure() {
        assert!(judged("echo a; echo b", "a\nb\n", LONG).is_ok());
    }

    #[test]
    fn a_hang_is_killed_and_said() {
        let start = Instant::now();
        let limit = Duration::from_secs(2);
        let failure = bad_run(judged("echo a; exec sleep 60", "a\n", limit));
        assert!(failure.starts_with("it hangs: killed after"), "{failure}");
        assert!(failure.contains("1 lines"), "{failure}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_bad_status_is_a_failure_even_if_the_lines_are_right() {
        let failure = bad_run(judged("echo a; echo oh >&2; exit 3", "a\n", LONG));
        assert!(failure.contains("exit status: 3"), "{failure}");
        assert!(failure.ends_with("it wrote to stderr\n    oh"), "{failure}");
    }

    #[test]
    fn what_is_not_installed_is_said_without_any_lines() {
        let failure = bad_run(judged("echo install it >&2; exit 69", "a\n", LONG));
        assert_eq!(failure, "not run: install it");
    }

    #[test]
    fn a_line_that_is_missing_and_an_order_that_is_wrong_are_failures() {
        let missing = bad_lines(judged("echo a", "a\nb\n", LONG));
        assert!(missing.contains("the end of the output"), "{missing}");
        let swapped = bad_lines(judged("echo b; echo a", "a\nb\n", LONG));
        assert!(swapped.starts_with("line 1: printed\n    b\n"), "{swapped}");
    }

    #[test]
    fn only_other_lines_of_a_timed_program_are_tried_again_and_once() {
        let lines = || Err(Failure::Lines("other".to_owned()));
        let (result, first) = attempts(true, |slowly| if slowly { Ok(()) } else { lines() });
        assert!(result.is_ok());
        assert_eq!(first.as_deref(), Some("other"));
        let (result, first) = attempts(true, |_| lines());
        assert_eq!(bad_lines(result), first.unwrap());

        let (result, first) = attempts(false, |slowly| if slowly { Ok(()) } else { lines() });
        assert_eq!((bad_lines(result).as_str(), first), ("other", None));
        let (result, first) = attempts(true, |slowly| {
            assert!(!slowly, "a bad end is not tried again");
            Err(Failure::Run("it hangs".to_owned()))
        });
        assert_eq!((bad_run(result).as_str(), first), ("it hangs", None));
    }

    #[test]
    fn other_lines_are_a_failure() {
        let failure = bad_lines(judged("echo b", "a\n", LONG));
        assert_eq!(failure, "line 1: printed\n    b\nexpected\n    a");
    }
}
