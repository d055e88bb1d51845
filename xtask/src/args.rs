//! The arguments of a chore: names, `--switches`, and `--options` with a value.

use crate::Result;
use std::time::Duration;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Args {
    pub(crate) names: Vec<String>,
    switches: Vec<String>,
    values: Vec<(String, String)>,
}

impl Args {
    /// Sorts the arguments. Options are named without the dashes.
    pub(crate) fn parse(args: Vec<String>, switches: &[&str], options: &[&str]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let Some(name) = arg.strip_prefix("--") else {
                parsed.names.push(arg);
                continue;
            };
            if switches.contains(&name) {
                parsed.switches.push(name.to_owned());
            } else if options.contains(&name) {
                let value = args
                    .next()
                    .ok_or_else(|| format!("`--{name}` needs a value"))?;
                parsed.values.push((name.to_owned(), value));
            } else {
                return Err(format!("unknown option `{arg}`: see `cargo xtask help`"));
            }
        }
        Ok(parsed)
    }

    /// The arguments of a chore that takes none.
    pub(crate) fn none(args: Vec<String>) -> Result<()> {
        match Self::parse(args, &[], &[])?.names.first() {
            Some(name) => Err(format!("unexpected argument `{name}`")),
            None => Ok(()),
        }
    }

    pub(crate) fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|name| name == switch)
    }

    /// The number given for an option (the last one counts), or the default.
    pub(crate) fn number(&self, option: &str, default: usize) -> Result<usize> {
        let given = self.values.iter().rev().find(|(name, _)| name == option);
        let Some((_, value)) = given else {
            return Ok(default);
        };
        match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!(
                "`--{option}` takes a number of at least 1, not `{value}`"
            )),
        }
    }

    /// `--timeout SECONDS`
    pub(crate) fn timeout(&self, default: usize) -> Result<Duration> {
        Ok(Duration::from_secs(self.number("timeout", default)? as u64))
    }

    /// `--jobs N`, by default as many as there are processors.
    pub(crate) fn jobs(&self) -> Result<usize> {
        let default = std::thread::available_parallelism().map_or(1, |count| count.get());
        self.number("jobs", default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args> {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Args::parse(args, &["fast"], &["jobs", "timeout"])
    }

    #[test]
    fn sorts_names_switches_and_values() {
        let args = parse(&["T1", "--jobs", "3", "--fast", "T2", "--jobs", "4"]).unwrap();
        assert_eq!(args.names, ["T1", "T2"]);
        assert!(args.has("fast") && !args.has("jobs"));
        assert_eq!(args.jobs(), Ok(4));
        assert_eq!(args.timeout(120), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse(&["--slow"]).unwrap_err().contains("`--slow`"));
        assert!(parse(&["--jobs"]).unwrap_err().contains("needs a value"));
        assert!(parse(&["--jobs", "0"]).unwrap().jobs().is_err());
        assert!(Args::none(vec!["x".to_owned()]).is_err());
    }
}
