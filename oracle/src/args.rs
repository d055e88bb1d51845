//! The command line.

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) programs: u64,
    pub(crate) seed: u64,
    /// Look for the planted bugs too.
    pub(crate) planted: bool,
    /// Print and check the list of deliberate differences.
    pub(crate) deliberate: bool,
    /// Count by which of them programs differ, which takes twice the time.
    pub(crate) names: bool,
    /// Stop after so many differences.
    pub(crate) most: u64,
}

const HELP: &str = "options: --programs N (how many; 3000), --seed N (1), --planted (find the planted bugs), \
                    --deliberate (print and check the list of deliberate differences), \
                    --names (count by which of them programs differ), \
                    --most N (stop after so many differences; 1)";

impl Args {
    /// # Errors
    /// What is wrong, and what is right.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            programs: 3000,
            seed: 1,
            planted: false,
            deliberate: false,
            names: false,
            most: 1,
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut number = || {
                let value = args
                    .next()
                    .and_then(|value| value.replace('_', "").parse().ok());
                value.ok_or_else(|| format!("{arg} needs a number; {HELP}"))
            };
            match arg.as_str() {
                "--programs" => parsed.programs = number()?,
                "--seed" => parsed.seed = number()?,
                "--most" => parsed.most = number()?,
                "--planted" => parsed.planted = true,
                "--deliberate" => parsed.deliberate = true,
                "--names" => parsed.names = true,
                _ => return Err(format!("unknown option {arg}; {HELP}")),
            }
        }
        Ok(parsed)
    }
}
