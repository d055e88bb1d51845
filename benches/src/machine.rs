//! What a reader needs to know about the machine and the build.

use std::fs;
use std::thread::available_parallelism;

use crate::args::ALLOCATOR;

/// A name and a value.
pub(crate) type Fact = (&'static str, String);

/// Facts that the system does not tell are left out.
pub(crate) fn facts() -> Vec<Fact> {
    let cores = available_parallelism().ok().map(|cores| cores.to_string());
    let facts = [
        ("rustc", Some(env!("BENCHES_RUSTC").to_owned())),
        ("profile", Some(env!("BENCHES_PROFILE").to_owned())),
        ("versions", Some(env!("BENCHES_PEERS").to_owned())),
        ("allocator", Some(ALLOCATOR.to_owned())),
        ("cores", cores),
        ("cpu", cpu_model()),
        (
            "governor",
            line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        ),
        ("kernel", line("/proc/sys/kernel/osrelease")),
        (
            "autogroup",
            line("/proc/sys/kernel/sched_autogroup_enabled"),
        ),
        ("load before", line("/proc/loadavg")),
    ];
    let known = facts.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_peers_are_known() {
        let facts = facts();
        let (_, versions) = facts.iter().find(|(name, _)| *name == "versions").unwrap();
        for peer in ["weftwork 0.", "tokio 1.", "smol 2.", "async-executor 1."] {
            assert!(versions.contains(peer), "{versions}");
        }
    }
}
