//! Results by `result()`, in the order of the caller's own list.

use weftwork::{sleep, spawn, wait_on};
use weftwork_examples::{run, seconds};

async fn coroutine_example(name: String) -> String {
    println!("正在执行name: {name}");
    sleep(seconds(1.0)).await;
    println!("执行完毕name: {name}");
    format!("返回值：{name}")
}

/// Runs the program.
pub fn main() {
    run(async {
        let mut tasks = [0, 1, 2].map(|i| spawn(coroutine_example(format!("Zarten_{i}"))));
        wait_on(&mut tasks).await;
        for task in &mut tasks {
            println!("{}", task.result().unwrap());
        }
    });
}
