//! `result()` never blocks: before the end of the task it gives an error.

use weftwork::{ResultError, sleep, spawn};
use weftwork_examples::{run, seconds};

async fn coroutine_example() -> &'static str {
    sleep(seconds(1.0)).await;
    "zhihu ID: Zarten"
}

/// Runs the program.
pub fn main() {
    run(async {
        let mut task = spawn(coroutine_example());
        println!("运行情况： {task:?}");
        match task.result() {
            Ok(value) => println!("返回值： {value}"),
            Err(ResultError::InvalidState) => {
                println!("task状态未完成，捕获了 InvalidStateError 异常");
            }
            Err(error) => println!("{error}"),
        }

        task.finished().await;
        println!("再看下运行情况： {:?}", task.debug_result());
        println!("返回值： {}", task.result().unwrap());
    });
}
