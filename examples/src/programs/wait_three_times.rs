//! Ten tasks: wait for the first one, then for two seconds, then for the rest.

use weftwork::{ReturnWhen, Task, sleep, wait};
use weftwork_examples::{run, seconds};

/// The tutorial draws them at random; these are fixed, so that each run prints the same.
const DELAYS: [f64; 10] = [3.6, 1.6, 4.0, 0.5, 4.6, 1.4, 3.8, 1.5, 5.0, 4.3];

async fn coro(tag: usize) -> usize {
    println!("> {tag}");
    sleep(seconds(DELAYS[tag - 1])).await;
    println!("< {tag}");
    tag
}

fn print_results(finished: Vec<Task<usize>>) {
    for mut task in finished {
        println!("result {}", task.result().unwrap());
    }
}

/// Runs the program.
pub fn main() {
    run(async {
        println!("Get first result:");
        let first = wait((1..=10).map(coro))
            .return_when(ReturnWhen::FirstCompleted)
            .await;
        print_results(first.done);
        println!("unfinished: {}", first.pending.len());

        println!("Get more results in 2 seconds:");
        let second = wait(first.pending).timeout(seconds(2.0)).await;
        print_results(second.done);
        println!("unfinished2: {}", second.pending.len());

        println!("Get all other results:");
        let third = wait(second.pending).await;
        print_results(third.done);
    });
}
