//! Results by `gather`, in the order of the tasks.

use weftwork::{gather, sleep, spawn};
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
        let mut tasks = Vec::new();
        for i in 0..3 {
            tasks.push(spawn(coroutine_example(format!("Zarten_{i}"))));
        }
        for result in gather(tasks).return_exceptions().await {
            println!("{}", result.unwrap());
        }
    });
}
