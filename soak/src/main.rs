//! Everything at once, for as long as you like, with the books kept: what begins has to end.
//!
//! ```sh
//! cargo run --release -p weftwork-soak -- --seconds 3600
//! ```
//!
//! It goes in rounds. In each one all loads run side by side on one runtime, which lives through all
//! rounds: trees of tasks, cancels with clean-ups, timers, groups, sockets, queues, locks, blocking jobs,
//! plain threads, and other runtimes that begin and end. Between two rounds everything is at rest, and then every
//! account is even: as many tasks have ended as were spawned, as many bytes came as were sent. At the end there are
//! as many descriptors and threads as before the first round, and the memory in use has not grown.

mod args;
mod books;
mod loads;
mod measure;
mod round;

use args::Args;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let broken = round::run_all(&args);
    if broken.is_empty() {
        println!("all is even");
        return ExitCode::SUCCESS;
    }
    for line in broken {
        println!("BROKEN: {line}");
    }
    ExitCode::FAILURE
}
