//! Callbacks from another thread: a cancelled one never runs, the others run one by one.
//!
//! Every method of a handle may be called from any thread: `call_soon` is `call_soon_threadsafe`.

use std::sync::mpsc;
use weftwork_examples::background;

fn thread_example(name: &str) {
    println!("正在执行name: {name}");
}

/// Runs the program.
pub fn main() {
    // `Thread(target=loop.run_forever)`
    let background = background();
    let new_loop = background.handle();

    // The first callback holds the lane, so that the cancel comes before its callback can run.
    let (gate, is_open) = mpsc::channel();
    new_loop.call_soon(move || is_open.recv().unwrap());

    let handle = new_loop.call_soon(|| thread_example("Zarten1"));
    handle.cancel();

    new_loop.call_soon(|| thread_example("Zarten2"));

    println!("主线程不会阻塞");

    new_loop.call_soon(|| thread_example("Zarten3"));

    println!("继续运行中...");

    gate.send(()).unwrap();
    background.stop();
    background.join();
}
