//! Ctrl-C and SIGTERM end a program with its clean-up: programs of this binary in child
//! processes that get real signals.

#![cfg(unix)]

mod common;

use common::{EVERYWHERE, Log, Watchdog, forever, ms};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use weftwork::signal::unix::{SignalKind, signal as listen};
use weftwork::signal::{self, CtrlC, CtrlCExt};
use weftwork::{BlockOnError, CancelSource, Runtime, TaskError, catch, finally, gather, spawn};

/// Names the program that the child process is to be.
const PROGRAM: &str = "WEFTWORK_TEST_PROGRAM";

fn say(what: &str) {
    // Past what libtest captures.
    let mut out = std::io::stdout();
    writeln!(out, "> {what}").unwrap();
    out.flush().unwrap();
}

async fn until_cancelled(name: &str) {
    let body = async {
        say(&format!("{name} runs"));
        forever::<()>().await
    };
    finally(body, async {
        weftwork::sleep(ms(1)).await;
        say(&format!("{name} is cleaned up"));
    })
    .await;
}

#[weftwork::main(workers = 2)]
async fn cleans_up() {
    until_cancelled("main").await;
    say("never");
}

#[weftwork::main(local)]
async fn cleans_up_locally() {
    until_cancelled("main").await;
}

#[weftwork::main(workers = 2, sigterm)]
async fn tasks_clean_up() {
    spawn(until_cancelled("leftover")).detach();
    weftwork::yield_now().await;
    gather(["a", "b"].map(until_cancelled)).await;
}

#[weftwork::main(sigterm)]
async fn cleans_up_for_ever() {
    let body = async {
        say("main runs");
        forever::<()>().await
    };
    finally(body, async {
        say("cleaning up");
        forever::<()>().await
    })
    .await;
}

#[weftwork::main(local)]
async fn hangs() {
    say("main runs");
    loop {
        std::thread::sleep(ms(5));
    }
}

#[weftwork::main]
async fn goes_on() {
    let body = async {
        say("main runs");
        forever::<()>().await
    };
    let caught = catch(body).await.unwrap_err();
    say(&caught.to_string());
}

#[weftwork::main]
async fn listens_itself() {
    let own = signal::ctrl_c();
    say("main runs");
    own.await.unwrap();
    say("mine");
    until_cancelled("main").await;
}

fn says_what_it_was() {
    let builder = Runtime::builder().ctrl_c(CtrlC::CancelMain);
    match builder.try_run(until_cancelled("main")) {
        Err(TaskError::Cancelled(cause)) => {
            assert_eq!(cause.source(), CancelSource::Signal(2));
            say(&cause.to_string());
        }
        other => say(&format!("{other:?}")),
    }
    say("ends at once from here on");
    std::thread::sleep(common::LONG);
}

fn two_mains() {
    let runtime = Runtime::builder()
        .ctrl_c(CtrlC::CancelMain)
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let runtime = &runtime;
            scope.spawn(move || runtime.try_block_on(until_cancelled(name)).unwrap_err());
        }
    });
}

fn takes_it_back() {
    let builder = Runtime::builder()
        .ctrl_c(CtrlC::CancelMain)
        .ctrl_c(CtrlC::EndProcess);
    builder.run(until_cancelled("main"));
}

fn plain_run() {
    weftwork::run(until_cancelled("main"));
}

fn listens_once() {
    weftwork::run(async {
        let once = signal::ctrl_c();
        say("main runs");
        once.await.unwrap();
        until_cancelled("main").await;
    });
}

/// In a program that was told to ignore Ctrl-C a listener still hears of it.
#[weftwork::main(sigterm)]
async fn in_the_background() {
    let mut interrupts = listen(SignalKind::interrupt()).unwrap();
    say("listens");
    interrupts.recv().await;
    drop(interrupts);
    until_cancelled("main").await;
}

/// Does nothing in the process of the tests.
#[test]
fn program() {
    let Ok(name) = std::env::var(PROGRAM) else {
        return;
    };
    match name.as_str() {
        "cleans_up" => cleans_up(),
        "cleans_up_locally" => cleans_up_locally(),
        "tasks_clean_up" => tasks_clean_up(),
        "cleans_up_for_ever" => cleans_up_for_ever(),
        "hangs" => hangs(),
        "goes_on" => goes_on(),
        "listens_itself" => listens_itself(),
        "says_what_it_was" => says_what_it_was(),
        "two_mains" => two_mains(),
        "takes_it_back" => takes_it_back(),
        "plain_run" => plain_run(),
        "listens_once" => listens_once(),
        "in_the_background" => in_the_background(),
        other => panic!("no program {other}"),
    }
}

/// A child process with one of the programs.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    _watchdog: Watchdog,
}

impl Program {
    fn start(name: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["program", "--exact", "--nocapture"]);
        Self::start_as(name, &mut command)
    }

    fn start_as(name: &str, command: &mut Command) -> Self {
        let watchdog = Watchdog::of(name);
        command.env(PROGRAM, name).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            _watchdog: watchdog,
        }
    }

    /// What the program says next.
    fn next(&mut self) -> Option<String> {
        let lines = self.lines.by_ref().map(Result::unwrap);
        lines
            .filter_map(|line| line.split_once("> ").map(|(_, said)| said.to_owned()))
            .next()
    }

    fn says(&mut self, what: &str) -> &mut Self {
        assert_eq!(self.next().as_deref(), Some(what));
        self
    }

    /// As the first process of a container; none where the system lets nobody make one.
    #[cfg(target_os = "linux")]
    fn start_as_first(name: &str) -> Option<Self> {
        let contained = || {
            let mut unshare = Command::new("unshare");
            unshare.args([
                "--user",
                "--map-root-user",
                "--pid",
                "--fork",
                "--kill-child",
            ]);
            unshare
        };
        if !contained()
            .arg("true")
            .status()
            .is_ok_and(|status| status.success())
        {
            return None;
        }
        let mut first = contained();
        first.arg(std::env::current_exe().unwrap());
        first.args(["program", "--exact", "--nocapture"]);
        Some(Self::start_as(name, &mut first))
    }

    /// The only child of the child.
    #[cfg(target_os = "linux")]
    fn grandchild(&self) -> Pid {
        let id = self.child.id();
        let path = format!("/proc/{id}/task/{id}/children");
        let children = std::fs::read_to_string(path).unwrap();
        Pid::from_raw(children.trim().parse().unwrap()).unwrap()
    }

    fn gets(&mut self, signal: Signal) -> &mut Self {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
        self
    }

    /// The rest of what it says, and how it ended.
    fn end(&mut self) -> (Vec<String>, ExitStatus) {
        let rest = std::iter::from_fn(|| self.next()).collect();
        (rest, self.child.wait().unwrap())
    }

    #[track_caller]
    fn ends_with_code(&mut self, code: i32) {
        let (rest, status) = self.end();
        assert_eq!((rest, status.code()), (vec![], Some(code)));
    }

    #[track_caller]
    fn ends_by(&mut self, signal: Signal) {
        let (rest, status) = self.end();
        assert_eq!((rest, status.signal()), (vec![], Some(signal.as_raw())));
    }
}

#[test]
fn the_first_ctrl_c_ends_the_program_with_its_clean_up() {
    for name in ["cleans_up", "cleans_up_locally"] {
        let mut program = Program::start(name);
        program.says("main runs").gets(Signal::INT);
        program.says("main is cleaned up").ends_with_code(130);
    }
}

#[test]
fn all_tasks_clean_up_and_sigterm_has_a_code_of_its_own() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut program = Program::start("tasks_clean_up");
        for _ in 0..3 {
            assert!(program.next().unwrap().ends_with(" runs"));
        }
        program.gets(signal);
        let (mut rest, status) = program.end();
        assert_eq!(rest.pop().as_deref(), Some("leftover is cleaned up"));
        rest.sort();
        assert_eq!(rest, ["a is cleaned up", "b is cleaned up"]);
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn sigterm_ends_the_process_unless_asked_for() {
    let mut program = Program::start("cleans_up");
    program
        .says("main runs")
        .gets(Signal::TERM)
        .ends_by(Signal::TERM);
}

#[test]
fn the_second_one_ends_it_at_once() {
    for (first, second) in [(Signal::INT, Signal::INT), (Signal::TERM, Signal::INT)] {
        let mut program = Program::start("cleans_up_for_ever");
        program.says("main runs").gets(first);
        program.says("cleaning up").gets(second).ends_by(second);
    }
}

/// Nothing that hangs in the program keeps the second one from it.
#[test]
fn the_second_one_ends_a_program_that_hangs() {
    let mut program = Program::start("hangs");
    program.says("main runs");
    // The first one must have been seen: two that come together are one.
    while program.child.try_wait().unwrap().is_none() {
        program.gets(Signal::INT);
        std::thread::sleep(ms(5));
    }
    program.ends_by(Signal::INT);
}

/// The system lets no signal end the first process of a container that it does not catch.
#[cfg(target_os = "linux")]
#[test]
fn the_second_one_ends_the_first_process_of_a_container() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let Some(mut program) = Program::start_as_first("cleans_up_for_ever") else {
            return;
        };
        program.says("main runs");
        let first = program.grandchild();
        kill_process(first, signal).unwrap();
        program.says("cleaning up");
        kill_process(first, signal).unwrap();
        program.ends_with_code(code);
    }
}

#[test]
fn a_main_that_catches_the_cancel_goes_on() {
    let mut program = Program::start("goes_on");
    program.says("main runs").gets(Signal::INT);
    program
        .says("cancelled by SIGINT (struck Task-1)")
        .ends_with_code(0);
}

#[test]
fn a_listener_of_its_own_takes_precedence_while_it_lives() {
    let mut program = Program::start("listens_itself");
    program.says("main runs").gets(Signal::INT);
    program.says("mine").says("main runs").gets(Signal::INT);
    program.says("main is cleaned up").ends_with_code(130);
}

#[test]
fn the_error_says_what_it_was_and_after_the_run_all_is_as_before() {
    let mut program = Program::start("says_what_it_was");
    program.says("main runs").gets(Signal::INT);
    program.says("main is cleaned up");
    program.says("cancelled by SIGINT (struck Task-1)");
    program.says("ends at once from here on");
    program.gets(Signal::INT).ends_by(Signal::INT);
}

#[test]
fn all_main_tasks_hear_of_it() {
    let mut program = Program::start("two_mains");
    let mut runs = [program.next().unwrap(), program.next().unwrap()];
    runs.sort();
    assert_eq!(runs, ["a runs", "b runs"]);
    let (mut rest, status) = program.gets(Signal::INT).end();
    rest.sort();
    assert_eq!(rest, ["a is cleaned up", "b is cleaned up"]);
    assert!(status.success());
}

#[test]
fn without_being_asked_for_it_ends_the_process() {
    for name in ["plain_run", "takes_it_back"] {
        let mut program = Program::start(name);
        program
            .says("main runs")
            .gets(Signal::INT)
            .ends_by(Signal::INT);
    }
}

#[test]
fn after_the_last_listener_it_ends_the_process_again() {
    let mut program = Program::start("listens_once");
    program.says("main runs").gets(Signal::INT);
    program
        .says("main runs")
        .gets(Signal::INT)
        .ends_by(Signal::INT);
}

#[test]
fn a_program_in_the_background_of_a_script_goes_on_ignoring_ctrl_c() {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' INT; exec \"$0\" program --exact --nocapture"]);
    shell.arg(std::env::current_exe().unwrap());
    let mut program = Program::start_as("in_the_background", &mut shell);
    program.says("listens").gets(Signal::INT);
    program
        .says("main runs")
        .gets(Signal::INT)
        .gets(Signal::TERM);
    program.says("main is cleaned up").ends_with_code(143);
}

/// What a hook gives lives as long as the main task, which it may cancel before its first poll.
#[test]
fn a_hook_gets_each_main_task() {
    let _watchdog = Watchdog::start();
    for kind in EVERYWHERE {
        let log = Log::default();
        let (hooked, replaced) = (log.clone(), log.clone());
        let builder = Runtime::builder()
            .main_hook("a", move |_| Box::new(replaced.on_drop("never")))
            .main_hook("a", move |main| {
                hooked.add(format!("{} polls", main.polls()));
                Box::new(hooked.on_drop("the end"))
            })
            .main_hook("b", |main| Box::new(main.cancel()))
            .main_hook("c", |_| panic!("it was taken back"))
            .without_main_hook("c");
        let runtime = kind.runtime(builder);
        for _ in 0..2 {
            let body = async { log.add("never") };
            match runtime.try_block_on(body) {
                Err(BlockOnError::Task(error)) => assert!(error.is_cancelled()),
                other => panic!("{other:?}"),
            }
        }
        let wanted = ["0 polls", "the end", "0 polls", "the end"];
        assert_eq!(log.get(), wanted, "{kind:?}");
    }
}
