//! A thread with a loop that the process waits for.

use weftwork::{Handle, sleep};
use weftwork_examples::{background, seconds};

async fn thread_example(name: &str) {
    println!("正在执行name: {name}");
    sleep(seconds(1.0)).await;
    println!("执行完毕name: {name}");
    Handle::current().stop();
}

/// Runs the program.
pub fn main() {
    let background = background();
    background
        .handle()
        .spawn(thread_example("Zarten1"))
        .detach();
    println!("the main thread ends, the process goes on until the loop stops");

    // A Rust process ends with its main thread: waiting for another one is said, not implied.
    background.join();
}
