//! strace, attached to this process by itself: from here on some system calls fail.

use crate::common::{Folder, ms};
use std::os::unix::process::parent_id;
use std::process::{Child, Command, Stdio};

/// What `getppid` gives while strace is at work. No process has this number.
const AT_WORK: u32 = 2_000_000_000;

/// System calls that fail while this lives.
pub(crate) struct Fault {
    strace: Child,
    calls: &'static str,
    folder: Folder,
}

/// True between a start and its stop.
pub(crate) fn is_at_work() -> bool {
    parent_id() == AT_WORK
}

impl Fault {
    /// `when` counts from now on, for each call and each thread by itself: `2` is the second one,
    /// `1+` each one, `1+3` the first one and every third one after it.
    ///
    /// The error says why strace cannot trace here.
    pub(crate) fn start(calls: &'static str, error: &str, when: &str) -> Result<Self, String> {
        // Where only descendants may be traced by default. Elsewhere it is an error.
        let _ = rustix::process::set_ptracer(rustix::process::PTracer::Any);
        let folder = Folder::new();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(folder.path("log"));
        strace.args(["-p", &std::process::id().to_string()]);
        strace.args(["-e", &format!("trace=getppid,{calls}")]);
        strace.args(["-e", &format!("inject=getppid:retval={AT_WORK}")]);
        strace.args(["-e", &format!("inject={calls}:error={error}:when={when}")]);
        let strace = strace.stderr(Stdio::piped()).spawn();
        let mut strace = strace.map_err(|error| format!("strace does not start: {error}"))?;
        while !is_at_work() {
            if strace.try_wait().unwrap().is_some() {
                let output = strace.wait_with_output().unwrap();
                return Err(String::from_utf8_lossy(&output.stderr).into_owned());
            }
            std::thread::sleep(ms(1));
        }
        Ok(Self {
            strace,
            calls,
            folder,
        })
    }

    /// No call fails any more; true if one did.
    pub(crate) fn stop(mut self) -> bool {
        // What strace leaves in the middle of its answer would be a call that does not exist.
        wait_for_rest();
        let strace = rustix::process::Pid::from_child(&self.strace);
        rustix::process::kill_process(strace, rustix::process::Signal::TERM).unwrap();
        self.strace.wait().unwrap();
        let log = std::fs::read_to_string(self.folder.path("log")).unwrap();
        let calls = self
            .calls
            .split(',')
            .map(|call| call.trim_start_matches('?'));
        let calls: Vec<_> = calls
            .flat_map(|call| [format!(" {call}("), format!(" {call} resumed>")])
            .collect();
        log.lines()
            .filter(|line| line.contains("(INJECTED)"))
            .any(|line| calls.iter().any(|call| line.contains(call)))
    }
}

/// Returns when all other threads sleep. Who could wake them is asleep, too.
fn wait_for_rest() {
    let mut before = Vec::new();
    loop {
        let now = other_threads();
        if now == before && now.iter().all(|status| status.contains("State:\tS")) {
            return;
        }
        before = now;
        std::thread::sleep(ms(1));
    }
}

/// The state of each, and how often it came to the processor.
fn other_threads() -> Vec<String> {
    let this = std::fs::read_link("/proc/thread-self").unwrap();
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let others = threads
        .map(|thread| thread.unwrap())
        .filter(|thread| Some(&*thread.file_name()) != this.file_name());
    // One may have ended meanwhile.
    others
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok())
        .map(|status| {
            let told = |line: &&str| line.starts_with("State") || line.contains("ctxt_switches");
            status.lines().filter(told).collect::<Vec<_>>().join(" ")
        })
        .collect()
}
