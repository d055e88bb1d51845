//! The simplest program: one coroutine that sleeps for a second.

use weftwork::sleep;
use weftwork_examples::{run, seconds};

async fn coroutine_example() {
    sleep(seconds(1.0)).await;
    println!("zhihu ID: Zarten");
}

/// Runs the program.
pub fn main() {
    run(coroutine_example());
}
