//! What is compared, and how.

use crate::deliberate::{self, SPARE_TURN, is_spare_turn};
use crate::interpret::{Event, Plan, run};
use crate::judge::{Case, Judge};
use crate::program::Program;
use crate::python::source;
use std::io;
use std::sync::Arc;
use weftwork::Runtime;

/// A runtime runs so many programs: its clock goes no further than a century, and each of them takes
/// some weeks.
const RUNS: u32 = 200;

/// Both sides.
pub(crate) struct Bench {
    pub(crate) judge: Judge,
    /// Verdicts name the deliberate differences; to find out by which ones a log differs takes many runs.
    pub(crate) names: bool,
    local: Runtime,
    /// How many programs `local` has run.
    runs: u32,
    /// The one with several workers, if there is one.
    workers: Option<Runtime>,
}

/// What came of a comparison.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The logs are equal.
    Same,
    /// Not equal, but for these deliberate differences, if they are named.
    Deliberate(Vec<&'static str>),
    Different(Logs),
}

/// The logs of a program.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) python: Vec<Event>,
    /// That of asyncio with all deliberate differences.
    pub(crate) nearest: Vec<Event>,
    pub(crate) weftwork: Vec<Event>,
}

/// One thread, a virtual clock.
fn fresh() -> io::Result<Runtime> {
    let builder = Runtime::builder()
        .start_paused(true)
        .exception_handler(|_| ());
    weftwork_scheduler::local::runtime(builder)
}

impl Bench {
    pub(crate) fn new(judge: Judge) -> io::Result<Self> {
        Ok(Self {
            judge,
            names: false,
            local: fresh()?,
            runs: 0,
            workers: None,
        })
    }

    /// From here on there is a runtime with so many workers.
    pub(crate) fn with_workers(&mut self, workers: usize) -> io::Result<()> {
        let builder = Runtime::builder().start_paused(true).workers(workers);
        self.workers = Some(builder.exception_handler(|_| ()).build()?);
        Ok(())
    }

    /// What several workers did wrong in a program whose log does not depend on the order within an
    /// instant; none: nothing.
    ///
    /// Each frame has to have the same events at the same times as in asyncio. Over all frames time
    /// has to go forward, a task starts after its spawn, and its value is had after its end.
    pub(crate) fn workers_fault(
        &self,
        program: &Arc<Program>,
        python: &[Event],
    ) -> Option<(String, Vec<Event>)> {
        let runtime = self.workers.as_ref()?;
        let log = runtime.block_on(run(Arc::clone(program), Plan::default()));
        let fault = if by_frame(&log) == by_frame(python) {
            order_fault(&log)?
        } else {
            "the frames saw something else".to_owned()
        };
        Some((fault, log))
    }

    /// The log of weftwork.
    pub(crate) fn ours(&mut self, program: &Arc<Program>, plan: Plan) -> io::Result<Vec<Event>> {
        if self.runs == RUNS {
            self.local = fresh()?;
            self.runs = 0;
        }
        self.runs += 1;
        Ok(self.local.block_on(run(Arc::clone(program), plan)))
    }

    /// The logs of asyncio.
    pub(crate) fn python(&mut self, programs: &[Arc<Program>]) -> io::Result<Vec<Vec<Event>>> {
        let sources: Vec<_> = programs.iter().map(|program| source(program)).collect();
        let cases: Vec<Case<'_>> = sources.iter().map(|text| (&**text, &[][..])).collect();
        self.judge.logs(&cases)
    }

    /// Compares the log of weftwork with that of asyncio.
    pub(crate) fn verdict(
        &mut self,
        program: &Arc<Program>,
        python: Vec<Event>,
        weftwork: Vec<Event>,
    ) -> io::Result<Verdict> {
        if python == weftwork {
            return Ok(Verdict::Same);
        }
        let names = deliberate::names();
        let text = source(program);
        let nearest = self.judge.logs(&[(&text, &names)])?.remove(0);
        if nearest != weftwork {
            for log in [&python, &nearest] {
                if is_spare_turn(program, log, &weftwork) {
                    return Ok(Verdict::Deliberate(vec![SPARE_TURN]));
                }
            }
            return Ok(Verdict::Different(Logs {
                python,
                nearest,
                weftwork,
            }));
        }
        if !self.names {
            return Ok(Verdict::Deliberate(Vec::new()));
        }
        // Which of them it is: those without which the log is another one. All at once, for each question
        // to another process takes its time.
        let without = |name| names.iter().copied().filter(move |other| other != name);
        let others: Vec<Vec<_>> = names.iter().map(|name| without(name).collect()).collect();
        let cases: Vec<Case<'_>> = others.iter().map(|kept| (&*text, &**kept)).collect();
        let logs = self.judge.logs(&cases)?;
        let needed = names.iter().zip(logs).filter(|(_, log)| *log != weftwork);
        Ok(Verdict::Deliberate(needed.map(|(name, _)| *name).collect()))
    }

    /// Runs and compares one program.
    pub(crate) fn judge(&mut self, program: &Program, plan: Plan) -> io::Result<Verdict> {
        let program = Arc::new(program.clone());
        let weftwork = self.ours(&program, plan)?;
        let python = self.python(std::slice::from_ref(&program))?.remove(0);
        self.verdict(&program, python, weftwork)
    }
}

/// The log, frame by frame; the events of each in their order.
pub(crate) fn by_frame(log: &[Event]) -> Vec<Event> {
    let mut log = log.to_vec();
    log.sort_by(|a, b| a.who.cmp(&b.who));
    log
}

/// What is wrong with the order of a log.
fn order_fault(log: &[Event]) -> Option<String> {
    if !log.is_sorted_by_key(|event| event.time) {
        return Some("time went back".to_owned());
    }
    let place = |who: &str, is: &dyn Fn(&str) -> bool| {
        log.iter()
            .position(|event| event.who == who && is(&event.what))
    };
    for (n, event) in log.iter().enumerate() {
        let child = |slot: &str| format!("{}.{slot}", event.who);
        if let Some(slot) = event.what.strip_prefix("spawn ")
            && place(&child(slot), &|_| true).is_some_and(|start| start < n)
        {
            return Some(format!("{} started before its spawn", child(slot)));
        }
        if let Some((_, slot)) = event.what.split_once(" of ")
            && place(&child(slot), &|what| what.starts_with("end")).is_none_or(|end| end > n)
        {
            return Some(format!("{} had not ended", child(slot)));
        }
    }
    None
}
