//! A daemon thread with a loop: the process ends without waiting for it.

use std::sync::mpsc;
use weftwork::sleep;
use weftwork_examples::{background, seconds};

async fn thread_example(name: &str, started: mpsc::Sender<()>) {
    println!("正在执行name: {name}");
    started.send(()).unwrap();
    sleep(seconds(60.0)).await;
    println!("执行完毕name: {name}");
}

/// Runs the program.
pub fn main() {
    let new_loop = background().daemon();
    let (started, has_started) = mpsc::channel();

    new_loop.spawn(thread_example("Zarten1", started)).detach();
    has_started.recv().unwrap();
    println!("the main thread ends, and the process with it");
}
