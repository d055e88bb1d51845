//! What is compared, and how.

use crate::deliberate::{self, SPARE_TURN, is_spare_turn};
use crate::interpret::{Event, Plan, run};
use crate::judge::{Case, Judge};
use crate::program::Program;
use crate::python::source;
use std::io;
use std::sync::Arc;
use weftwork::Runtime;

/// Both sides.
pub(crate) struct Bench {
    pub(crate) judge: Judge,
    local: Runtime,
}

/// What came of a comparison.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The logs are equal.
    Same,
    /// Not equal, but for these deliberate differences.
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
            local: fresh()?,
        })
    }

    /// A new runtime: the clock of one goes no further than a century.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        self.local = fresh()?;
        Ok(())
    }

    /// The log of weftwork.
    pub(crate) fn ours(&self, program: &Arc<Program>, plan: Plan) -> Vec<Event> {
        self.local.block_on(run(Arc::clone(program), plan))
    }

    /// The logs of asyncio.
    pub(crate) fn python(&mut self, programs: &[Arc<Program>]) -> io::Result<Vec<Vec<Event>>> {
        self.python_with(programs, &[])
    }

    fn python_with(
        &mut self,
        programs: &[Arc<Program>],
        deliberate: &[&str],
    ) -> io::Result<Vec<Vec<Event>>> {
        let sources: Vec<_> = programs.iter().map(|program| source(program)).collect();
        let cases: Vec<Case<'_>> = sources
            .iter()
            .map(|text| (text.as_str(), deliberate))
            .collect();
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
        let source = program;
        let program = std::slice::from_ref(program);
        let nearest = self.python_with(program, &names)?.remove(0);
        if nearest != weftwork {
            for log in [&python, &nearest] {
                if is_spare_turn(source, log, &weftwork) {
                    return Ok(Verdict::Deliberate(vec![SPARE_TURN]));
                }
            }
            return Ok(Verdict::Different(Logs {
                python,
                nearest,
                weftwork,
            }));
        }
        // Which of them it is: those without which the log is another one.
        let mut needed = Vec::new();
        for name in &names {
            let others: Vec<_> = names
                .iter()
                .copied()
                .filter(|other| other != name)
                .collect();
            if self.python_with(program, &others)?.remove(0) != weftwork {
                needed.push(*name);
            }
        }
        Ok(Verdict::Deliberate(needed))
    }

    /// Runs and compares one program.
    pub(crate) fn judge(&mut self, program: &Program, plan: Plan) -> io::Result<Verdict> {
        let program = Arc::new(program.clone());
        let weftwork = self.ours(&program, plan);
        let python = self.python(std::slice::from_ref(&program))?.remove(0);
        self.verdict(&program, python, weftwork)
    }
}
