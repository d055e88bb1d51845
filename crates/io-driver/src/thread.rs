//! What another thread of this process is doing at this moment, as far as the system tells.
//!
//! On Linux it is read from `/proc/self/task`, elsewhere nothing is known. It costs some ten
//! microseconds: it is for a thread that was seen to be stuck.

use std::fmt;
use std::time::Duration;

/// A thread, by the number that the system knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadNumber(u32);

/// What a thread is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// It computes, or waits for a core to do so.
    Computing {
        /// For how long it has had a core since it began, to be compared with a later answer; none
        /// if the system does not count it.
        ran: Option<Duration>,
    },
    /// It waits in the system for something.
    Waiting(Wait),
    /// The system does not tell, or the thread has ended.
    Unknown,
}

/// What a thread waits in: a system call by its name, or the best that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    place: String,
    is_interruptible: bool,
}

impl Wait {
    /// True if a signal would end it: it waits for a time, a lock, a peer. Otherwise for memory or a
    /// disk, which does not take long as a rule.
    #[must_use]
    pub fn is_interruptible(&self) -> bool {
        self.is_interruptible
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl ThreadNumber {
    /// That of the calling thread; zero where the system has none to ask for.
    #[must_use]
    pub fn current() -> Self {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let thread = rustix::thread::gettid();
            Self(thread.as_raw_nonzero().get().unsigned_abs())
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            Self(0)
        }
    }

    /// As a number, for [`from_raw`](Self::from_raw).
    #[must_use]
    pub fn as_raw(self) -> u32 {
        self.0
    }

    /// The thread of a number that [`as_raw`](Self::as_raw) gave.
    #[must_use]
    pub fn from_raw(number: u32) -> Self {
        Self(number)
    }

    /// Asks the system what the thread is doing.
    #[must_use]
    pub fn doing(self) -> Doing {
        let Some(stat) = self.read("stat") else {
            return Doing::Unknown;
        };
        match state_of(&stat) {
            Some('R') => Doing::Computing {
                ran: self.read("schedstat").and_then(|text| ran(&text)),
            },
            Some(state @ ('S' | 'D')) => Doing::Waiting(Wait {
                place: self.place(),
                is_interruptible: state == 'S',
            }),
            Some('T' | 't') => Doing::Waiting(Wait {
                place: "a stop by a signal or a debugger".to_owned(),
                is_interruptible: false,
            }),
            _ => Doing::Unknown,
        }
    }

    /// What it waits in.
    fn place(self) -> String {
        let call = self.read("syscall").and_then(|text| call_of(&text));
        let known = call.or_else(|| place_of(&self.read("wchan")?));
        known.unwrap_or_else(|| "a system call".to_owned())
    }

    fn read(self, file: &str) -> Option<String> {
        if cfg!(any(target_os = "linux", target_os = "android")) {
            std::fs::read_to_string(format!("/proc/self/task/{}/{file}", self.0)).ok()
        } else {
            None
        }
    }
}

/// The letter behind the name of the program, which may have brackets and blanks in it.
fn state_of(stat: &str) -> Option<char> {
    let (_, behind) = stat.rsplit_once(')')?;
    behind.trim_start().chars().next()
}

/// The first number is how long it had a core.
fn ran(schedstat: &str) -> Option<Duration> {
    let nanos = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// The call, whose number comes first; there is none while the thread runs.
fn call_of(syscall: &str) -> Option<String> {
    let number: i64 = syscall.split_whitespace().next()?.parse().ok()?;
    // A page fault has the number -1.
    let number = libc::c_long::try_from(number).ok().filter(|n| *n >= 0)?;
    let named = CALLS.iter().find(|(known, _)| *known == number);
    Some(match named {
        Some((_, name)) => format!("the system call {name}"),
        None => format!("the system call with the number {number}"),
    })
}

/// The function of the kernel that it sleeps in.
fn place_of(wchan: &str) -> Option<String> {
    let known = !wchan.is_empty() && wchan != "0";
    known.then(|| format!("the system, at {wchan}"))
}

macro_rules! calls {
    ($($(#[$meta:meta])* $number:ident $name:literal,)*) => {
        &[$($(#[$meta])* (libc::$number, $name),)*]
    };
}

/// Calls that block, by number.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CALLS: &[(libc::c_long, &str)] = calls! {
    SYS_clock_nanosleep "clock_nanosleep",
    SYS_nanosleep "nanosleep",
    SYS_futex "futex (a lock, a channel or a join)",
    SYS_read "read",
    SYS_readv "readv",
    SYS_pread64 "pread64",
    SYS_write "write",
    SYS_writev "writev",
    SYS_pwrite64 "pwrite64",
    SYS_recvfrom "recvfrom",
    SYS_recvmsg "recvmsg",
    SYS_sendto "sendto",
    SYS_sendmsg "sendmsg",
    SYS_sendfile "sendfile",
    SYS_splice "splice",
    SYS_accept "accept",
    SYS_accept4 "accept4",
    SYS_connect "connect",
    SYS_ppoll "ppoll",
    SYS_pselect6 "pselect6",
    SYS_epoll_pwait "epoll_pwait",
    SYS_wait4 "wait4",
    SYS_waitid "waitid",
    SYS_flock "flock",
    SYS_fcntl "fcntl",
    SYS_fsync "fsync",
    SYS_fdatasync "fdatasync",
    SYS_openat "openat",
    SYS_unlinkat "unlinkat",
    SYS_getdents64 "getdents64",
    SYS_rt_sigtimedwait "rt_sigtimedwait",
    SYS_rt_sigsuspend "rt_sigsuspend",
    #[cfg(target_arch = "x86_64")]
    SYS_poll "poll",
    #[cfg(target_arch = "x86_64")]
    SYS_select "select",
    #[cfg(target_arch = "x86_64")]
    SYS_epoll_wait "epoll_wait",
    #[cfg(target_arch = "x86_64")]
    SYS_open "open",
    #[cfg(target_arch = "x86_64")]
    SYS_pause "pause",
};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CALLS: &[(libc::c_long, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_the_last_bracket() {
        assert_eq!(state_of("12 (a b) c) S 1 2"), Some('S'));
        assert_eq!(state_of("12 (weftwork-0) R 1"), Some('R'));
        assert_eq!(state_of(""), None);
    }

    #[test]
    fn a_call_has_a_name_or_a_number() {
        assert_eq!(call_of("running"), None);
        assert_eq!(call_of("-1 0x7ff 0x7f"), None);
        let unknown = call_of("9999 0x0 0x1").unwrap();
        assert_eq!(unknown, "the system call with the number 9999");
        assert_eq!(place_of("0"), None);
        assert_eq!(place_of("pipe_read").unwrap(), "the system, at pipe_read");
        assert_eq!(ran("1500 2 3"), Some(Duration::from_nanos(1500)));
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use super::super::*;
        use std::sync::mpsc;
        use std::time::Instant;

        /// Asks for what a thread is doing until the answer is right.
        fn becomes(thread: ThreadNumber, is_right: impl Fn(&Doing) -> bool) -> Doing {
            let begin = Instant::now();
            loop {
                let doing = thread.doing();
                if is_right(&doing) || begin.elapsed() > Duration::from_secs(20) {
                    return doing;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        #[test]
        fn a_thread_that_sleeps_waits_and_one_that_has_ended_is_unknown() {
            let (tell, told) = mpsc::channel();
            let (open, opened) = mpsc::channel::<()>();
            let sleeper = std::thread::spawn(move || {
                tell.send(ThreadNumber::current()).unwrap();
                let _ = opened.recv();
            });
            let thread = told.recv().unwrap();
            let doing = becomes(thread, |doing| matches!(doing, Doing::Waiting(_)));
            let Doing::Waiting(wait) = doing else {
                panic!("it waits: {doing:?}");
            };
            assert!(wait.to_string().contains("futex"), "{wait}");
            assert!(wait.is_interruptible());
            drop(open);
            sleeper.join().unwrap();
            assert_eq!(
                becomes(thread, |doing| *doing == Doing::Unknown),
                Doing::Unknown
            );
        }

        #[test]
        fn a_thread_that_computes_has_had_a_core() {
            let me = ThreadNumber::current();
            assert_eq!(ThreadNumber::from_raw(me.as_raw()), me);
            assert!(matches!(me.doing(), Doing::Computing { .. }));
        }
    }
}
