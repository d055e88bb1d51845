//! One program in a process of its own, watched: what it prints, how it ends, whether it hangs.

use crate::CHILD;
use crate::catalogue::Program;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use weftwork_examples::{Options, compare};

/// How a run of a program went.
pub(crate) struct Outcome {
    pub(crate) wall: Duration,
    /// What was not as expected.
    pub(crate) failure: Option<String>,
}

/// Runs a program and compares what it prints.
pub(crate) fn visit(program: &Program, options: Options, limit: Duration) -> Outcome {
    let start = Instant::now();
    let failure = match command(program, options).and_then(|command| watch(command, limit)) {
        Ok(run) => judge(program, options, limit, &run),
        Err(error) => Some(format!("it could not be run: {error}")),
    };
    Outcome {
        wall: start.elapsed(),
        failure,
    }
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

fn judge(program: &Program, options: Options, limit: Duration, run: &Run) -> Option<String> {
    let difference = compare(program.expected, options.local, &run.lines).err();
    let problem = match (run.status, difference) {
        (Some(status), None) if status.success() => return None,
        (Some(status), Some(difference)) if status.success() => difference.to_string(),
        (Some(status), None) => status.to_string(),
        (Some(status), Some(difference)) => format!("{status}; {difference}"),
        (None, _) => {
            let (limit, lines) = (limit.as_secs_f64(), run.lines.len());
            format!("it hangs: killed after {limit:.0} s and {lines} lines")
        }
    };
    let errors = run.errors.trim_end();
    Some(if errors.is_empty() {
        problem
    } else {
        format!(
            "{problem}\nit wrote to stderr\n    {}",
            errors.replace('\n', "\n    ")
        )
    })
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

    fn judged(script: &str, expected: &'static str, limit: Duration) -> Option<String> {
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

    #[test]
    fn what_is_expected_is_no_failure() {
        assert_eq!(judged("echo a; echo b", "a\nb\n", LONG), None);
    }

    #[test]
    fn a_hang_is_killed_and_said() {
        let start = Instant::now();
        let failure = judged("echo a; exec sleep 60", "a\n", Duration::from_secs(2)).unwrap();
        assert!(failure.starts_with("it hangs: killed after"), "{failure}");
        assert!(failure.contains("1 lines"), "{failure}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_bad_status_is_a_failure_even_if_the_lines_are_right() {
        let failure = judged("echo a; echo oh >&2; exit 3", "a\n", LONG).unwrap();
        assert!(failure.contains("exit status: 3"), "{failure}");
        assert!(failure.ends_with("it wrote to stderr\n    oh"), "{failure}");
    }

    #[test]
    fn a_line_that_is_missing_and_an_order_that_is_wrong_are_failures() {
        let missing = judged("echo a", "a\nb\n", LONG).unwrap();
        assert!(missing.contains("the end of the output"), "{missing}");
        let swapped = judged("echo b; echo a", "a\nb\n", LONG).unwrap();
        assert!(swapped.starts_with("line 1: printed\n    b\n"), "{swapped}");
    }

    #[test]
    fn other_lines_are_a_failure() {
        let failure = judged("echo b", "a\n", LONG).unwrap();
        assert_eq!(failure, "line 1: printed\n    b\nexpected\n    a");
    }
}
