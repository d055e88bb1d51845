//! What a row of the suite is: a workload, how often it runs, and who takes part.

use std::time::Duration;

use crate::clock::Sample;
use crate::latency::Percentile;
use crate::served::ServedGoal;

/// Who runs a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Weftwork,
    Tokio,
    Smol,
    /// flume's channels on tokio's runtime.
    Flume,
    /// kanal's channels on tokio's runtime.
    Kanal,
    /// rayon, for what needs no awaiting.
    Rayon,
    /// No runtime: what the machine itself needs.
    Floor,
    /// The same on one thread.
    FloorOne,
}

impl Peer {
    pub(crate) const ALL: [Self; 8] = [
        Self::Weftwork,
        Self::Tokio,
        Self::Smol,
        Self::Flume,
        Self::Kanal,
        Self::Rayon,
        Self::Floor,
        Self::FloorOne,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Weftwork => "weftwork",
            Self::Tokio => "tokio",
            Self::Smol => "smol",
            Self::Flume => "flume",
            Self::Kanal => "kanal",
            Self::Rayon => "rayon",
            Self::Floor => "floor",
            Self::FloorOne => "floor_1",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|peer| peer.name() == name)
    }
}

/// What a row measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Time,
    /// Processor time of all threads, where the wall time is given.
    Cpu,
    /// Resident memory.
    Bytes,
    /// How long an operation takes or how late it comes, of all of them.
    Latency(Percentile),
    /// How often threads wake up in a second.
    Wakeups,
}

impl Unit {
    /// The unit of [`Sample::cost`].
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Time | Self::Cpu | Self::Latency(_) => "ns",
            Self::Bytes => "B",
            Self::Wakeups => "/s",
        }
    }
}

/// What a median may be at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// The ratio to the baseline.
    Ratio(f64),
    /// The cost of one operation, in the unit of the row.
    Cost(f64),
    /// Of a row with a server.
    Served(ServedGoal),
}

/// What a workload is told: how much to do, and on how many workers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) ops: u64,
    /// How much to do before that, unmeasured.
    pub(crate) warm_up: u64,
    pub(crate) workers: usize,
}

/// One workload with an implementation for each peer. A row is a `const` in a file of `rows/`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// One line for the table: what one operation is.
    pub(crate) about: &'static str,
    /// Operations of a full measurement. The table gives the cost of one.
    pub(crate) count: u64,
    /// The fewest operations that still are this workload.
    pub(crate) least: u64,
    /// What an operation costs.
    pub(crate) unit: Unit,
    /// The checksum that every peer must reach with this many operations.
    pub(crate) expected: fn(u64) -> u64,
    /// Whose cost the others are divided by.
    pub(crate) baseline: Peer,
    /// What weftwork aims for.
    pub(crate) goal: Option<Goal>,
    /// Whether a good runtime keeps more than one core busy here.
    pub(crate) parallel: bool,
    pub(crate) peers: &'static [(Peer, Workload)],
}

/// A peer's implementation: starts its runtime, runs the workload, returns what it measured.
pub(crate) type Workload = fn(Setup) -> Sample;

/// How much of a row's count is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    Quick,
    Smoke,
}

impl Scale {
    fn divisor(self) -> u64 {
        match self {
            Self::Full => 1,
            Self::Quick => 10,
            Self::Smoke => 1000,
        }
    }

    /// A measurement that takes longer hangs: the slowest takes some seconds.
    pub(crate) fn limit(self) -> Duration {
        match self {
            Self::Full | Self::Quick => Duration::from_secs(60),
            Self::Smoke => Duration::from_secs(10),
        }
    }
}

impl Row {
    pub(crate) fn ops(&self, scale: Scale) -> u64 {
        (self.count / scale.divisor()).max(self.least)
    }

    /// What a process is told that measures so many operations.
    pub(crate) fn setup(&self, ops: u64, workers: usize) -> Setup {
        let warm_up = match self.unit {
            Unit::Time | Unit::Cpu | Unit::Latency(_) | Unit::Wakeups => ops,
            // Memory that the heap has kept from a run before would hide what this one needs.
            Unit::Bytes => self.least,
        };
        Setup {
            ops,
            warm_up,
            workers,
        }
    }

    pub(crate) fn workload(&self, peer: Peer) -> Option<Workload> {
        self.peers
            .iter()
            .find(|(candidate, _)| *candidate == peer)
            .map(|(_, workload)| *workload)
    }
}
