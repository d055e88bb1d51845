//! Every measurement is a process of its own, and this is both ends of it.
//!
//! Why not one process for all: a heap that one peer has grown and fragmented changes the next one's
//! times, smol's threads cannot be stopped and their number is an environment variable, and a peer
//! that hangs or aborts must cost its own figure only.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::Request;
use crate::clock::Sample;
use crate::latency::Latency;
use crate::row::Row;
use crate::served::Served;

/// The child's end: measures and prints the sample.
pub(crate) fn measure(request: &Request) -> Result<(), String> {
    let workload = request.row.workload(request.peer);
    let workload = workload.ok_or("the row has no such peer")?;
    let sample = workload(request.row.setup(request.ops, request.workers));
    println!("{}", to_json(&sample));
    Ok(())
}

/// The parent's end: starts a child, and returns its sample if the checksum is right. A child that
/// takes longer than `limit` is killed.
pub(crate) fn sample(request: &Request, limit: Duration) -> Result<Sample, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .args(request.to_args())
        .env("SMOL_THREADS", request.workers.to_string());
    let text = output(command, limit)?;
    let sample = from_json(&text).ok_or(format!("it printed {text:?}"))?;
    check(request.row, request.ops, &sample)?;
    Ok(sample)
}

fn check(row: &Row, ops: u64, sample: &Sample) -> Result<(), String> {
    let expected = (row.expected)(ops);
    if sample.checksum == expected {
        Ok(())
    } else {
        let got = sample.checksum;
        Err(format!("the checksum is {got}, expected {expected}"))
    }
}

/// The standard output of a process that succeeds in time.
fn output(mut command: Command, limit: Duration) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it does not start: {error}"))?;
    let mut stdout = child.stdout.take().ok_or("it has no output")?;
    // A thread reads, so that the wait for it can have a limit without polling, which would
    // disturb the measurement.
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // The receiver is gone if the limit is over.
        drop(sender.send(read.map(|_| text)));
    });
    match receiver.recv_timeout(limit) {
        Ok(text) => {
            let status = child.wait().map_err(|error| error.to_string())?;
            if !status.success() {
                return Err(format!("it ended with {status}"));
            }
            text.map_err(|error| format!("its output is not text: {error}"))
        }
        Err(_) => Err(kill(&mut child, limit)),
    }
}

fn kill(child: &mut Child, limit: Duration) -> String {
    match child.kill().and_then(|()| child.wait()) {
        Ok(_) => format!("it was killed after {limit:?}: it hangs"),
        Err(error) => format!("it hangs, and cannot be killed: {error}"),
    }
}

fn to_json(sample: &Sample) -> Value {
    json!({
        "wall_ns": nanos(sample.wall),
        "cpu_ns": nanos(sample.cpu),
        "counted": sample.counted,
        "latency": sample.latency.map(latency_to_json),
        "served": sample.served.map(served_to_json),
        "checksum": sample.checksum,
    })
}

fn served_to_json(served: Served) -> Value {
    json!({
        "connections": served.connections,
        "least": served.least,
    })
}

fn latency_to_json(latency: Latency) -> Value {
    json!({
        "p50_ns": nanos(latency.p50),
        "p99_ns": nanos(latency.p99),
        "max_ns": nanos(latency.max),
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn from_json(text: &str) -> Option<Sample> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(Sample {
        wall: Duration::from_nanos(value["wall_ns"].as_u64()?),
        cpu: Duration::from_nanos(value["cpu_ns"].as_u64()?),
        counted: value["counted"].as_u64(),
        latency: latency_from_json(&value["latency"]),
        served: served_from_json(&value["served"]),
        checksum: value["checksum"].as_u64()?,
    })
}

fn served_from_json(value: &Value) -> Option<Served> {
    Some(Served {
        connections: value["connections"].as_u64()?,
        least: value["least"].as_u64()?,
    })
}

fn latency_from_json(value: &Value) -> Option<Latency> {
    let at = |name: &str| value[name].as_u64().map(Duration::from_nanos);
    Some(Latency {
        p50: at("p50_ns")?,
        p99: at("p99_ns")?,
        max: at("max_ns")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use std::time::Instant;

    const SAMPLE: Sample = Sample {
        wall: Duration::from_nanos(3_000_000_001),
        cpu: Duration::from_nanos(5),
        counted: Some(6),
        latency: Some(Latency {
            p50: Duration::from_nanos(9),
            p99: Duration::from_nanos(10),
            max: Duration::from_nanos(11),
        }),
        served: Some(Served {
            connections: 7,
            least: 8,
        }),
        checksum: u64::MAX,
    };

    #[test]
    fn a_sample_survives_the_pipe() {
        assert_eq!(from_json(&to_json(&SAMPLE).to_string()), Some(SAMPLE));
        let timed = Sample {
            counted: None,
            latency: None,
            served: None,
            ..SAMPLE
        };
        assert_eq!(from_json(&to_json(&timed).to_string()), Some(timed));
        assert_eq!(from_json("{\"wall_ns\": 1, \"cpu_ns\": 2}"), None);
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        for row in rows::ALL {
            let right = Sample {
                checksum: (row.expected)(row.least),
                ..SAMPLE
            };
            assert_eq!(check(row, row.least, &right), Ok(()));
            let wrong = Sample {
                checksum: right.checksum + 1,
                ..SAMPLE
            };
            assert!(check(row, row.least, &wrong).is_err(), "{}", row.name);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_hangs_or_fails_is_reported() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        let begin = Instant::now();
        let hung = output(shell("exec sleep 30"), Duration::from_millis(50));
        assert!(hung.unwrap_err().contains("hangs"));
        assert!(begin.elapsed() < Duration::from_secs(15));

        let failed = output(shell("echo fine; exit 3"), Duration::from_secs(20));
        assert!(failed.unwrap_err().contains('3'));
        let fine = output(shell("echo fine"), Duration::from_secs(20));
        assert_eq!(fine.as_deref(), Ok("fine\n"));
    }
}
