//! `wait` gives the tasks in the order in which they ended.

use weftwork::{ReturnWhen, sleep, wait};
use weftwork_examples::{run, seconds};

async fn coro(tag: u32) -> u32 {
    println!("> {tag}");
    sleep(seconds(tag.into())).await;
    println!("< {tag}");
    tag
}

/// Runs the program.
pub fn main() {
    run(async {
        let waited = wait((1..=3).rev().map(coro))
            .return_when(ReturnWhen::FirstException)
            .await;
        for mut task in waited.done {
            println!("result {}", task.result().unwrap());
        }
    });
}
