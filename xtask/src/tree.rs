//! `cargo xtask tree`: a user of weftwork builds few crates.

use crate::args::Args;
use crate::{Result, cargo};
use std::collections::BTreeSet;

/// So many crates at most, weftwork's own included.
const LIMIT: usize = 28;

/// Crates that belong to the models and the benchmarks.
const BANNED: [&str; 3] = ["loom", "tokio", "smol"];

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    Args::none(args)?;
    let mut command = cargo::cargo();
    command.args(["tree", "-p", "weftwork", "-e", "normal", "--prefix", "none"]);
    let crates = crates(&cargo::output(&mut command)?);
    for name in &crates {
        println!("{name}");
    }
    println!("{} crates, at most {LIMIT} are allowed", crates.len());
    check(&crates)
}

/// Each crate once, as `name version`.
fn crates(tree: &str) -> BTreeSet<String> {
    let lines = tree.lines().filter(|line| !line.trim().is_empty());
    let names = lines.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    names.collect()
}

fn check(crates: &BTreeSet<String>) -> Result<()> {
    let name = |of: &String| of.split(' ').next().unwrap_or_default().to_owned();
    if let Some(banned) = crates
        .iter()
        .map(name)
        .find(|name| BANNED.contains(&name.as_str()))
    {
        return Err(format!("weftwork depends on `{banned}`"));
    }
    if crates.len() > LIMIT {
        return Err(format!("weftwork depends on {} crates", crates.len() - 1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_crate_once() {
        let tree =
            "weftwork v0.1.0 (/x)\nslab v0.4.12\nweftwork-sync v0.1.0 (/x/y)\nslab v0.4.12 (*)\n";
        let crates = crates(tree);
        assert_eq!(crates.len(), 3);
        assert_eq!(check(&crates), Ok(()));
    }

    #[test]
    fn too_many_and_the_wrong_ones_are_errors() {
        let banned = BTreeSet::from(["loom v0.7.3".to_owned()]);
        assert!(check(&banned).unwrap_err().contains("`loom`"));
        let many = (0..=LIMIT).map(|number| format!("crate{number} v1.0.0"));
        assert!(check(&many.collect()).is_err());
    }
}
