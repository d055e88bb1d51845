//! `cargo xtask atomics`: how many atomic read-modify-writes, fences and instructions an operation
//! of a benchmark takes.
//!
//! Valgrind counts how often each instruction ran, and objdump says which instructions these are.
//! Each benchmark runs with two numbers of operations; the difference is free of what starting and
//! stopping cost.

use crate::args::Args;
use crate::{Result, cargo, table};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROWS: [&str; 10] = [
    "spawn_join",
    "chained_spawn",
    "fan_out_gather",
    "yield",
    "mpsc",
    "ping_pong",
    "oneshot",
    "semaphore",
    "mutex",
    "event_broadcast",
];
const PEERS: [&str; 3] = ["weftwork", "tokio", "smol"];

/// The two numbers of operations.
const FEW: u64 = 10_000;
const MANY: u64 = 30_000;

/// A benchmark runs its workload twice in a process.
const RUNS: u64 = 2;

/// What an instruction does to memory that other threads see.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    ReadModifyWrite,
    Fence,
}

/// The atomic instructions of a program by their address.
type Atomics = HashMap<u64, Kind>;

/// How often instructions ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    read_modify_writes: u64,
    fences: u64,
    /// All instructions of the program itself.
    own: u64,
    /// Those of the libraries that it is linked with dynamically.
    libraries: u64,
}

pub(crate) fn run(args: Vec<String>) -> Result<()> {
    let args = Args::parse(args, &[], &[])?;
    let rows = choose(&args.names)?;
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("knows the instructions of x86-64 and the binaries of Linux only".to_owned());
    }
    cargo::need("valgrind", "valgrind")?;
    cargo::need("objdump", "binutils")?;
    let program = build()?;
    let mut objdump = Command::new("objdump");
    objdump.args(["--disassemble", "--no-show-raw-insn"]);
    let atomics = atomics(&cargo::output(objdump.arg(&program))?);
    let heading = [
        "row",
        "peer",
        "RMWs per op",
        "fences per op",
        "instructions per op",
        "in libraries",
    ];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    for row in rows {
        for peer in PEERS {
            let measure = |ops| measure(&program, &atomics, row, peer, ops);
            lines.push(line(row, peer, measure(FEW)?, measure(MANY)?));
        }
    }
    print!("{}", table::layout(&lines));
    println!(
        "One worker thread. Atomics of the program itself: the allocator's and the C library's are not\n\
         among them. A locked instruction on the thread's own stack, or a locked `not`, is a fence."
    );
    Ok(())
}

/// The rows of these names; all if no name is given.
fn choose(names: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = names.iter().find(|name| !ROWS.contains(&name.as_str())) {
        return Err(format!("no row is named `{unknown}`: there are {ROWS:?}"));
    }
    let mut rows = ROWS.to_vec();
    rows.retain(|row| names.is_empty() || names.iter().any(|name| name == row));
    Ok(rows)
}

/// Builds the benchmarks. Valgrind cannot run the code with which rustix calls the kernel by itself.
fn build() -> Result<PathBuf> {
    let target = cargo::target().join("atomics");
    let mut command = cargo::cargo();
    command
        .args(["build", "--release", "--package", "weftwork-benches"])
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "--cfg rustix_use_libc")
        .env("CARGO_TARGET_DIR", &target);
    cargo::run(&mut command)?;
    Ok(target.join("release/weftwork-benches"))
}

/// Runs a benchmark under valgrind.
fn measure(program: &Path, atomics: &Atomics, row: &str, peer: &str, ops: u64) -> Result<Counts> {
    let profile = cargo::target().join(format!("atomics/{row}-{peer}-{ops}.callgrind"));
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--dump-instr=yes"])
        .args([
            "--dump-line=no",
            "--compress-pos=no",
            "--compress-strings=no",
        ])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(format!(
            "--log-file={}",
            profile.with_extension("log").display()
        ))
        .arg(program)
        .args(["--measure", row, peer, &ops.to_string(), "1"])
        .env("SMOL_THREADS", "1");
    cargo::output(&mut command)?;
    let text = std::fs::read_to_string(&profile)
        .map_err(|error| format!("{}: {error}", profile.display()))?;
    counts(&text, &program.display().to_string(), atomics)
        .map_err(|error| format!("{}: {error}", profile.display()))
}

/// The atomic instructions in objdump's listing, whose lines are `  79777:<tab>lock incq (%rax)`.
fn atomics(listing: &str) -> Atomics {
    let instructions = listing.lines().filter_map(|line| {
        let (address, instruction) = line.split_once(":\t")?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        Some((address, kind(instruction)?))
    });
    instructions.collect()
}

/// What an instruction in AT&T's notation is, if it is atomic.
fn kind(instruction: &str) -> Option<Kind> {
    let (mnemonic, operands) = instruction
        .trim()
        .split_once(' ')
        .unwrap_or((instruction, ""));
    let in_memory = operands.contains(['(', ':']);
    match mnemonic {
        "mfence" => Some(Kind::Fence),
        // No other thread sees the value: compilers write fences so, and crates with `not`, because
        // it is faster than `mfence`.
        "lock" if operands.contains("(%rsp)") || operands.starts_with("not") => Some(Kind::Fence),
        "lock" => Some(Kind::ReadModifyWrite),
        // Needs no prefix to be atomic. Of two registers it is a mere exchange, or padding.
        _ if mnemonic.starts_with("xchg") && in_memory => Some(Kind::ReadModifyWrite),
        _ => None,
    }
}

/// Sums up callgrind's profile of a program.
///
/// A line `0x1234 5` says that an instruction ran five times. The one below `calls=` says what the
/// called function cost, whose own instructions have lines elsewhere.
fn counts(profile: &str, program: &str, atomics: &Atomics) -> Result<Counts> {
    if !profile.contains("\npositions: instr\nevents: Ir\n") {
        return Err("the lines do not consist of an address and a count".to_owned());
    }
    let mut counts = Counts::default();
    let mut is_own = false;
    let mut is_call = false;
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            is_own = object == program;
        } else if let Some((address, times)) = cost(line).filter(|_| !is_call) {
            if !is_own {
                counts.libraries += times;
                continue;
            }
            counts.own += times;
            match atomics.get(&address) {
                Some(Kind::ReadModifyWrite) => counts.read_modify_writes += times,
                Some(Kind::Fence) => counts.fences += times,
                None => {}
            }
        }
        is_call = line.starts_with("calls=");
    }
    if counts.own == 0 {
        return Err(format!("no instruction of {program} ran"));
    }
    let total = counts.own + counts.libraries;
    if !profile.contains(&format!("\nsummary: {total}\n")) {
        return Err(format!("the sum of all lines is {total}, not what it says"));
    }
    Ok(counts)
}

/// The address and the count in a line that has them.
fn cost(line: &str) -> Option<(u64, u64)> {
    let (address, count) = line.strip_prefix("0x")?.split_once(' ')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    Some((address, count.trim().parse().ok()?))
}

fn line(row: &str, peer: &str, few: Counts, many: Counts) -> Vec<String> {
    let per_op = |of: fn(Counts) -> u64, digits: usize| {
        let more = of(many) as f64 - of(few) as f64;
        format!("{:.digits$}", more / (RUNS * (MANY - FEW)) as f64)
    };
    vec![
        row.to_owned(),
        peer.to_owned(),
        per_op(|counts| counts.read_modify_writes, 2),
        per_op(|counts| counts.fences, 2),
        per_op(|counts| counts.own, 0),
        per_op(|counts| counts.libraries, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\n/x/benches:     file format elf64-x86-64\n\n\
        0000000000001000 <main>:\n\
        \u{20}   1000:\tpush   %rbp\n\
        \u{20}   1001:\tlock xadd %rax,0x8(%rbx)\n\
        \u{20}   1007:\tlock orl $0x0,-0x40(%rsp)\n\
        \u{20}   100d:\txchg   %al,(%rdi)\n\
        \u{20}   100f:\txchg   %ax,%ax\n\
        \u{20}   1011:\tmfence\n\
        \u{20}   1012:\tlock notq 0x0(%rbp)\n\
        \u{20}   1014:\txchg   %rcx,%fs:0x10\n\
        \u{20}   101d:\tcmpxchg %rcx,(%rdi)\n";

    const PROFILE: &str = "# callgrind format\nversion: 1\ncmd: /x/benches --measure\n\n\
        positions: instr\nevents: Ir\nsummary: 46\n\n\
        ob=/lib/libc.so.6\nfl=m.c\nfn=malloc\n0x1001 7\n\n\
        ob=/x/benches\nfl=a.rs\nfn=main\n0x1000 1\nfi=b.rs\n0x1001 5\n\
        cob=/lib/libc.so.6\ncfi=m.c\ncfn=malloc\ncalls=1 0x1001 \n0x1007 1000\n\
        0x1007 4\nfe=a.rs\n0x100d 3\n0x100f 20\n0x1011 2\n\n\
        fn=other\n0x1014 4\n\ntotals: 46\n";

    #[test]
    fn locked_instructions_and_exchanges_with_memory_are_atomic() {
        let atomics = atomics(LISTING);
        let kind = |address| atomics.get(&address).copied();
        for address in [0x1001, 0x100d, 0x1014] {
            assert_eq!(kind(address), Some(Kind::ReadModifyWrite), "{address:x}");
        }
        for address in [0x1007, 0x1011, 0x1012] {
            assert_eq!(kind(address), Some(Kind::Fence), "{address:x}");
        }
        assert_eq!(atomics.len(), 6, "{atomics:?}");
    }

    #[test]
    fn costs_of_calls_and_atomics_of_libraries_do_not_count() {
        let counts = counts(PROFILE, "/x/benches", &atomics(LISTING));
        let expected = Counts {
            read_modify_writes: 5 + 3 + 4,
            fences: 4 + 2,
            own: 1 + 5 + 4 + 3 + 20 + 2 + 4,
            libraries: 7,
        };
        assert_eq!(counts, Ok(expected));
    }

    #[test]
    fn profiles_of_another_kind_are_refused() {
        let atomics = atomics(LISTING);
        let with_lines = PROFILE.replace("positions: instr", "positions: instr line");
        assert!(counts(&with_lines, "/x/benches", &atomics).is_err());
        assert!(counts(PROFILE, "/x/other", &atomics).is_err());
        let incomplete = PROFILE.replace("0x1014 4\n", "");
        let sum = counts(&incomplete, "/x/benches", &atomics).unwrap_err();
        assert!(sum.contains("42"), "{sum}");
    }

    #[test]
    fn what_both_sizes_need_drops_out() {
        let counts = |ops: u64| Counts {
            read_modify_writes: 9000 + RUNS * ops * 3,
            fences: 77 + RUNS * ops / 4,
            own: 1_000_000 + RUNS * ops * 200,
            libraries: 5,
        };
        let line = line("yield", "smol", counts(FEW), counts(MANY));
        assert_eq!(line, ["yield", "smol", "3.00", "0.25", "200", "0"]);
    }

    #[test]
    fn rows_are_chosen_by_name_and_programs_have_to_be_there() {
        let names =
            |names: &[&str]| choose(&names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[]), Ok(ROWS.to_vec()));
        assert_eq!(
            names(&["yield", "spawn_join"]),
            Ok(vec!["spawn_join", "yield"])
        );
        assert!(names(&["spawn"]).is_err());
        let missing = cargo::need("no-such-program", "its-package").unwrap_err();
        assert!(missing.contains("`its-package`"), "{missing}");
    }
}
