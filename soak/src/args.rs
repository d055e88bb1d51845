//! The command line.

use std::time::Duration;

/// A leak that is planted, to see it noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leak {
    Task,
    Future,
    Byte,
    Permit,
    Descriptor,
    Thread,
    Memory,
}

const LEAKS: [(&str, Leak); 7] = [
    ("task", Leak::Task),
    ("future", Leak::Future),
    ("byte", Leak::Byte),
    ("permit", Leak::Permit),
    ("descriptor", Leak::Descriptor),
    ("thread", Leak::Thread),
    ("memory", Leak::Memory),
];

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    /// How long all rounds together take, about.
    pub(crate) time: Duration,
    /// How long the loads of one round work.
    pub(crate) round: Duration,
    pub(crate) workers: usize,
    pub(crate) planted: Option<Leak>,
}

const HELP: &str = "options: --seconds N (how long; 30), --round N (milliseconds; a hundredth of the time, from 1 to 60 seconds), --workers N (as many as \
                    processors), --planted task|future|byte|permit|descriptor|thread|memory (a leak, which has to be \
                    noticed)";

impl Args {
    /// # Errors
    /// What is wrong, and what is right.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            time: Duration::from_secs(30),
            round: Duration::ZERO,
            workers: std::thread::available_parallelism().map_or(2, |count| count.get()),
            planted: None,
        };
        while let Some(arg) = args.next() {
            let value = args.next().unwrap_or_default();
            let number = || {
                let number = value.replace('_', "").parse::<u32>().ok();
                number.ok_or_else(|| format!("{arg} needs a number; {HELP}"))
            };
            match arg.as_str() {
                "--seconds" => parsed.time = Duration::from_secs(number()?.into()),
                "--round" => parsed.round = Duration::from_millis(number()?.into()),
                "--workers" => parsed.workers = number()?.max(1) as usize,
                "--planted" => {
                    let leak = LEAKS.iter().find(|(name, _)| *name == value);
                    let (_, leak) =
                        leak.ok_or_else(|| format!("no leak is named {value:?}; {HELP}"))?;
                    parsed.planted = Some(*leak);
                }
                _ => return Err(format!("unknown option {arg}; {HELP}")),
            }
        }
        if parsed.round.is_zero() {
            let (least, most) = (Duration::from_secs(1), Duration::from_secs(60));
            parsed.round = (parsed.time / 100).clamp(least, most);
        }
        Ok(parsed)
    }
}
