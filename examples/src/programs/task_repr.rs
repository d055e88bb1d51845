//! How a task looks before and after it has run.

use weftwork::{sleep, spawn};
use weftwork_examples::{run, seconds};

async fn coroutine_example() {
    sleep(seconds(1.0)).await;
    println!("zhihu ID: Zarten");
}

/// Runs the program.
pub fn main() {
    run(async {
        let task = spawn(coroutine_example());
        println!("运行情况： {task:?}");
        // Awaiting the task itself would take its value away.
        task.finished().await;
        println!("再看下运行情况： {:?}", task.debug_result());
    });
}
