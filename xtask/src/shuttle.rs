//! `cargo xtask shuttle`: every scenario has to pass under random schedules.

use crate::args::Args;
use crate::{Result, loom, models};

/// So many schedules of each scenario, unless told otherwise.
const SCHEDULES: usize = 1000;

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &[], &["schedules", "seed", "timeout", "jobs"])?;
    let variables = [
        (
            "WEFTWORK_SCHEDULES",
            args.number("schedules", SCHEDULES)?.to_string(),
        ),
        ("WEFTWORK_SEED", args.number("seed", 1)?.to_string()),
    ];
    let mut scenarios = models::filter(models::build(&models::SHUTTLE)?, &args.names)?;
    for scenario in &mut scenarios {
        scenario.variables = variables.to_vec();
    }
    loom::check(&scenarios, args.timeout(1800)?, args.jobs()?)?;
    Ok(())
}
