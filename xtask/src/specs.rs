//! `cargo xtask specs`: the protocols in docs/specs under spin, with and without planted bugs.
//!
//! A spec says in its heading how it is checked: `check:` and `planted:`, each with the names that
//! are defined for it. LIVENESS among them asks for a search for cycles.

use crate::args::Args;
use crate::{Result, cargo, generated, jobs, table};
use std::path::PathBuf;
use std::process::Command;

const CHORE: &str = "specs";
const FOLDER: &str = "docs/specs/";

/// One way to check a spec.
#[derive(Debug, PartialEq)]
struct Check {
    name: String,
    defines: Vec<String>,
    /// A bug is planted, which has to be found.
    planted: bool,
}

/// What the checker said.
#[derive(Debug, PartialEq)]
struct Verdict {
    states: u64,
    violated: bool,
}

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &["record"], &["jobs"])?;
    if args.has("record") && !args.names.is_empty() {
        return Err("`--record` records all specs: leave the names out".to_owned());
    }
    if cargo::output(Command::new("spin").arg("-V")).is_err() {
        println!("SKIPPED: spin is not installed (the system's package `spin`)");
        return Ok(());
    }
    let files = cargo::files()?;
    let names = files.iter().filter_map(|file| {
        let name = file.strip_prefix(FOLDER)?.strip_suffix(".pml")?;
        let wanted = args.names.is_empty() || args.names.iter().any(|wanted| wanted == name);
        wanted.then_some(name)
    });
    let mut all = Vec::new();
    for name in names {
        all.extend(checks(name, &cargo::read(&format!("{FOLDER}{name}.pml"))?));
    }
    let rows = jobs::parallel(&all, args.jobs()?, Check::row);
    let mut rows = rows.into_iter().collect::<Result<Vec<_>>>()?;
    let head = ["spec", "with", "states", "violated"];
    rows.insert(0, head.map(str::to_owned).to_vec());
    println!("{}", table::layout(&rows));
    if args.has("record") {
        generated::write(CHORE, &generated::table(&rows))?;
    }
    Ok(())
}

/// The lines in the heading that say how a spec is checked.
fn checks(name: &str, text: &str) -> Vec<Check> {
    let heading = text.split("*/").next().unwrap_or_default();
    let check = |line: &str| {
        let (kind, defines) = line.trim_start_matches(" * ").split_once(':')?;
        let planted = match kind {
            "check" => false,
            "planted" => true,
            _ => return None,
        };
        let defines = defines.split_whitespace().map(str::to_owned).collect();
        Some(Check {
            name: name.to_owned(),
            defines,
            planted,
        })
    };
    heading.lines().filter_map(check).collect()
}

impl Check {
    /// Checks it. An error unless it is as it has to be: violated where a bug is planted.
    fn row(&self) -> Result<Vec<String>> {
        let (name, with) = (&self.name, self.defines.join(" "));
        let verdict = self
            .run()
            .map_err(|error| format!("{name} {with}: {error}"))?;
        match (self.planted, verdict.violated) {
            (true, false) => Err(format!("{name} {with}: the planted bug was not found")),
            (false, true) => Err(format!("{name} {with}: violated: {}", self.how_to_look())),
            _ => Ok(vec![
                format!("[{name}](specs/{name}.pml)"),
                if with.is_empty() {
                    "-".to_owned()
                } else {
                    format!("`{with}`")
                },
                verdict.states.to_string(),
                if self.planted { "yes" } else { "no" }.to_owned(),
            ]),
        }
    }

    /// Has spin write the checker, compiles it, and runs it.
    fn run(&self) -> Result<Verdict> {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).map_err(|error| format!("{folder:?}: {error}"))?;
        let within = |program: &str| {
            let mut command = Command::new(program);
            command.current_dir(&folder);
            command
        };
        let mut spin = within("spin");
        spin.arg("-a").args(self.flags()).arg(self.file());
        cargo::output(&mut spin)?;
        let is_live = self.defines.iter().any(|name| name == "LIVENESS");
        let search = if is_live { "-DNFAIR=3" } else { "-DSAFETY" };
        let flags = [
            "-O2",
            "-DCOLLAPSE",
            "-DMEMLIM=8000",
            search,
            "-o",
            "pan",
            "pan.c",
        ];
        cargo::output(within("cc").args(flags))?;
        let mut pan = within("./pan");
        pan.arg("-m1000000");
        if is_live {
            // Whoever can go on does so in the end.
            pan.args(["-a", "-f"]);
        }
        verdict(&cargo::output(&mut pan)?)
    }

    fn file(&self) -> PathBuf {
        cargo::root().join(format!("{FOLDER}{}.pml", self.name))
    }

    fn folder(&self) -> PathBuf {
        let name = format!("{} {}", self.name, self.defines.join(" "));
        cargo::target()
            .join("specs")
            .join(name.trim().replace(' ', "-"))
    }

    fn flags(&self) -> Vec<String> {
        let flags = self.defines.iter().map(|name| format!("-D{name}"));
        flags.collect()
    }

    fn how_to_look(&self) -> String {
        let (folder, file) = (self.folder(), self.file());
        let (folder, file) = (folder.display(), file.display());
        let flags = self.flags().join(" ");
        format!(
            "cd {folder} && spin -p -k {}.pml.trail {flags} {file}",
            self.name
        )
    }
}

/// Reads the checker's report. A search that stopped for want of room is none.
fn verdict(report: &str) -> Result<Verdict> {
    let number = |mark: &str, from_end: bool| {
        let line = report.lines().find(|line| line.contains(mark))?;
        let (before, after) = line.split_once(mark)?;
        let text = if from_end { after } else { before };
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let states = number("states, stored", false);
    let errors = number("errors:", true);
    match (states, errors) {
        (Some(states), Some(errors)) if errors > 0 || !is_cut_short(report) => Ok(Verdict {
            states,
            violated: errors > 0,
        }),
        _ => Err(format!("the search did not end:\n{report}")),
    }
}

fn is_cut_short(report: &str) -> bool {
    [
        "Search not completed",
        "max search depth too small",
        "out of memory",
    ]
    .iter()
    .any(|sign| report.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_says_what_is_checked() {
        let text = "/*\n * What for.\n * check:\n * planted: A B\n */\n * check: no\n";
        let check = |defines: &[&str], planted| Check {
            name: "x".to_owned(),
            defines: defines.iter().map(|&name| name.to_owned()).collect(),
            planted,
        };
        assert_eq!(
            checks("x", text),
            [check(&[], false), check(&["A", "B"], true)]
        );
    }

    #[test]
    fn a_report_is_read_and_one_of_half_a_search_is_none() {
        let report = |errors, more| {
            format!("{more}\nState-vector 76 byte, errors: {errors}\n    12 states, stored\n")
        };
        let good = Verdict {
            states: 12,
            violated: false,
        };
        assert_eq!(verdict(&report(0, "")), Ok(good));
        assert!(
            verdict(&report(1, "Warning: Search not completed"))
                .unwrap()
                .violated
        );
        assert!(verdict(&report(0, "error: max search depth too small")).is_err());
        assert!(verdict("").is_err());
    }
}
