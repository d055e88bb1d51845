//! Feeds the targets their corpora, and then bytes from a seed: the same ones every time.
//!
//! `weftwork-fuzz [TARGET..] [--runs N] [--seconds N] [--seed N]`, or `weftwork-fuzz TARGET FILE` for one
//! input. By default each target has 5,000 runs. An input that fails is kept in `target/fuzz`.

use fastrand::Rng;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, abort};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use weftwork_fuzz::{Target, all};

/// So long an input may take, on a machine that has much else to do.
const HANGS: Duration = Duration::from_secs(60);
/// No input is longer.
const LONGEST: usize = 300;

struct Plan {
    targets: Vec<Target>,
    files: Vec<PathBuf>,
    runs: u64,
    time: Option<Duration>,
    seed: u64,
}

fn main() -> ExitCode {
    let plan = match plan(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(message) => {
            eprintln!("weftwork-fuzz: {message}");
            return ExitCode::FAILURE;
        }
    };
    let failed = plan.targets.iter().filter(|target| !fuzz(**target, &plan));
    if failed.count() > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn plan(mut args: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan {
        targets: Vec::new(),
        files: Vec::new(),
        runs: 5_000,
        time: None,
        seed: 1,
    };
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("`{arg}` needs a number"))
        };
        match arg.as_str() {
            "--runs" => plan.runs = number()?,
            "--seconds" => plan.time = Some(Duration::from_secs(number()?)),
            "--seed" => plan.seed = number()?,
            _ if Path::new(&arg).is_file() => plan.files.push(PathBuf::from(arg)),
            name => match all().into_iter().find(|target| target.name == name) {
                Some(target) => plan.targets.push(target),
                None => return Err(format!("`{name}` is no target, no file and no option")),
            },
        }
    }
    if plan.targets.is_empty() {
        plan.targets = all();
    }
    Ok(plan)
}

/// True if no input failed.
fn fuzz(target: Target, plan: &Plan) -> bool {
    let begun = Instant::now();
    let watch = watch(target.name);
    let given: Vec<Vec<u8>> = if plan.files.is_empty() {
        corpus(target.name)
    } else {
        plan.files
            .iter()
            .filter_map(|file| fs::read(file).ok())
            .collect()
    };
    let mut rng = Rng::with_seed(plan.seed);
    let goes_on = |run: u64| match plan.time {
        Some(time) => begun.elapsed() < time,
        None => run < plan.runs,
    };
    let runs = (0..).take_while(|run| plan.files.is_empty() && goes_on(*run));
    let random = runs.map(|_| random(&mut rng, &given));
    let mut count = 0;
    for input in given.iter().cloned().chain(random) {
        count += 1;
        let _ = watch.send(input.clone());
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            println!(
                "{}: FAILED at input {count}, {}",
                target.name,
                keep(target.name, &input)
            );
            return false;
        }
    }
    println!("{}: {count} inputs in {:.1?}", target.name, begun.elapsed());
    true
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs that are kept for a target, in order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder().join("corpus").join(name));
    let mut files: Vec<_> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read(file).ok())
        .collect()
}

/// Bytes of one kind or another: any, few different ones, or an input of the corpus that is changed.
fn random(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let len = rng.usize(..LONGEST);
    match rng.u8(..4) {
        0 => (0..len).map(|_| rng.u8(..)).collect(),
        1 => {
            let few: Vec<u8> = (0..rng.usize(1..8)).map(|_| rng.u8(..)).collect();
            (0..len).map(|_| few[rng.usize(..few.len())]).collect()
        }
        _ if corpus.is_empty() => (0..len).map(|_| rng.u8(..32)).collect(),
        _ => {
            let (one, other) = (rng.usize(..corpus.len()), rng.usize(..corpus.len()));
            let mut bytes = corpus[one].clone();
            bytes.truncate(rng.usize(..=bytes.len()));
            let tail = &corpus[other];
            bytes.extend_from_slice(&tail[rng.usize(..=tail.len())..]);
            for _ in 0..rng.usize(..4).min(bytes.len()) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
            bytes.truncate(LONGEST);
            bytes
        }
    }
}

/// Ends the process if an input takes too long.
fn watch(name: &'static str) -> Sender<Vec<u8>> {
    let (sender, inputs) = channel::<Vec<u8>>();
    std::thread::spawn(move || {
        let mut last = Vec::new();
        loop {
            match inputs.recv_timeout(HANGS) {
                Ok(input) => last = input,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("{name}: an input hangs, {}", keep(name, &last));
                    abort();
                }
            }
        }
    });
    sender
}

/// Keeps an input, and says how to run it again.
fn keep(name: &str, input: &[u8]) -> String {
    let folder = folder().join("../target/fuzz");
    let file = folder.join(format!("{name}.input"));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input));
    match kept {
        Ok(()) => format!("again with: {name} {}", file.display()),
        Err(error) => format!("and could not be kept ({error}): {input:?}"),
    }
}
