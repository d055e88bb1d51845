//! A stopwatch for wall time and the CPU time of all threads of the process; and what a run gives.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::latency::Latency;
use crate::row::Unit;
use crate::served::Served;

/// What one run of a workload took, and proof that it did the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// What the row counts, where the system tells: the bytes by which the process grew, or how often it
    /// woke up.
    pub(crate) counted: Option<u64>,
    /// How long single operations took, or how late they came.
    pub(crate) latency: Option<Latency>,
    /// What a client saw, where a server was measured. Then `cpu` is the server's alone.
    pub(crate) served: Option<Served>,
    pub(crate) checksum: u64,
}

impl Sample {
    /// What one of so many operations cost.
    pub(crate) fn cost(&self, unit: Unit, ops: u64) -> Option<f64> {
        let (ops, counted) = (ops as f64, self.counted.map(|count| count as f64));
        match unit {
            Unit::Time => Some(self.wall.as_nanos() as f64 / ops),
            Unit::Cpu => Some(self.cpu.as_nanos() as f64 / ops),
            Unit::Bytes => counted.map(|bytes| bytes / ops),
            Unit::Latency(percentile) => {
                let latency = self.latency.as_ref()?;
                Some(latency.at(percentile).as_nanos() as f64)
            }
            Unit::Wakeups => counted.map(|count| count / self.wall.as_secs_f64()),
        }
    }
}

/// A stopwatch that can be halted.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Duration,
    cpu: Duration,
    running_since: Option<(Instant, Duration)>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let mut clock = Self::halted();
        clock.go();
        clock
    }

    pub(crate) fn halted() -> Self {
        Self {
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            running_since: None,
        }
    }

    pub(crate) fn go(&mut self) {
        // The wall clock is read last here and first in `halt`: reading the CPU clock is a system
        // call, whose time is not the workload's.
        let cpu = process_cpu_time();
        self.running_since = Some((Instant::now(), cpu));
    }

    pub(crate) fn halt(&mut self) {
        let now = Instant::now();
        if let Some((wall, cpu)) = self.running_since.take() {
            self.wall += now - wall;
            self.cpu += process_cpu_time().saturating_sub(cpu);
        }
    }

    /// Ends the measurement. The checksum is what the workload computed.
    pub(crate) fn stop(mut self, checksum: u64) -> Sample {
        self.halt();
        Sample {
            wall: self.wall,
            cpu: self.cpu,
            counted: None,
            latency: None,
            served: None,
            checksum,
        }
    }
}

/// User and system time of all threads, the ended ones too.
pub(crate) fn process_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::{self, sleep};

    #[test]
    fn halted_time_does_not_count() {
        let mut clock = Clock::halted();
        sleep(Duration::from_millis(60));
        clock.go();
        sleep(Duration::from_millis(2));
        clock.halt();
        sleep(Duration::from_millis(60));
        let sample = clock.stop(7);
        assert!(sample.wall >= Duration::from_millis(2));
        assert!(sample.wall < Duration::from_millis(60), "{sample:?}");
        assert_eq!(sample.checksum, 7);
    }

    #[test]
    fn cpu_time_is_the_sum_of_all_threads() {
        const SHARE: Duration = Duration::from_millis(20);
        fn burn() {
            let own = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
            let begin = own();
            while own() - begin < SHARE {}
        }
        let clock = Clock::start();
        thread::scope(|scope| {
            scope.spawn(burn);
            scope.spawn(burn);
        });
        let sample = clock.stop(0);
        assert!(sample.cpu >= 2 * SHARE, "{sample:?}");
    }
}
