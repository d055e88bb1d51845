//! Tasks from another thread, which blocks for the first and goes on beside the others.
//!
//! `spawn` of a handle is `run_coroutine_threadsafe`; `blocking_wait` and `blocking_result` are the
//! `result(timeout)` of its future.

use weftwork::{Finished, sleep};
use weftwork_examples::{background, seconds};

async fn thread_example(name: &str) -> String {
    println!("正在执行name: {name}");
    sleep(seconds(1.0)).await;
    format!("返回结果：{name}")
}

fn callback(future: &Finished<'_, String>) {
    println!("back {}", future.value().unwrap());
}

/// Runs the program.
pub fn main() {
    let background = background();
    let new_loop = background.handle();

    let future = new_loop.spawn(thread_example("Zarten1"));
    future.blocking_wait(None).unwrap();
    println!("{}", future.value().unwrap());

    // It has ended already: the callback is scheduled at once.
    future.add_done_callback(callback);

    let second = new_loop.spawn(thread_example("Zarten2"));

    println!("主线程不会阻塞");

    let third = new_loop.spawn(thread_example("Zarten3"));

    println!("继续运行中...");

    // The tutorial's program never ends; this one lets its tasks end first.
    second.blocking_result(None).unwrap();
    third.blocking_result(None).unwrap();
    background.stop();
    background.join();
}
